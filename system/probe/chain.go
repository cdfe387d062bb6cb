package probe

import (
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// judgeChain builds a chain from the certificates as sent, and from nothing else, to the roots (nil: those of this
// machine). The leaf's own dates are another check's matter.
func judgeChain(sent []*x509.Certificate, roots *x509.CertPool, now time.Time) outcome {
	leaf := sent[0]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: within(leaf, now)}
	for _, c := range sent[1:] {
		options.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(options)
	if err == nil {
		root := chains[0][len(chains[0])-1]
		return ok("%d sent, trusted by %s", len(sent), subject(root))
	}
	if test := testIssuer(sent); test != "" {
		return fail(faultStaging, "issued by a test CA (%s), which nobody trusts", test)
	}
	return brokenChain(sent, err)
}

// localCA is how the common name of a CA begins that sslwizard made on a server (system/cert).
const localCA = "sslwizard local CA"

// brokenChain says why no chain could be built.
func brokenChain(sent []*x509.Certificate, err error) outcome {
	leaf, top := sent[0], topOf(sent)
	var invalid x509.CertificateInvalidError
	var system x509.SystemRootsError
	switch {
	case errors.As(err, &system):
		return skip("not judged: this machine has no trusted roots")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(faultExpired, "the certificate of %s in the chain expired on %s", subject(invalid.Cert), day(invalid.Cert.NotAfter))
	case weaklySigned(sent):
		return fail(faultWeakSig, "the chain is signed with %s", leaf.SignatureAlgorithm)
	case errors.As(err, &invalid):
		return fail(faultCertInvalid, "the chain is not valid: %s", reason(err))
	case selfSigned(leaf):
		return fail(faultSelfSigned, "the certificate is self-signed (%s)", subject(leaf))
	case selfSigned(top):
		return fail(faultUntrusted, "the chain leads to %s, which is not trusted here", subject(top))
	case strings.HasPrefix(top.Issuer.CommonName, localCA):
		return fail(faultLocal, "issued by a server's own CA (%s), which is not trusted here", issuer(top))
	}
	return fail(faultIncomplete, "the chain as sent (%d) ends at %s; the certificate of its issuer, %s, is not sent and not a trusted root", len(sent), subject(top), issuer(top))
}

// topOf follows the issuers among the sent certificates upwards from the leaf.
func topOf(sent []*x509.Certificate) *x509.Certificate {
	top := sent[0]
	for range sent {
		for _, c := range sent {
			if c != top && !selfSigned(top) && issued(c, top) {
				top = c
				break
			}
		}
	}
	return top
}

func weaklySigned(sent []*x509.Certificate) bool {
	for _, c := range sent {
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if !selfSigned(c) {
				return true
			}
		}
	}
	return false
}

// testIssuer names the test CA that issued the chain: Let's Encrypt's staging says so in every issuer, Pebble too.
func testIssuer(sent []*x509.Certificate) string {
	for _, c := range sent {
		name := c.Issuer.String()
		for _, sign := range []string{"(STAGING)", "Fake LE", "Pebble"} {
			if strings.Contains(name, sign) {
				return issuer(c)
			}
		}
	}
	return ""
}

// within is now, moved into the validity of the certificate.
func within(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.After(c.NotAfter):
		return c.NotAfter
	case now.Before(c.NotBefore):
		return c.NotBefore
	}
	return now
}
