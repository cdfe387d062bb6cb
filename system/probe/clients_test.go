package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// aClient is a certificate that is its own CA.
func aClient(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestClientsWithoutACertificate: what becomes of them is seen, what is behind is called not asked, and nothing fails or is
// called proven that is not.
func TestClientsWithoutACertificate(t *testing.T) {
	t.Parallel()
	mine, foreign := aClient(t), aClient(t)
	const (
		refuses = iota // in the handshake
		pages          // with a page, as nginx does
		lets
	)
	for _, c := range []struct {
		name    string
		auth    tls.ClientAuthType
		behave  int
		expect  string // what was asked of the site; "-" for a site of somebody else
		show    *tls.Certificate
		clients string // verdict and detail of tls.clients; "" for no such check
		answer  string // verdict of proxy.answer
	}{
		{"nobody is asked", tls.NoClientCert, lets, "", nil, "", "ok"},
		{"refused in the handshake", tls.RequireAndVerifyClientCert, refuses, steps.ClientRequired, nil, "ok refused in the handshake", "skip"},
		{"refused with a page", tls.RequestClientCert, pages, steps.ClientRequired, nil, "ok refused with the status 400", "skip"},
		{"somebody else's site", tls.RequireAndVerifyClientCert, refuses, "-", nil, "ok refused in the handshake", "skip"},
		{"shown", tls.RequireAndVerifyClientCert, refuses, steps.ClientRequired, &mine, "ok refused in the handshake", "ok"},
		{"shown to nginx", tls.RequestClientCert, pages, steps.ClientRequired, &mine, "ok refused with the status 400", "ok"},
		{"a foreign one is shown", tls.RequireAndVerifyClientCert, refuses, steps.ClientRequired, &foreign, "ok refused in the handshake", "fail"},
		{"optional", tls.VerifyClientCertIfGiven, lets, steps.ClientOptional, nil, "ok let in", "ok"},
		{"optional, but refused", tls.RequireAndVerifyClientCert, refuses, steps.ClientOptional, nil, "fail should be let in", "skip"},
		{"let in all the same", tls.RequestClientCert, lets, steps.ClientRequired, nil, "fail is let in", "ok"},
		{"nobody is asked, and should be", tls.NoClientCert, lets, steps.ClientRequired, nil, "fail are not", "ok"},
		{"asked, and nobody should be", tls.VerifyClientCertIfGiven, lets, "", nil, "fail nobody wanted", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.behave == pages && len(r.TLS.PeerCertificates) == 0 {
					http.Error(w, "<center>No required SSL certificate was sent</center>", http.StatusBadRequest)
				}
			}))
			server.TLS = &tls.Config{ClientAuth: c.auth, ClientCAs: x509.NewCertPool()}
			server.TLS.ClientCAs.AddCert(mine.Leaf)
			server.StartTLS()
			t.Cleanup(server.Close)
			target := Target{Name: "example.com", Addresses: []netip.AddrPort{netip.MustParseAddrPort(server.Listener.Addr().String())}, HTTPPort: -1, Client: c.show}
			if c.expect != "-" {
				target.Expect = &steps.Site{Certs: steps.SiteCerts{Domains: []steps.Domain{"example.com"}}, SSL: steps.SiteSSL{Profile: steps.Intermediate, ClientAuth: c.expect}}
			}
			seen := map[string]steps.Check{}
			for _, check := range Run(t.Context(), target, nil).Checks {
				seen[check.Name] = check
			}
			verdict, detail, _ := strings.Cut(c.clients, " ")
			if got := seen["tls.clients"]; string(got.Verdict) != verdict || !strings.Contains(got.Detail, detail) {
				t.Errorf("tls.clients: %s %q, want %q", got.Verdict, got.Detail, c.clients)
			}
			if got := seen["proxy.answer"]; string(got.Verdict) != c.answer || c.answer == "skip" && !strings.Contains(got.Detail, "--client-cert") {
				t.Errorf("proxy.answer: %s %q, want %s", got.Verdict, got.Detail, c.answer)
			}
			if got := seen["tls.handshake"]; got.Verdict != steps.OK {
				t.Errorf("tls.handshake: %s %q", got.Verdict, got.Detail)
			}
		})
	}
}
