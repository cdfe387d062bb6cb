package cert

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestParseClientCAs(t *testing.T) {
	t.Parallel()
	now := time.Now()
	pair, ca, err := NewClient(now)
	if err != nil {
		t.Fatal(err)
	}
	_, old, err := NewClient(now.AddDate(0, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: poolOf(ca), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("the client of a rehearsal is none: %v", err)
	}
	chain := func(all ...*x509.Certificate) string { return string(EncodeChain(all)) }
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}))
	for name, c := range map[string]struct{ text, want string }{
		"one":                   {chain(ca), ""},
		"with words":            {"Our CA\n" + chain(ca), ""},
		"one of two is over":    {chain(old, ca), ""},
		"all are over":          {chain(old), "the time of every CA in it is over: sslwizard rehearsal"},
		"a client's":            {chain(ca, leaf), "sslwizard client in it is not one of a CA"},
		"with its key":          {chain(ca) + string(secret), "private key"},
		"with a locked key":     {chain(ca) + encrypted, "private key"},
		"empty":                 {"", "no CERTIFICATE block"},
		"as OpenSSL trusts it":  {string(EncodeClientCAs([]*x509.Certificate{ca})), ""},
		"too many":              {strings.Repeat(chain(ca), maxPEM/2/len(chain(ca))), "too many"},
		"not PEM":               {"\x30\x82", "no CERTIFICATE block"},
		"a request":             {"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "no CERTIFICATE block"},
		"a damaged certificate": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"},
	} {
		got, err := ParseClientCAs([]byte(c.text), now)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.want == "" && (strings.Contains(string(got.PEM), "Our CA") || len(got.Expired) != strings.Count(name, "over")) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func poolOf(c *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}
