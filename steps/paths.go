package steps

// Where things are on a host. They are relative to --root-dir in tests.
const (
	SitesDir   = "/etc/sslwizard/sites"     // NAME.yaml: what was asked, the truth both executors render from
	StateDir   = "/var/lib/sslwizard"       // 0711: others may pass through to webroot and, as the proxy's group, to certs
	CertsDir   = StateDir + "/certs"        // 0750 root:sslwizard; NAME/vNNNN/{key.pem,fullchain.pem,meta.json}, NAME/current
	ACMEDir    = StateDir + "/acme"         // 0700; account keys, order ledger
	RenewDir   = StateDir + "/renew"        // 0700; what is remembered of each site's renewal: NAME.json
	NotifyDir  = StateDir + "/notify"       // 0700; messages that have to be sent
	NotifyLock = StateDir + "/notify.lock"  // whoever has it locked is sending them
	LoginText  = StateDir + "/login"        // 0644; what who logs in has to know; not there while all is well
	CADir      = StateDir + "/ca"           // 0700; the local CA: ca.pem, ca.key
	Webroot    = StateDir + "/webroot"      // 0755; .well-known/acme-challenge/TOKEN, acme-tls-1/NAME
	JournalDir = StateDir + "/journal"      // 0700; the one open run
	DoneDir    = StateDir + "/done"         // 0700; finished runs, by ID
	LogDir     = "/var/log/sslwizard"       // 0750, the proxy's; NAME.log, NAME.json: made when a site logs to a file
	BootNotice = "/run/motd.d/sslwizard"    // 0644; what was undone at boot, for who logs in before the next one (pam_motd(8))
	RuntimeDir = "/run/sslwizard"           // 0755; the lock, the proxy's control socket
	LockFile   = StateDir + "/lock"         // whoever has it locked is at work
	BinaryPath = "/usr/local/bin/sslwizard" // for the units, when we are not installed by a package
	ProxyUser  = "sslwizard"                // user and group of the native proxy
)

// ChallengePath is the prefix under which HTTP-01 tokens are fetched (RFC 8555 section 8.3).
const ChallengePath = "/.well-known/acme-challenge/"

// CAPath is the prefix of the page, over plain HTTP, where other machines get this server's own CA. Its files are in the
// webroot.
const (
	CAPath     = "/.well-known/sslwizard-ca/"
	CAPageFile = "index.html"
	CACertFile = "ca.crt"
)

// ALPNPath is the folder of the webroot in which each name with an open TLS-ALPN-01 challenge has a file of this name:
// the key authorization. No executor serves it over HTTP.
const ALPNPath = "/acme-tls-1/"

// CurrentChain and CurrentKey are the files that an executor names in its configuration.
func CurrentChain(site string) string { return CertsDir + "/" + site + "/current/fullchain.pem" }

// CurrentKey is the private key beside CurrentChain.
func CurrentKey(site string) string { return CertsDir + "/" + site + "/current/key.pem" }

// SiteFile is where a site is stored.
func SiteFile(site string) string { return SitesDir + "/" + site + ".yaml" }

// ClientCAFile is the copy of the CAs whose clients a site lets in.
func ClientCAFile(site string) string { return SitesDir + "/" + site + ".clients.pem" }

// The units that renew certificates, and where units of the administrator live.
const (
	UnitDir       = "/etc/systemd/system"
	RenewService  = "sslwizard-renew.service"
	RenewTimer    = "sslwizard-renew.timer"
	NotifyService = "sslwizard-notify.service"
	// RecoverService undoes at boot what the power cut off; it is there while a run is open.
	RecoverService = "sslwizard-recover.service"
)

// PackagedBinary is where a package of sslwizard has the program; then no copy is made.
const PackagedBinary = "/usr/bin/sslwizard"

// Binary is the path of the program that the units on this host run.
func (f Facts) Binary() string {
	if f.Self.Path == PackagedBinary {
		return PackagedBinary
	}
	return BinaryPath
}
