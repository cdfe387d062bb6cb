package acme

import "net/url"

// publicHosts are the API hosts of CAs whose certificates browsers trust. A certificate from one of them that does not
// end at a root of the system is wrong, whereas a private CA's is expected not to.
var publicHosts = map[string]bool{
	letsEncrypt:                true,
	"acme.zerossl.com":         true,
	"dv.acme-v02.api.pki.goog": true,
}

const letsEncrypt = "acme-v02.api.letsencrypt.org"

// IsPublic reports whether the directory belongs to a CA that browsers trust.
func IsPublic(directory string) bool { return publicHosts[hostName(directory)] }

// IsLetsEncrypt reports whether the directory is Let's Encrypt's real one, whose limits we count.
func IsLetsEncrypt(directory string) bool { return hostName(directory) == letsEncrypt }

// NameOf is how a CA is called in a sentence: "Let's Encrypt", or the host of its directory.
func NameOf(directory string) string { return hostOf(directory) }

// HostOf is the host of a directory's address; empty when it is none.
func HostOf(directory string) string { return hostName(directory) }

func hostName(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
