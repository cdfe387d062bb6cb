package cert

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Fault is why a certificate must not be served. Code is the row of the failure catalogue, or empty where it has none.
type Fault struct {
	Kind FaultKind
	Code string
	Text string // one sentence without "cannot": what is wrong with it
}

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// FaultKind tells faults apart.
type FaultKind string

// The faults, in the order in which Check looks for them.
const (
	FaultKey         FaultKind = "key"         // the private key is not the certificate's (A24)
	FaultNames       FaultKind = "names"       // the SAN set is not what was asked (A21)
	FaultTestCA      FaultKind = "test-ca"     // issued by a CA for tests (A22)
	FaultCA          FaultKind = "ca"          // the leaf is itself a CA, or not for servers
	FaultNotYet      FaultKind = "not-yet"     // begins in the future
	FaultExpired     FaultKind = "expired"     // is over
	FaultWeak        FaultKind = "weak"        // a key or signature that browsers refuse
	FaultChain       FaultKind = "chain"       // an intermediate is missing or wrong (A23)
	FaultUntrusted   FaultKind = "untrusted"   // complete, but ends at a root that is not trusted here (A23)
	FaultConstraints FaultKind = "constraints" // a CA of the chain may not sign for these names (A23)
)

// Expected is what a certificate is judged against.
type Expected struct {
	Key     crypto.PublicKey // of the stored private key
	Domains []steps.Domain   // that must be covered
	Exact   bool             // the SAN set has to equal Domains, not only to cover them
	Roots   *x509.CertPool   // nil: the chain only has to fit together
	Public  bool             // issuers that are known to be for tests are refused
	Now     time.Time
}

// Check reports the first fault of a chain (leaf first), as a *Fault.
func Check(chain []*x509.Certificate, want Expected) error {
	if len(chain) == 0 {
		return &Fault{FaultChain, "A23", "the chain is empty"}
	}
	for _, look := range []func([]*x509.Certificate, Expected) *Fault{
		checkKey, checkNames, checkIssuer, checkUse, checkDates, checkStrength, checkOrder, checkTrust,
	} {
		if fault := look(chain, want); fault != nil {
			return fault
		}
	}
	return nil
}

func checkKey(chain []*x509.Certificate, want Expected) *Fault {
	if want.Key == nil || SameKey(chain[0].PublicKey, want.Key) {
		return nil
	}
	return &Fault{FaultKey, "A24", "the private key does not belong to this certificate"}
}

func checkNames(chain []*x509.Certificate, want Expected) *Fault {
	has := cleanDomains(DomainsOf(chain[0]))
	if want.Exact && !SameDomains(has, want.Domains) {
		return &Fault{FaultNames, "A21", fmt.Sprintf("the certificate is for %s, but %s was asked", list(has), list(want.Domains))}
	}
	var missing []steps.Domain
	for _, d := range want.Domains {
		if !Covers(chain[0], d) {
			missing = append(missing, d)
		}
	}
	if len(missing) > 0 {
		return &Fault{FaultNames, "A21", fmt.Sprintf("the certificate is for %s, and not for %s", list(has), list(missing))}
	}
	return nil
}

// Covers reports whether the certificate's SAN covers the domain; a wildcard only by the same wildcard.
func Covers(c *x509.Certificate, d steps.Domain) bool {
	if d.Wildcard() {
		for _, name := range c.DNSNames {
			if strings.EqualFold(name, string(d)) {
				return true
			}
		}
		return false
	}
	return c.VerifyHostname(string(d)) == nil
}

// checkIssuer refuses certificates of test CAs where a real one was asked: Let's Encrypt's staging intermediates and
// roots all say "(STAGING)", Pebble says its name.
func checkIssuer(chain []*x509.Certificate, want Expected) *Fault {
	if !want.Public {
		return nil
	}
	for _, c := range chain {
		name := c.Issuer.CommonName + " " + strings.Join(c.Issuer.Organization, " ")
		for _, mark := range []string{"STAGING", "Fake LE", "Pebble Intermediate CA", "Pebble Root CA"} {
			if strings.Contains(name, mark) {
				return &Fault{FaultTestCA, "A22", "this is a test certificate, issued by " + steps.CleanLine(c.Issuer.CommonName)}
			}
		}
	}
	return nil
}

