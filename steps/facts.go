package steps

import (
	"net/netip"
	"slices"
	"time"
)

// Facts is what the host is, as far as it could be read. A zero field means "not known" or "not there"; nothing in
// Facts is a decision. Everything that came from outside has been cleaned of control characters.
type Facts struct {
	Hostname  string
	Root      bool
	Arch      string
	Distro    Distro
	Packages  PackageManager
	Services  string // "systemd", or "" when no supported service manager runs
	Firewall  Firewall
	Listeners []Listener
	Nginx     Nginx
	Addresses []netip.Addr           // of this host, without loopback and link-local
	IPv6      bool                   // an AF_INET6 socket can be opened
	FreeBytes int64                  // on the file system of the state folder; -1 if not known
	NoFiles   bool                   // hardly any file can be made there any more: its inodes are used up
	ReadOnly  bool                   // that file system can only be read
	Self      Binary                 // the running sslwizard
	Managed   Managed                // what earlier runs left
	Renewers  []Renewer              // certificates that other programs renew here
	Panels    []PanelHere            // hosting panels
	Minders   []Minder               // programs that keep files of this host as they want them
	Nearby    Nearby                 // what could be served; empty where it was not looked for
	ClientCAs map[string]ClientCA    // of the sites that ask their clients for certificates, by name
	DNSFiles  map[string]RootFile    // of the sites that are proved by records of the DNS, by name
	Notify    map[string]NotifyFacts // of the sites whose troubles somebody wants to be told of, by name
	MotdDir   bool                   // programs in MotdDir say things to who logs in
}

// Distro is /etc/os-release.
type Distro struct {
	ID, VersionID, Codename, Pretty string
	Like                            []string
}

// Debian reports Debian, Ubuntu and what says that it is like them.
func (d Distro) Debian() bool {
	return slices.ContainsFunc(append([]string{d.ID}, d.Like...), func(id string) bool { return id == "debian" || id == "ubuntu" })
}

// PackageManager is the tool that installs packages here.
type PackageManager struct {
	Kind     string // "apt", or "" when none is supported
	LockedBy string // who holds its lock ("apt-get, pid 812"); empty when free
}

// Firewall is the one that is in charge (facts.md 5.3 has the order in which they are asked).
type Firewall struct {
	Kind   string // "none", "ufw", "firewalld", "nftables", "iptables"
	Open   []Port // of 80/tcp, 443/tcp and 443/udp: those already allowed from everywhere
	Detail string // what was seen, one line
	Table  string // nftables: "inet filter input", the chain that decides
}

// Port is a port and its transport ("tcp" or "udp").
type Port struct {
	Number int
	Proto  string
}

// Listener is a socket that somebody listens on.
type Listener struct {
	Port      Port
	Address   netip.Addr // unspecified: all addresses
	PID       int
	Process   string // name of the program
	Unit      string // systemd unit, "" if none; one of a user's own manager is "node.service" + OfUser + "1000"
	Package   string // package of the program's file, "" if none
	Container string // "name (image)" of the container whose port it is, "" if none
	Ours      bool   // belongs to sslwizard's own units
}

// OfUser parts the name of a unit from the number of the user whose own service manager runs it.
const OfUser = " of user "

// Nginx is the nginx on this host.
type Nginx struct {
	Installed   bool
	Packaged    bool   // its binary belongs to a package
	Version     string // "1.22.1"
	Active      bool   // the unit runs
	Enabled     bool   // the unit starts at boot
	ConfigOK    bool   // the present configuration passes nginx -t
	ConfigError string // the first [emerg] line otherwise
	Include     string // folder whose *.conf is read in http{}, "/etc/nginx/conf.d"; "" when none was found
	Servers     []NginxServer
	Caps        NginxCaps
	Candidate   string // version that the package manager would install; "" if not known
}

// NginxServer is a server block that is not ours.
type NginxServer struct {
	File    string
	Line    int
	Names   []string
	Listens []string // the parameters of each listen as written: "80 default_server", "[::]:443 ssl"
	Stock   bool     // the distribution's untouched default server
}

// NginxCaps is what this nginx can do. Debian back-ports directives, so it is asked, not derived from the version,
// when nginx is installed (facts.md 1.1); otherwise it is derived from Candidate.
type NginxCaps struct {
	HTTP2Directive  bool // "http2 on" (1.25.1)
	RejectHandshake bool // ssl_reject_handshake (1.19.4)
	TicketRotation  bool // session ticket keys rotate by themselves with a shared cache (1.23.2)
	ModernUpstream  bool // upstream HTTP/1.1 and keep-alive by default (1.29.7)
	QUIC            bool // HTTP/3 (1.25.0, where its module was built in)
	NoRealIP        bool // set_real_ip_from is unknown: its module, which every distribution has, was not built in
}

// Binary is a program file.
type Binary struct {
	Path   string
	SHA256 string
	Size   int64
}

// Managed is what sslwizard manages on this host.
type Managed struct {
	Sites []Site               // stored sites, sorted by name
	Bad   []Finding            // stored sites that cannot be read
	Files map[string]string    // path → sha256 of what was last written there by us
	Certs map[string]CertFacts // site name → its current certificate
	// Accounts are the directories at which this host has an account.
	Accounts []string
	// Announced are the files below HTTP3Dir, by their whole path.
	Announced []string
}

// CertFacts describes a stored certificate.
type CertFacts struct {
	Source    string // "local", "acme" or "files"
	Directory string // ACME directory URL
	Profile   string // that was asked for; empty: none
	InPlaceOf string // directory URL of the CA that could not issue when this one did; empty: none
	Domains   []Domain
	Key       KeyType
	NotBefore time.Time
	NotAfter  time.Time
	SHA256    string // of the leaf's DER
}
