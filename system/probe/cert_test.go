package probe

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

const (
	errName      = "ERR_CERT_COMMON_NAME_INVALID"
	errDate      = "ERR_CERT_DATE_INVALID"
	errAuthority = "ERR_CERT_AUTHORITY_INVALID"
)

// leafWith is a target that serves a leaf, changed by change, of a CA that is trusted.
func leafWith(change func(*x509.Certificate)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		ca := newAuthority(t, "Root of the test", nil)
		c := leafTemplate()
		change(&c)
		return withCert(t, ca.issue(t, c), ca)
	}
}

// chainOf is a target that serves what pick takes of a leaf, its issuer, the issuer's issuer and a stranger.
func chainOf(pick func(middle, root, stranger *x509.Certificate) []*x509.Certificate) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		root := newAuthority(t, "Root of the test", nil)
		upper := newAuthority(t, "Upper", root)
		middle := newAuthority(t, "Intermediate", upper)
		stranger := newAuthority(t, "Stranger", nil)
		return withCert(t, middle.issue(t, leafTemplate(), pick(middle.cert, upper.cert, stranger.cert)...), root)
	}
}

// added is a site to which a name was added since its certificate was made, before step 7 has made the next one.
func added(name steps.Domain) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		target := leafWith(func(*x509.Certificate) {})(t)
		target.Trusted, target.Expect = false, expected(steps.Intermediate)
		target.Expect.Trusted.Source = steps.SourceACME
		target.Expect.Certs.Domains = append(target.Expect.Certs.Domains, name)
		return target
	}
}

func selfSignedTarget(t *testing.T) Target {
	t.Helper()
	key := newKeyPair(t)
	c := sign(t, leafTemplate(), key, nil)
	other := newAuthority(t, "Root of the test", nil)
	return withCert(t, (&authority{c, key}).chainless(), other)
}

func keyTarget(t *testing.T, generate func() (any, error)) Target {
	t.Helper()
	ca := newAuthority(t, "Root of the test", nil)
	key, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	return withCert(t, ca.issueFor(t, leafTemplate(), key.(signer)), ca)
}