func checkUse(chain []*x509.Certificate, _ Expected) *Fault {
	leaf := chain[0]
	if leaf.IsCA {
		return &Fault{Kind: FaultCA, Text: "the first certificate is a CA's, not the server's: the server's own has to come first"}
	}
	if len(leaf.ExtKeyUsage) == 0 {
		return nil
	}
	for _, use := range leaf.ExtKeyUsage {
		if use == x509.ExtKeyUsageServerAuth || use == x509.ExtKeyUsageAny {
			return nil
		}
	}
	return &Fault{Kind: FaultCA, Text: "the certificate is not meant for servers (serverAuth is missing)"}
}

func checkDates(chain []*x509.Certificate, want Expected) *Fault {
	for i, c := range chain {
		switch {
		case want.Now.Before(c.NotBefore):
			return &Fault{Kind: FaultNotYet, Text: fmt.Sprintf("%s begins only on %s; is this server's clock right?", position(i), day(c.NotBefore))}
		case want.Now.After(c.NotAfter):
			return &Fault{Kind: FaultExpired, Text: fmt.Sprintf("%s expired on %s", position(i), day(c.NotAfter))}
		}
	}
	return nil
}

func checkStrength(chain []*x509.Certificate, _ Expected) *Fault {
	for i, c := range chain {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
			return &Fault{Kind: FaultWeak, Text: fmt.Sprintf("%s has an RSA key of %d bits; browsers want 2048 or more", position(i), key.N.BitLen())}
		}
		if selfSigned(c) {
			continue // the signature of a root says nothing
		}
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
			return &Fault{Kind: FaultWeak, Text: fmt.Sprintf("%s is signed with %s, which browsers refuse", position(i), c.SignatureAlgorithm)}
		}
	}
	return nil
}

// checkOrder wants every certificate signed by the one after it.
func checkOrder(chain []*x509.Certificate, _ Expected) *Fault {
	for i := 0; i+1 < len(chain); i++ {
		if err := chain[i].CheckSignatureFrom(chain[i+1]); err != nil {
			return &Fault{FaultChain, "A23", fmt.Sprintf("the chain does not fit together: %s was not signed by the one after it (%s)",
				position(i), steps.CleanLine(chain[i+1].Subject.CommonName))}
		}
	}
	return nil
}

func checkTrust(chain []*x509.Certificate, want Expected) *Fault {
	if want.Roots == nil {
		return nil
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: want.Roots, Intermediates: pool(chain[1:]), CurrentTime: want.Now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err == nil {
		return nil
	}
	last := chain[len(chain)-1]
	if invalid, ok := err.(x509.CertificateInvalidError); ok && invalid.Reason == x509.CANotAuthorizedForThisName {
		return &Fault{FaultConstraints, "A23", "a CA of the chain may not sign for these names: " + steps.CleanLine(err.Error())}
	}
	if len(chain) == 1 && !selfSigned(last) && len(last.IssuingCertificateURL) > 0 {
		return &Fault{FaultChain, "A23", "the intermediate certificate is missing: the file has only the server's own, issued by " +
			steps.CleanLine(last.Issuer.CommonName)}
	}
	return &Fault{FaultUntrusted, "A23", "the chain ends at " + steps.CleanLine(last.Issuer.CommonName) + ", which is not trusted on this server"}
}

func pool(chain []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range chain {
		p.AddCert(c)
	}
	return p
}

func selfSigned(c *x509.Certificate) bool {
	return string(c.RawSubject) == string(c.RawIssuer) && c.CheckSignatureFrom(c) == nil
}

func position(i int) string {
	if i == 0 {
		return "the certificate"
	}
	return fmt.Sprintf("certificate %d of the chain", i+1)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func list(domains []steps.Domain) string {
	if len(domains) == 0 {
		return "no name"
	}
	parts := make([]string, len(domains))
	for i, d := range domains {
		parts[i] = string(d)
	}
	return strings.Join(parts, ", ")
}
