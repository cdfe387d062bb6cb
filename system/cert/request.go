package cert

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"

	"github.com/c93d5bcb/sslwizard/steps"
)

// CreateCSR makes a PKCS#10 request in DER for exactly these domains. They go into the SAN only: CAs ignore or refuse
// a common name (Boulder refuses an address there).
func CreateCSR(key crypto.Signer, domains []steps.Domain) ([]byte, error) {
	names, addresses := split(domains)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names, IPAddresses: addresses}, key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the signing request: %w", err)
	}
	return der, nil
}

// split sorts domains into the two kinds of SAN.
func split(domains []steps.Domain) (names []string, addresses []net.IP) {
	for _, d := range domains {
		if a, ok := d.IP(); ok {
			addresses = append(addresses, a.AsSlice())
			continue
		}
		names = append(names, string(d))
	}
	return names, addresses
}
