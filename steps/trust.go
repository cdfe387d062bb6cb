package steps

import (
	"fmt"
	"strings"
)

// TrustGuide is how one kind of machine comes to trust a CA of this server.
type TrustGuide struct {
	System   string   `json:"system"` // "macOS"
	Before   string   `json:"before"` // where the commands are typed, or what has to be there
	Commands []string `json:"commands,omitempty"`
	Steps    []string `json:"steps,omitempty"` // what to press, where there is no command
}

// TrustGuides are the ways for everybody who shall trust this CA. Every command looks at the fingerprint before anything
// is trusted: the file comes over plain HTTP, which anybody on the way can change.
func TrustGuides(ca OwnCA) []TrustGuide {
	const file = CACertFile
	name := "sslwizard-" + strings.ToLower(strings.ReplaceAll(ca.Fingerprint, ":", ""))[:8]
	get := "curl -fsSo " + file + " " + ca.Page + CACertFile
	before := "in a terminal"
	if ca.Page == "" {
		get = "scp root@" + ca.address() + ":" + CADir + "/ca.pem " + file
	}
	checked := fmt.Sprintf(`openssl x509 -in %s -noout -fingerprint -sha256 | grep -qiF %s`, file, ca.Fingerprint)
	into := func(folder, tool string) string {
		return fmt.Sprintf("%s && sudo install -m 644 %s %s/%s.crt && sudo %s", checked, file, folder, name, tool)
	}
	plain := strings.ReplaceAll(ca.Fingerprint, ":", "")
	return []TrustGuide{
		{System: "Debian, Ubuntu", Before: before, Commands: []string{get, into("/usr/local/share/ca-certificates", "update-ca-certificates")}},
		{System: "Fedora, RHEL", Before: before, Commands: []string{get, into("/etc/pki/ca-trust/source/anchors", "update-ca-trust extract")}},
		{System: "Arch Linux", Before: before, Commands: []string{get, into("/etc/ca-certificates/trust-source/anchors", "update-ca-trust")}},
		{System: "Chromium and Chrome on Linux", Before: before + "; certutil is in the package libnss3-tools", Commands: []string{get,
			fmt.Sprintf("%s && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n %s -i %s", checked, name, file)}},
		{System: "macOS", Before: before, Commands: []string{get,
			fmt.Sprintf("%s && sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain %s", checked, file)}},
		{System: "Windows", Before: "in PowerShell, as administrator", Commands: []string{strings.Replace(get, "curl ", "curl.exe ", 1),
			fmt.Sprintf("if ((Get-FileHash -InputStream ([IO.MemoryStream]::new((Get-PfxCertificate %s).RawData))).Hash -eq '%s') { Import-Certificate -FilePath %s -CertStoreLocation Cert:\\LocalMachine\\Root }", file, plain, file)}},
		{System: "Firefox", Before: ca.download(), Steps: []string{"Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import: choose " + file,
			"press View and compare the SHA-256 fingerprint", "tick: trust this CA to identify websites"}},
		{System: "Android", Before: ca.download(), Steps: []string{"Settings, Security, Encryption & credentials, Install a certificate, CA certificate: choose " + file,
			"afterwards compare the SHA-256 fingerprint under Trusted credentials, User"}},
		{System: "iPhone, iPad", Before: ca.download() + ", in Safari", Steps: []string{"Settings, Profile Downloaded: press More Details and compare the SHA-256 fingerprint, then Install",
			"Settings, General, About, Certificate Trust Settings: turn it on"}},
		{System: "Node.js, Java, Python", Before: "programs with stores of their own", Commands: []string{"export NODE_EXTRA_CA_CERTS=$PWD/" + file,
			"keytool -importcert -cacerts -alias " + name + " -file " + file, "export REQUESTS_CA_BUNDLE=$PWD/" + file}},
	}
}

// address is a name of the server for who copies the file from it.
func (ca OwnCA) address() string {
	for _, d := range ca.Domains {
		if _, isIP := d.IP(); !isIP {
			return string(d)
		}
	}
	return CleanLine(ca.Host)
}

func (ca OwnCA) download() string {
	if ca.Page == "" {
		return "get the file " + CACertFile + " onto it, as for Debian"
	}
	return "open " + ca.Page + CACertFile
}
