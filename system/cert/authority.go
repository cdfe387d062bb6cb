package cert

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Authority is the local CA of this server. There is one for each server, and its certificate is bound by critical
// name constraints (RFC 5280 section 4.2.1.10) to the names that this server serves: somebody who trusts it trusts it
// for those names, and a stolen CA key is worth nothing for any other name.
//
// When a name is added the same key gets a new certificate that permits the old names and the new one. Leaves made
// before stay valid under both; a client that trusts the older CA certificate has to import the new one before it
// trusts the added name, which is the point of the constraint.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

const (
	// backdate is how far in the past a certificate begins, for clients whose clock is behind.
	backdate = time.Hour
	// MaxDays is the longest lifetime of a leaf: browsers refuse more (CA/B ballot SC-31, Apple).
	MaxDays = 398
	// authorityYears is the lifetime of the local CA.
	authorityYears = 10
	// nothing stands for "no name at all" in a constraint: a name that can never exist (RFC 6761 section 6.4).
	nothing = "none.invalid"
)

// NewAuthority makes the CA certificate of the key for these domains. Host is the name of the server, for people.
func NewAuthority(key crypto.Signer, host string, domains []steps.Domain, now time.Time) (*Authority, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	keyID, err := keyIdentifier(key.Public())
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "sslwizard local CA on " + commonName(host), Organization: []string{"sslwizard"}},
		NotBefore:             now.Add(-backdate).UTC().Truncate(time.Second),
		NotAfter:              now.AddDate(authorityYears, 0, 0).UTC().Truncate(time.Second),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId:          keyID,
	}
	constrain(template, domains)
	c, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the local CA: %w", err)
	}
	return &Authority{Certificate: c, Key: key}, nil
}

// constrain permits exactly these domains. A kind of name of which there is none is closed too: without an entry for
// it, RFC 5280 would leave that whole kind free.
func constrain(c *x509.Certificate, domains []steps.Domain) {
	names, addresses := split(set(domains))
	for _, name := range names {
		c.PermittedDNSDomains = append(c.PermittedDNSDomains, strings.TrimPrefix(name, "*."))
	}
	slices.Sort(c.PermittedDNSDomains)
	c.PermittedDNSDomains = slices.Compact(c.PermittedDNSDomains)
	if len(c.PermittedDNSDomains) == 0 {
		c.PermittedDNSDomains = []string{nothing}
	}
	for _, ip := range addresses {
		c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(len(ip)*8, len(ip)*8)})
	}
	if len(addresses) == 0 {
		c.ExcludedIPRanges = []*net.IPNet{
			{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
			{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
		}
	}
	c.PermittedDNSDomainsCritical = true
}

// ParseAuthority reads the CA back from its two files.
func ParseAuthority(certificate, key []byte) (*Authority, error) {
	chain, err := ParseChain(certificate)
	if err != nil {
		return nil, err
	}
	signer, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	if !chain[0].IsCA || !SameKey(chain[0].PublicKey, signer.Public()) {
		return nil, errors.New("the CA certificate does not belong to the CA key")
	}
	return &Authority{Certificate: chain[0], Key: signer}, nil
}

// PEM is the CA certificate, the file that a client imports to trust it.
func (a *Authority) PEM() []byte { return EncodeChain([]*x509.Certificate{a.Certificate}) }

// Permitted lists what the CA may sign for, as domains.
func (a *Authority) Permitted() []steps.Domain {
	var domains []steps.Domain
	for _, name := range a.Certificate.PermittedDNSDomains {
		if name != nothing {
			domains = append(domains, steps.Domain(name))
		}
	}
	for _, r := range a.Certificate.PermittedIPRanges {
		domains = append(domains, DomainsOf(&x509.Certificate{IPAddresses: []net.IP{r.IP}})...)
	}
	return domains
}

// Permits reports whether the CA may sign for all of these domains.
func (a *Authority) Permits(domains []steps.Domain) bool {
	permitted := a.Permitted()
	for _, d := range domains {
		if !slices.Contains(permitted, steps.Domain(strings.TrimPrefix(string(set([]steps.Domain{d})[0]), "*."))) {
			return false
		}
	}
	return true
}

// Lasts reports whether a leaf that is made now can live its whole life under this CA.
func (a *Authority) Lasts(now time.Time) bool {
	return now.After(a.Certificate.NotBefore) && a.Certificate.NotAfter.After(now.AddDate(0, 0, MaxDays))
}

// Issue makes a leaf for exactly these domains: SAN only, never a CA, for servers only, at most MaxDays long. The
// result is the chain to serve: the leaf alone, since a client that trusts the CA has it.
func (a *Authority) Issue(public crypto.PublicKey, domains []steps.Domain, days int, now time.Time) ([]*x509.Certificate, error) {
	if len(domains) == 0 {
		return nil, errors.New("cannot make a certificate: no name was given")
	}
	if days < 1 || days > MaxDays {
		return nil, fmt.Errorf("cannot make a certificate for %d days: 1 to %d are possible", days, MaxDays)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := leafTemplate(serial, public, domains)
	// The lifetime counts from the backdated begin and includes its last second (RFC 5280 section 4.1.2.5).
	template.NotBefore = now.Add(-backdate).UTC().Truncate(time.Second)
	template.NotAfter = template.NotBefore.Add(time.Duration(days)*24*time.Hour - time.Second)
	leaf, err := sign(template, a.Certificate, public, a.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return []*x509.Certificate{leaf}, nil
}

func leafTemplate(serial *big.Int, public crypto.PublicKey, domains []steps.Domain) *x509.Certificate {
	names, addresses := split(domains)
	usage := x509.KeyUsageDigitalSignature
	if kind, _ := TypeOf(public); strings.HasPrefix(string(kind), "rsa") {
		usage |= x509.KeyUsageKeyEncipherment // TLS 1.2's RSA key exchange; harmless, and old clients look for it
	}
	return &x509.Certificate{
		SerialNumber:          serial,
		DNSNames:              names,
		IPAddresses:           addresses,
		KeyUsage:              usage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  false,
	}
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newSerial is 128 random bits with the top bit clear and the next set: positive, never short (RFC 5280 4.1.2.2).
func newSerial() (*big.Int, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// keyIdentifier is method 4 of RFC 7093 section 2, cut to the 160 bits that everything expects.
func keyIdentifier(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("cannot identify the key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// commonName makes a host name safe for a subject: printable, and within the 64 characters of X.520.
func commonName(host string) string {
	keep := func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}
	host = strings.Map(keep, host)
	if host == "" {
		host = "this server"
	}
	return host[:min(len(host), 64-len("sslwizard local CA on "))]
}
