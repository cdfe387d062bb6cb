package cert

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func newLeaf(t *testing.T, ca *Authority, kind steps.KeyType, domains []steps.Domain, days int) *x509.Certificate {
	t.Helper()
	key, err := GenerateKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := ca.Issue(key.Public(), domains, days, noon)
	if err != nil {
		t.Fatal(err)
	}
	return chain[0]
}

func newCA(t *testing.T, domains ...steps.Domain) *Authority {
	t.Helper()
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := NewAuthority(key, "web1.example.com", domains, noon)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func verify(ca *Authority, leaf *x509.Certificate, name string) error {
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool([]*x509.Certificate{ca.Certificate}), DNSName: name, CurrentTime: noon})
	return err
}

// TestLeafProperties makes leaves for random names and looks at what must hold for each.
func TestLeafProperties(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		want := randomDomains(random)
		ca := newCA(t, want...)
		days := 1 + random.IntN(MaxDays)
		leaf := newLeaf(t, ca, steps.ECDSAP256, want, days)
		if leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
			t.Fatalf("%v: the leaf may act as a CA", want)
		}
		if !SameDomains(DomainsOf(leaf), want) {
			t.Fatalf("asked %v, got %v", want, DomainsOf(leaf))
		}
		if leaf.Subject.String() != "" || len(leaf.EmailAddresses)+len(leaf.URIs) != 0 {
			t.Fatalf("%v: the leaf says more than its SAN: %v", want, leaf.Subject)
		}
		if life := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; life != time.Duration(days)*24*time.Hour {
			t.Fatalf("asked for %d days, got %v", days, life)
		}
		if leaf.SerialNumber.Sign() <= 0 || leaf.SerialNumber.BitLen() != 127 {
			t.Fatalf("the serial number has %d bits", leaf.SerialNumber.BitLen())
		}
		for _, d := range want {
			if err := verify(ca, leaf, strings.Replace(string(d), "*", "any", 1)); err != nil {
				t.Fatalf("%v: %v", want, err)
			}
		}
	}
}

func randomDomains(r *rand.Rand) []steps.Domain {
	var out []steps.Domain
	for range 1 + r.IntN(5) {
		switch r.IntN(5) {
		case 0:
			out = append(out, steps.Domain(fmt.Sprintf("192.0.2.%d", r.IntN(256))))
		case 1:
			out = append(out, steps.Domain(fmt.Sprintf("2001:db8::%x", 1+r.IntN(65535))))
		case 2:
			out = append(out, steps.Domain(fmt.Sprintf("*.d%d.example.org", r.IntN(9))))
		default:
			out = append(out, steps.Domain(fmt.Sprintf("h%d.example.com", r.IntN(9))))
		}
	}
	return set(out)
}

func TestAuthorityIsBoundToItsNames(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "shop.example.com", "192.0.2.7")
	c := ca.Certificate
	if !c.IsCA || !c.MaxPathLenZero || c.MaxPathLen != 0 || c.KeyUsage != x509.KeyUsageCertSign || !c.PermittedDNSDomainsCritical {
		t.Errorf("the CA has the wrong powers: %+v", c.KeyUsage)
	}
	if c.Subject.CommonName != "sslwizard local CA on web1.example.com" {
		t.Errorf("the CA is called %q", c.Subject.CommonName)
	}
	for _, foreign := range []steps.Domain{"bank.example.net", "192.0.2.8", "2001:db8::1"} {
		leaf := newLeaf(t, ca, steps.ECDSAP256, []steps.Domain{foreign}, 10)
		if err := verify(ca, leaf, string(foreign)); err == nil {
			t.Errorf("a certificate of this CA for %s is accepted", foreign)
		}
	}
	names := newCA(t, "shop.example.com")
	if err := verify(names, newLeaf(t, names, steps.ECDSAP256, []steps.Domain{"198.51.100.1"}, 10), "198.51.100.1"); err == nil {
		t.Error("a CA without addresses signs for an address")
	}
	addresses := newCA(t, "198.51.100.1")
	if err := verify(addresses, newLeaf(t, addresses, steps.ECDSAP256, []steps.Domain{"a.example.com"}, 10), "a.example.com"); err == nil {
		t.Error("a CA without names signs for a name")
	}
}

