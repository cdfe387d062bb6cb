package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
)

// serveBoth serves HTTPS and, with quic, HTTP/3 on ports of one number.
func serveBoth(t *testing.T, secure, quic *tls.Config, h http.Handler) netip.AddrPort {
	t.Helper()
	var plain net.Listener
	var socket *net.UDPConn
	for socket == nil { // the number may be taken for UDP
		plain = listen(t)
		socket, _ = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addrOf(plain)))
	}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 5 * time.Second, TLSConfig: secure}
	go func() { _ = server.ServeTLS(plain, "", "") }()
	t.Cleanup(func() { server.Close(); socket.Close() })
	if quic == nil { // the socket stays, so that nobody else answers there
		return addrOf(plain)
	}
	quic.MinVersion = tls.VersionTLS13
	over := &http3.Server{TLSConfig: quic, Handler: status(200)}
	served := make(chan struct{})
	go func() { defer close(served); _ = over.Serve(socket) }()
	t.Cleanup(func() { over.Close(); <-served })
	return addrOf(plain)
}

func TestHTTP3(t *testing.T) {
	t.Parallel()
	const announced = `h2=":443"; ma=1, h3=":443"; ma=86400`
	asked := &steps.Site{SSL: steps.SiteSSL{Profile: steps.Modern, HTTP2: true, HTTP3: true}}
	for name, c := range map[string]struct {
		altSvc  string
		serves  bool
		expect  *steps.Site
		verdict steps.Verdict
		detail  string
	}{
		"reached and announced":               {announced, true, nil, steps.OK, `HTTP/3.0 200, and announced: h3=":443"; ma=86400`},
		"reached":                             {"", true, nil, steps.Warn, "no Alt-Svc tells browsers of it"},
		"taken back":                          {"clear", true, nil, steps.Warn, "no Alt-Svc tells browsers of it"},
		"announced":                           {announced, false, nil, steps.Fail, "announced by Alt-Svc, but not reached on UDP port"},
		"neither":                             {"", false, nil, steps.Fail, "not reached on UDP port"},
		"reached and announced, as asked":     {announced, true, asked, steps.OK, "and announced"},
		"asked for, and the site works alone": {"", false, asked, steps.Warn, "and not announced: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := newAuthority(t, "Root of the test", nil)
			leaf := ca.issue(t, leafTemplate())
			var quic *tls.Config
			if c.serves {
				quic = guidelineConfig(steps.Modern, leaf)
			}
			at := serveBoth(t, guidelineConfig(steps.Modern, leaf), quic, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.altSvc != "" {
					w.Header().Set("Alt-Svc", c.altSvc)
				}
			}))
			target := Target{Name: "shop.example.com", Addresses: []netip.AddrPort{at}, HTTPPort: -1, HTTP3: c.expect == nil, Expect: c.expect}
			if !c.serves {
				target.Timeout = time.Second
			}
			got := find(t, run(t, target), HTTP3Check)
			if got.Verdict != c.verdict || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("%s: %s", got.Verdict, got.Detail)
			}
			if (HTTP3(context.Background(), target) == nil) != c.serves {
				t.Errorf("reached: %v", HTTP3(context.Background(), target))
			}
			target.ExpectLeaf = strings.Repeat("0", 64)
			if HTTP3(context.Background(), target) == nil {
				t.Error("another certificate is well")
			}
		})
	}
}

// TestHTTP3IsNotAskedFor by itself: who has a site without it waits for nothing.
func TestHTTP3IsNotAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range run(t, newGoodSite(t, steps.Modern).target).Checks {
		if c.Name == HTTP3Check {
			t.Errorf("%+v", c)
		}
	}
}

// TestHTTP3OfAServerThatWantsCertificates: it was reached, which is what is asked. Who shows one sees what is behind.
func TestHTTP3OfAServerThatWantsCertificates(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "Root of the test", nil)
	leaf := ca.issue(t, leafTemplate())
	quic := guidelineConfig(steps.Modern, leaf)
	mine := aClient(t)
	quic.ClientAuth, quic.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	quic.ClientCAs.AddCert(mine.Leaf)
	at := serveBoth(t, guidelineConfig(steps.Modern, leaf), quic, status(200))
	target := Target{Name: "shop.example.com", Addresses: []netip.AddrPort{at}, HTTPPort: -1, HTTP3: true}
	if got := find(t, run(t, target), HTTP3Check); got.Verdict != steps.OK || !strings.Contains(got.Detail, "wants a certificate") {
		t.Errorf("%+v", got)
	}
	if err := HTTP3(t.Context(), target); err != nil {
		t.Error(err)
	}
	target.Client = &mine
	if got := find(t, run(t, target), HTTP3Check); !strings.Contains(got.Detail, "HTTP/3.0 200") {
		t.Errorf("with a certificate: %+v", got)
	}
}
