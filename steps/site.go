package steps

import (
	"net/netip"
	"time"
)

// Site is one site, parsed and valid: the outcome of Answers.Site. Both executors render from it and nothing else.
type Site struct {
	Name       string // file name of the site: the first domain, "*." written as "_wildcard."; [a-z0-9._-]
	Install    SiteInstall
	Certs      SiteCerts
	SSL        SiteSSL
	Redirect   SiteRedirect
	Proxy      SiteProxy
	WebSockets SiteWebSockets
	Trusted    SiteTrusted
}

// SiteInstall is step 1.
type SiteInstall struct {
	Executor string // ExecutorNative or ExecutorNginx
	Firewall bool   // open the ports in the firewall that is in charge
}

// The two executors by name.
const (
	ExecutorNative = "native"
	ExecutorNginx  = "nginx"
)

// Domain is a name in its A-label form (lower case, no trailing dot), or an IP literal.
type Domain string

// IP reports the address if the domain is an IP literal.
func (d Domain) IP() (netip.Addr, bool) {
	a, err := netip.ParseAddr(string(d))
	return a, err == nil
}

// Wildcard reports whether the domain begins with "*.".
func (d Domain) Wildcard() bool { return len(d) > 2 && d[:2] == "*." }

// KeyType is the kind of private key of a certificate.
type KeyType string

// The key types that public CAs accept and that Mozilla 6.0 lists.
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	ECDSAP384 KeyType = "ecdsa-p384"
	RSA2048   KeyType = "rsa-2048"
	RSA3072   KeyType = "rsa-3072"
	RSA4096   KeyType = "rsa-4096"
)

// KeyTypes lists every KeyType, the default first.
func KeyTypes() []KeyType { return []KeyType{ECDSAP256, ECDSAP384, RSA2048, RSA3072, RSA4096} }

// SiteCerts is step 2: the certificate of our own making.
type SiteCerts struct {
	Domains []Domain // at least one; the first names the site
	Key     KeyType
	Days    int    // lifetime of the local certificate, 1 to 398
	DHGroup string // "none", "ffdhe2048" or "ffdhe3072" (RFC 7919); only nginx can use it
}

// DH reports whether the site asked for a Diffie-Hellman group and its executor can use one. It may be called on nil.
func (s *Site) DH() bool {
	return s != nil && s.Certs.DHGroup != "" && s.Certs.DHGroup != DHNone && s.Install.Executor == ExecutorNginx
}

// Profile is a TLS configuration of the Mozilla guideline 6.0.
type Profile string

// The profiles of guideline 6.0; "old" was removed there.
const (
	Modern       Profile = "modern"
	Intermediate Profile = "intermediate"
)

// SiteSSL is step 3.
type SiteSSL struct {
	Profile Profile
	HTTP2   bool
	HTTP3   bool
	HSTS    HSTS
	// ClientAuth asks clients for a certificate: ClientRequired or ClientOptional; empty: nobody is asked.
	ClientAuth string
	ClientCA   string // path of the PEM file with the CAs of the clients; the executors read a copy, ClientCAFile
}

// What is made of a client without a certificate. One with a certificate that is not good is refused in either case.
const (
	ClientNobody   = "none"     // nobody is asked; in a Site it is empty
	ClientRequired = "require"  // it is refused
	ClientOptional = "optional" // it is let in, and the application learns that it has none
)

// HSTS is the Strict-Transport-Security header (RFC 6797); a zero MaxAge sends none.
type HSTS struct {
	MaxAge            time.Duration
	IncludeSubDomains bool
}

// SiteRedirect is step 4.
type SiteRedirect struct {
	Enabled   bool   // false keeps serving http as well
	Status    int    // 301 or 308
	Canonical Domain // every other name is redirected to this one; empty leaves each name as it is
}

// Upstream is where requests go: a scheme with Host and Port, or scheme unix or h2c with Path.
type Upstream struct {
	Scheme string // "http", "https", "unix", "h2c" (HTTP/2 without TLS) or "h2" (HTTP/2 over TLS)
	Host   string // an IP literal without brackets, or a host name
	Port   int
	Path   string // absolute path of the socket, where it is one
	Verify bool   // https and h2: check the upstream's certificate against the system roots; false by default on loopback only
}

// Header is a request header that the proxy adds; Name is canonical.
type Header struct{ Name, Value string }

// SiteProxy is step 5.
type SiteProxy struct {
	Upstream Upstream
	More     []Upstream    // where the same application runs as well; all https, or none
	Sticky   bool          // a visitor stays with the upstream that answered first
	Timeout  time.Duration // how long the upstream may be silent on a plain request
	MaxBody  int64         // bytes; 0 is unlimited
	Headers  []Header      // sorted by name
	// Trusted is what stands before this server: such a peer is believed about who the client is.
	Trusted       []netip.Prefix
	ClientAddress string // the field that says it; empty: ForwardedFor
	AccessLog     string // LogJournal, LogJSON, LogCombined or LogOff; nginx has its own
}

// Upstreams are all of them, Upstream first.
func (p SiteProxy) Upstreams() []Upstream { return append([]Upstream{p.Upstream}, p.More...) }

// SiteWebSockets is step 6.
type SiteWebSockets struct {
	Enabled bool
	Paths   []string      // path prefixes on which an upgrade is passed; "/" is everywhere
	Idle    time.Duration // how long an open socket may be silent
}

// The sources of the trusted certificate.
const (
	SourceACME  = "acme"
	SourceFiles = "files"
	SourceNone  = "none"
)

// The challenges of RFC 8555, RFC 8737 and draft-ietf-acme-dns-persist.
const (
	HTTP01       = "http-01"
	TLSALPN01    = "tls-alpn-01"
	DNS01        = "dns-01"
	DNSPersist01 = "dns-persist-01"
)

// InDNS reports a challenge that is answered by a record in the DNS: for names only, and for wildcards too.
func InDNS(challenge string) bool { return challenge == DNS01 || challenge == DNSPersist01 }

// SiteDNS is who writes the records of the dns-01 challenge.
type SiteDNS struct {
	Provider    string // one of DNSProviders
	Credentials string // path of a file that only root can read
}

// SiteTrusted is step 7.
type SiteTrusted struct {
	Source      string // SourceACME, SourceFiles or SourceNone
	Directory   string // https URL of the ACME directory, an alias already resolved
	Rehearsal   string // https URL of the staging directory to rehearse with; empty: none
	CARoots     string // path of a PEM file that a private directory, or the own certificate, is trusted by; empty: the system roots
	Email       string // account contact; may be empty
	AcceptTerms bool
	Challenge   string  // HTTP01, TLSALPN01, DNS01 or DNSPersist01
	DNS         SiteDNS // with DNS01
	Profile     string  // of the certificate; empty: the CA's default, or the one for addresses
	EAB         SiteBinding
	Fallback    SiteFallback
	Certificate string // files: path of the chain, leaf first
	Key         string // files: path of the private key
	TrustHere   bool   // none: the programs of this host trust its own CA
	Notify      SiteNotify
	CAPage      bool // none: the site has a page under CAPath where others get this server's own CA
}