func TestEnsureAuthorityExtends(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	first, err := EnsureAuthority(m, []steps.Domain{"a.example.com"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	old := newLeaf(t, first, steps.ECDSAP256, []steps.Domain{"a.example.com"}, 90)
	writes := len(m.Mutations())
	again, err := EnsureAuthority(m, []steps.Domain{"a.example.com"}, noon)
	if err != nil || !again.Certificate.Equal(first.Certificate) || len(m.Mutations()) != writes {
		t.Fatalf("the same names made another CA, or wrote: %v", err)
	}
	second, err := EnsureAuthority(m, []steps.Domain{"b.example.com", "192.0.2.1", "*.c.example.com"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !SameKey(first.Key.Public(), second.Key.Public()) || !second.Permits([]steps.Domain{"a.example.com", "b.example.com", "192.0.2.1", "*.c.example.com"}) {
		t.Errorf("the extended CA permits %v", second.Permitted())
	}
	if err := verify(second, old, "a.example.com"); err != nil {
		t.Errorf("an older leaf is not valid under the extended CA: %v", err)
	}
	if f := at(t, m, CAKeyFile); f.Mode != 0o600 {
		t.Errorf("the CA key has mode %v", f.Mode)
	}
	later, err := EnsureAuthority(m, []steps.Domain{"a.example.com"}, noon.AddDate(9, 0, 0))
	if err != nil || later.Certificate.Equal(second.Certificate) || !later.Permits([]steps.Domain{"b.example.com"}) {
		t.Errorf("a CA at its end was not made anew with all of its names: %v", err)
	}
}

func TestEnsureAuthorityKeepsAKeyThatItCannotRead(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	if _, err := EnsureAuthority(m, domains, noon); err != nil {
		t.Fatal(err)
	}
	m.File(CAKeyFile, "garbage")
	_, err := EnsureAuthority(m, domains, noon)
	if err == nil || len(steps.Fixes(err)) == 0 || strings.Contains(err.Error(), "garbage") {
		t.Errorf("a damaged CA key gives %v", err)
	}
	if m.Content(CAKeyFile) != "garbage" {
		t.Error("the damaged key was overwritten")
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "a.example.com")
	for _, days := range []int{0, -1, MaxDays + 1} {
		if _, err := ca.Issue(ca.Key.Public(), []steps.Domain{"a.example.com"}, days, noon); err == nil {
			t.Errorf("%d days were accepted", days)
		}
	}
	if _, err := ca.Issue(ca.Key.Public(), nil, 1, noon); err == nil {
		t.Error("no name was accepted")
	}
}

// TestOpenSSLAgrees has another implementation judge what we make.
func TestOpenSSLAgrees(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: only Go's own verifier was asked")
	}
	ca, dir := newCA(t, "shop.example.com", "*.example.org", "192.0.2.7"), t.TempDir()
	file := func(name string, c *x509.Certificate) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, EncodeChain([]*x509.Certificate{c}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	root := file("ca.pem", ca.Certificate)
	check := func(leaf *x509.Certificate, args ...string) (string, error) {
		args = append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-attime", fmt.Sprint(noon.Unix()), "-CAfile", root}, args...)
		out, err := exec.Command(openssl, append(args, file(leaf.SerialNumber.Text(16)+".pem", leaf))...).CombinedOutput()
		return string(out), err
	}
	for _, kind := range steps.KeyTypes()[:3] {
		leaf := newLeaf(t, ca, kind, []steps.Domain{"shop.example.com", "*.example.org", "192.0.2.7"}, 365)
		if out, err := check(leaf, "-verify_hostname", "shop.example.com"); err != nil {
			t.Errorf("%s: openssl refuses: %s", kind, out)
		}
		if out, err := check(leaf, "-verify_ip", "192.0.2.7"); err != nil {
			t.Errorf("%s: openssl refuses: %s", kind, out)
		}
	}
	foreign := newLeaf(t, ca, steps.ECDSAP256, []steps.Domain{"bank.example.net"}, 10)
	if out, err := check(foreign); err == nil || !strings.Contains(out, "permitted subtree violation") {
		t.Errorf("openssl accepts a foreign name: %s", out)
	}
}

func TestCommonName(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{"": "this server", "web-1.lan": "web-1.lan", "a\x1b[31mb\n": "a31mb", strings.Repeat("x", 99): strings.Repeat("x", 42)} {
		if got := commonName(host); got != want {
			t.Errorf("commonName(%q) = %q", host, got)
		}
	}
}
