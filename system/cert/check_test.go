package cert

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// world is a public CA: a root, an intermediate, and leaves made from a template.
type world struct {
	t                 *testing.T
	root, inter       *x509.Certificate
	rootKey, interKey crypto.Signer
	leafKey           crypto.Signer
}

func newWorld(t *testing.T, name string) *world {
	t.Helper()
	w := &world{t: t, rootKey: mustKey(t), interKey: mustKey(t), leafKey: mustKey(t)}
	w.root = w.sign(caTemplate(name+" Root", 1), nil, w.rootKey.Public(), w.rootKey)
	w.inter = w.sign(caTemplate(name+" E1", 2), w.root, w.interKey.Public(), w.rootKey)
	return w
}

func mustKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func caTemplate(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(5, 0, 0),
	}
}

func (w *world) sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	w.t.Helper()
	if parent == nil {
		parent = template
	}
	c, err := sign(template, parent, public, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) leaf(change func(*x509.Certificate)) *x509.Certificate {
	w.t.Helper()
	template := leafTemplate(big.NewInt(9), w.leafKey.Public(), domains)
	template.NotBefore, template.NotAfter = noon.Add(-time.Hour), noon.AddDate(0, 0, 90)
	template.IssuingCertificateURL = []string{"http://e1.example/"}
	public := w.leafKey.Public()
	if change != nil {
		change(template)
		if template.PublicKey != nil {
			public = template.PublicKey
		}
	}
	return w.sign(template, w.inter, public, w.interKey)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w, other, staging := newWorld(t, "Good"), newWorld(t, "Other"), newWorld(t, "(STAGING) Pretend Pear")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := w.leaf(nil)
	sha1 := *good // nothing signs with SHA-1 any more; reading such a certificate is what counts
	sha1.SignatureAlgorithm = x509.ECDSAWithSHA1
	base := Expected{Key: w.leafKey.Public(), Domains: domains, Exact: true, Roots: pool([]*x509.Certificate{w.root}), Public: true, Now: noon}
	with := func(change func(*Expected)) Expected { e := base; change(&e); return e }
	for _, test := range []struct {
		name  string
		chain []*x509.Certificate
		want  Expected
		kind  FaultKind
		code  string
	}{
		{"good", []*x509.Certificate{good, w.inter}, base, "", ""},
		{"good with root", []*x509.Certificate{good, w.inter, w.root}, base, "", ""},
		{"no roots given", []*x509.Certificate{good, w.inter}, with(func(e *Expected) { e.Roots = nil }), "", ""},
		{"empty", nil, base, FaultChain, "A23"},
		{"other key", []*x509.Certificate{good, w.inter}, with(func(e *Expected) { e.Key = other.leafKey.Public() }), FaultKey, "A24"},
		{"name dropped", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.DNSNames = c.DNSNames[:1] }), w.inter}, base, FaultNames, "A21"},
		{"name added", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "x.example.com") }), w.inter}, base, FaultNames, "A21"},
		{"name added, covering is enough", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "x.example.com") }), w.inter}, with(func(e *Expected) { e.Exact = false }), "", ""},
		{"common name only", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, site }), w.inter}, with(func(e *Expected) { e.Exact = false }), FaultNames, "A21"},
		{"expired", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }), w.inter}, base, FaultExpired, ""},
		{"not yet", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Minute) }), w.inter}, base, FaultNotYet, ""},
		{"small key", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.PublicKey = small.Public() }), w.inter}, with(func(e *Expected) { e.Key = nil }), FaultWeak, ""},
		{"SHA-1", []*x509.Certificate{&sha1, w.inter}, base, FaultWeak, ""},
		{"is a CA", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.IsCA = true }), w.inter}, base, FaultCA, ""},
		{"for clients", []*x509.Certificate{w.leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), w.inter}, base, FaultCA, ""},
		{"intermediate missing", []*x509.Certificate{good}, base, FaultChain, "A23"},
		{"wrong intermediate", []*x509.Certificate{good, other.inter}, base, FaultChain, "A23"},
		{"wrong order", []*x509.Certificate{w.inter, good}, with(func(e *Expected) { e.Key, e.Domains, e.Exact = nil, nil, false }), FaultCA, ""},
		{"other root", []*x509.Certificate{other.leaf(nil), other.inter}, with(func(e *Expected) { e.Key = nil }), FaultUntrusted, "A23"},
		{"staging", []*x509.Certificate{staging.leaf(nil), staging.inter}, with(func(e *Expected) { e.Key = nil }), FaultTestCA, "A22"},
		{"staging where that is meant", []*x509.Certificate{staging.leaf(nil), staging.inter}, with(func(e *Expected) { e.Key, e.Public, e.Roots = nil, false, nil }), "", ""},
	} {
		err := Check(test.chain, test.want)
		var fault *Fault
		switch {
		case test.kind == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.kind != "" && (!errors.As(err, &fault) || fault.Kind != test.kind || fault.Code != test.code):
			t.Errorf("%s: got %#v, want %s %s", test.name, err, test.kind, test.code)
		}
	}
}

func TestCheckSeesConstraints(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "a.example.com")
	leaf := newLeaf(t, ca, steps.ECDSAP256, []steps.Domain{"b.example.com"}, 10)
	err := Check([]*x509.Certificate{leaf}, Expected{Domains: []steps.Domain{"b.example.com"}, Roots: pool([]*x509.Certificate{ca.Certificate}), Now: noon})
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != FaultConstraints {
		t.Errorf("got %v", err)
	}
}

func TestFaultsAreClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Evil \x1b[2J")
	err := Check([]*x509.Certificate{w.leaf(nil)}, Expected{Domains: domains, Roots: x509.NewCertPool(), Now: noon})
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("an escape code came through: %q", err)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	c := &x509.Certificate{DNSNames: []string{"a.example.com", "*.b.example.com"}}
	for d, want := range map[steps.Domain]bool{
		"a.example.com": true, "x.b.example.com": true, "*.b.example.com": true, "b.example.com": false,
		"*.example.com": false, "x.y.b.example.com": false, "192.0.2.1": false,
	} {
		if Covers(c, d) != want {
			t.Errorf("%s: %t", d, !want)
		}
	}
}

func TestParseChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Good")
	text := append([]byte("subject=/CN=x\n"), EncodeChain([]*x509.Certificate{w.leaf(nil), w.inter})...)
	chain, err := ParseChain(text)
	if err != nil || len(chain) != 2 {
		t.Fatalf("%d certificates, %v", len(chain), err)
	}
	for _, bad := range []string{"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := ParseChain([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a chain", bad)
		}
	}
}