func TestBrokenCertificates(t *testing.T) {
	t.Parallel()
	past, future := time.Now().Add(-100*24*time.Hour), time.Now().Add(10*24*time.Hour)
	runBroken(t, []broken{
		{"expired", leafWith(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past, past.Add(90*24*time.Hour) }),
			"certs.dates", steps.IDCerts, steps.Fail, "T13", errDate, blameProxy},
		{"expired, for step 7", leafWith(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past, past.Add(90*24*time.Hour) }),
			"trusted.days", steps.IDTrusted, steps.Fail, "T13", errDate, blameProxy},
		{"expired, but its chain is good", leafWith(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = past.Add(100*24*time.Hour-2*time.Hour), past.Add(100*24*time.Hour-time.Hour)
		}),
			"certs.dates", steps.IDCerts, steps.Fail, "T13", errDate, blameProxy},
		{"not yet valid", leafWith(func(c *x509.Certificate) { c.NotBefore = future }),
			"certs.dates", steps.IDCerts, steps.Fail, "T14", errDate, blameProxy},
		{"not renewed", leafWith(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past, past.Add(110*24*time.Hour) }),
			"trusted.days", steps.IDTrusted, steps.Warn, "R02", "", blameProxy},
		{"wrong name", leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"other.test", "*.shop.test"} }),
			"certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"Common Name only", leafWith(func(c *x509.Certificate) { c.DNSNames = nil }),
			"certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"a name of the site is missing", func(t *testing.T) Target {
			target := leafWith(func(*x509.Certificate) {})(t)
			target.Expect = expected(steps.Intermediate)
			target.Expect.Certs.Domains = append(target.Expect.Certs.Domains, "www.shop.test")
			return target
		}, "certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"a name of the site is missing and step 7 will bring it", added("www.shop.test"),
			"certs.names", steps.IDCerts, steps.Skip, "", "", ""},
		{"the probed name is missing and step 7 will bring it", func(t *testing.T) Target {
			target := added("www.shop.test")(t)
			target.Name = "www.shop.test"
			return target
		}, "certs.names", steps.IDCerts, steps.Skip, "", "", ""},
		{"a name is missing, and nothing will bring it", func(t *testing.T) Target {
			target := added("www.shop.test")(t)
			target.Expect.Trusted.Source = steps.SourceNone
			return target
		}, "certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"a name is missing after step 7", func(t *testing.T) Target {
			target := added("www.shop.test")(t)
			target.Trusted = true
			return target
		}, "certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"another site's certificate before step 7", func(t *testing.T) Target {
			target := added("www.shop.test")(t)
			target.Expect.Certs.Domains = []steps.Domain{"www.shop.test"}
			return target
		}, "certs.names", steps.IDCerts, steps.Fail, "T12", errName, blameProxy},
		{"for clients only", leafWith(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
			"certs.leaf", steps.IDCerts, steps.Fail, "T21", "ERR_CERT_INVALID", blameProxy},
		{"a CA as leaf", leafWith(func(c *x509.Certificate) { c.IsCA = true; c.KeyUsage |= x509.KeyUsageCertSign }),
			"certs.leaf", steps.IDCerts, steps.Warn, "T21", "ERR_CERT_INVALID", blameProxy},
		{"not the stored leaf", func(t *testing.T) Target {
			target := leafWith(func(*x509.Certificate) {})(t)
			target.ExpectLeaf = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
			return target
		}, "certs.leaf", steps.IDCerts, steps.Fail, "N06", "", blameProxy},
		{"self-signed", selfSignedTarget, "trusted.chain", steps.IDTrusted, steps.Fail, "T15", errAuthority, blameProxy},
		{"self-signed, judged as a local one", func(t *testing.T) Target {
			target := selfSignedTarget(t)
			target.Trusted = false
			return target
		}, "certs.chain", steps.IDCerts, steps.Fail, "T15", errAuthority, blameProxy},
		{"missing intermediates", chainOf(func(_, _, _ *x509.Certificate) []*x509.Certificate { return nil }),
			"trusted.chain", steps.IDTrusted, steps.Fail, "A23", errAuthority, blameProxy},
		{"one of two intermediates", chainOf(func(m, _, _ *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{m} }),
			"trusted.chain", steps.IDTrusted, steps.Fail, "A23", errAuthority, blameProxy},
		{"wrong order", chainOf(func(m, u, _ *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{u, m} }),
			"certs.order", steps.IDCerts, steps.Warn, "T17", "", blameProxy},
		{"wrong order builds all the same", chainOf(func(m, u, _ *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{u, m} }),
			"trusted.chain", steps.IDTrusted, steps.OK, "", "", ""},
		{"a certificate too many", chainOf(func(m, u, s *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{m, u, s} }),
			"certs.order", steps.IDCerts, steps.Warn, "T17", "", blameProxy},
		{"unknown root", func(t *testing.T) Target {
			mine, theirs := newAuthority(t, "Mine", nil), newAuthority(t, "Theirs", nil)
			return withCert(t, theirs.issue(t, leafTemplate(), theirs.cert), mine)
		}, "trusted.chain", steps.IDTrusted, steps.Fail, "T16", errAuthority, blameProxy},
		{"unknown to the roots of this machine", func(t *testing.T) Target {
			ca := newAuthority(t, "Theirs", nil)
			return withCert(t, ca.issue(t, leafTemplate(), ca.cert), nil)
		}, "trusted.chain", steps.IDTrusted, steps.Fail, "T16", errAuthority, blameProxy},
		{"expired intermediate", func(t *testing.T) Target {
			root := newAuthority(t, "Root of the test", nil)
			key := newKeyPair(t)
			old := sign(t, x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
				NotBefore: past, NotAfter: past.Add(time.Hour)}, key, root)
			return withCert(t, (&authority{old, key}).issue(t, leafTemplate(), old), root)
		}, "trusted.chain", steps.IDTrusted, steps.Fail, "T13", errDate, blameProxy},
		{"test CA", func(t *testing.T) Target {
			staging := newAuthority(t, "(STAGING) Pretend Pear X1", nil)
			return withCert(t, staging.issue(t, leafTemplate()), newAuthority(t, "Root of the test", nil))
		}, "trusted.chain", steps.IDTrusted, steps.Fail, "A22", errAuthority, blameProxy},
		{"RSA 1024", func(t *testing.T) Target {
			return keyTarget(t, func() (any, error) { return rsa.GenerateKey(rand.Reader, 1024) })
		}, "certs.key", steps.IDCerts, steps.Fail, "T18", "ERR_CERT_WEAK_KEY", blameProxy},
		{"P-521", func(t *testing.T) Target {
			return keyTarget(t, func() (any, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) })
		}, "certs.key", steps.IDCerts, steps.Fail, "T07", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", blameProxy},
		{"Ed25519", func(t *testing.T) Target {
			return keyTarget(t, func() (any, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err })
		}, "certs.key", steps.IDCerts, steps.Fail, "T07", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", blameProxy},
		{"another key than asked for", func(t *testing.T) Target {
			target := leafWith(func(*x509.Certificate) {})(t)
			target.Expect = expected(steps.Intermediate)
			target.Expect.Certs.Key = steps.RSA2048
			return target
		}, "certs.key", steps.IDCerts, steps.Warn, "T19", "", blameProxy},
	})
}

// A certificate of a server's own CA is called that: nobody has left out a part of its chain.
func TestAServersOwnCAIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"sslwizard local CA on server": "a server's own CA", "Another CA": "is not sent"} {
		leaf := newAuthority(t, name, nil).issue(t, leafTemplate()).Leaf
		if got := judgeChain([]*x509.Certificate{leaf}, x509.NewCertPool(), time.Now()); got.verdict != steps.Fail || !strings.Contains(got.detail, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestClockIsComparedWithDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for date, want := range map[string]steps.Verdict{
		"Sun, 22 Nov 2026 12:04:00 GMT": steps.OK,
		"Sun, 22 Nov 2026 11:40:00 GMT": steps.Warn,
		"Sun, 22 Nov 2026 15:12:00 GMT": steps.Warn,
		"yesterday":                     steps.Skip,
		"":                              steps.Skip,
	} {
		if got := judgeClock(http.Header{"Date": {date}}, now); got.verdict != want {
			t.Errorf("%q is %s, not %s", date, got.verdict, want)
		}
	}
	cached := http.Header{"Date": {"Sun, 22 Nov 2026 03:00:00 GMT"}, "Age": {"32400"}}
	if got := judgeClock(cached, now); got.verdict != steps.Skip {
		t.Errorf("a cached answer is %s: %s", got.verdict, got.detail)
	}
}
