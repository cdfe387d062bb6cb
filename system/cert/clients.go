package cert

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// ParseClientCAs reads a file of the CAs whose clients are let in. What is no CA is refused: the certificate of a client
// or of the server itself, in the place of its issuer's, would let nobody in, or everybody of a public CA.
func ParseClientCAs(text []byte, now time.Time) (steps.ClientCA, error) {
	if err := noKeys(text); err != nil {
		return steps.ClientCA{}, err
	}
	all, err := ParseChain(text)
	if err != nil {
		return steps.ClientCA{}, err
	}
	var out steps.ClientCA
	for _, c := range all {
		switch {
		case !c.IsCA:
			return steps.ClientCA{}, fmt.Errorf("the certificate of %s in it is not one of a CA", calledIn(c))
		case now.After(c.NotAfter):
			out.Expired = append(out.Expired, calledIn(c))
		}
	}
	if len(out.Expired) == len(all) {
		return steps.ClientCA{}, fmt.Errorf("the time of every CA in it is over: %s", strings.Join(out.Expired, ", "))
	}
	if out.PEM = EncodeClientCAs(all); len(out.PEM) > maxPEM {
		return steps.ClientCA{}, fmt.Errorf("there are %d CAs in it, which are too many", len(all))
	}
	return out, nil
}

// noKeys refuses a file with a private key: to check certificates none is needed, and that of a CA has no place on a server.
func noKeys(text []byte) error {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return errors.New("there is a private key in it, which no server needs; keep that of a CA off this one")
		}
	}
	return nil
}

// calledIn is how a certificate calls its owner.
func calledIn(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return steps.CleanLine(c.Subject.CommonName)
	}
	return steps.CleanLine(c.Subject.String())
}

// NewClient makes a CA, and a client of it, for a rehearsal: nothing of them is kept.
func NewClient(now time.Time) (tls.Certificate, *x509.Certificate, error) {
	keys := [2]crypto.Signer{}
	for i := range keys {
		var err error
		if keys[i], err = GenerateKey(steps.ECDSAP256); err != nil {
			return tls.Certificate{}, nil, err
		}
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sslwizard rehearsal"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	client := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "sslwizard client"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, keys[0].Public(), keys[0])
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, client, ca, keys[1].Public(), keys[0])
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	parsed, err := x509.ParseCertificate(root)
	return tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: keys[1]}, parsed, err
}
