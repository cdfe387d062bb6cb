package cert

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/netip"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
)

// ParseChain reads every CERTIFICATE block of a PEM text, in its order (leaf first by RFC 8446 section 4.4.2). Text
// and blocks of other kinds between them are passed over.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	if len(text) > maxPEM {
		return nil, errors.New("the file is too large for a certificate chain")
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("a CERTIFICATE block is damaged: " + steps.CleanLine(err.Error()))
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no CERTIFICATE block in PEM form")
	}
	return chain, nil
}

// EncodeChain writes certificates as PEM, without the text that other tools put between them.
func EncodeChain(chain []*x509.Certificate) []byte {
	var out []byte
	for _, c := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// vouching follows a certificate in OpenSSL's TRUSTED CERTIFICATE (X509_CERT_AUX): it is trusted to vouch for clients.
var vouching = []byte("\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02")

// EncodeClientCAs writes CAs so that OpenSSL ends a chain at each of them, as crypto/tls does, even at one that is no
// root: of those it knows by CERTIFICATE alone it trusts no other. They are in the file like that as well, for nginx
// tells clients the names of those only. What is trusted comes first: of a CA that it has, OpenSSL takes no second copy.
func EncodeClientCAs(cas []*x509.Certificate) []byte {
	var out []byte
	for _, c := range cas {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: slices.Concat(c.Raw, vouching)})...)
	}
	return append(out, EncodeChain(cas)...)
}

// DomainsOf lists the names of a certificate: its SAN, in the certificate's order, names before addresses.
func DomainsOf(c *x509.Certificate) []steps.Domain {
	var domains []steps.Domain
	for _, name := range c.DNSNames {
		domains = append(domains, steps.Domain(name))
	}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			domains = append(domains, steps.Domain(a.Unmap().String()))
		}
	}
	return domains
}

// SameDomains reports whether two lists name the same set.
func SameDomains(a, b []steps.Domain) bool {
	return slices.Equal(set(a), set(b))
}

// set is the sorted list without repetitions; addresses in their shortest form.
func set(domains []steps.Domain) []steps.Domain {
	out := make([]steps.Domain, 0, len(domains))
	for _, d := range domains {
		if a, ok := d.IP(); ok {
			d = steps.Domain(a.Unmap().String())
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Describe is what a leaf says of itself; source and directory are where it came from.
func Describe(leaf *x509.Certificate, source, directory string) steps.CertFacts {
	kind, _ := TypeOf(leaf.PublicKey)
	sum := sha256.Sum256(leaf.Raw)
	return steps.CertFacts{
		Source:    source,
		Directory: directory,
		Domains:   cleanDomains(DomainsOf(leaf)),
		Key:       kind,
		NotBefore: leaf.NotBefore,
		NotAfter:  leaf.NotAfter,
		SHA256:    hex.EncodeToString(sum[:]),
	}
}

// FactsOf is Describe for the leaf of a PEM chain.
func FactsOf(chain []byte, source, directory string) (steps.CertFacts, error) {
	parsed, err := ParseChain(chain)
	if err != nil {
		return steps.CertFacts{}, err
	}
	return Describe(parsed[0], source, directory), nil
}

func cleanDomains(domains []steps.Domain) []steps.Domain {
	for i, d := range domains {
		domains[i] = steps.Domain(steps.CleanLine(string(d)))
	}
	return domains
}
