package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// handshakes is the internet of a site that answers TLS-ALPN-01 checks.
type handshakes struct {
	mu   sync.Mutex
	open map[string]tls.Certificate // by name as it is checked
}

func (h *handshakes) Present(p acme.Proof) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(p.Body))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), ExtraExtensions: []pkix.Extension{{
		Id: identifierExtension, Critical: true, Value: append([]byte{0x04, 0x20}, digest[:]...), // an OCTET STRING of 32 bytes
	}}}
	if a, ok := p.Domain.IP(); ok {
		template.IPAddresses = []net.IP{a.AsSlice()}
	} else {
		template.DNSNames = []string{string(p.Domain)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.open[checkedName(p.Domain)]; !there {
		h.open[checkedName(p.Domain)] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return nil
}

func (h *handshakes) CleanUp(p acme.Proof) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, checkedName(p.Domain))
	return nil
}

// dial leads to a handshake with this configuration, whatever the address.
func (h *handshakes) dial(server *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { //nolint:gosec // the handshake is all that there is
			defer theirs.Close()
			_ = tls.Server(theirs, server).Handshake()
		}()
		return ours, nil
	}
}

func (h *handshakes) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	certificate := h.open[hello.ServerName]
	return &certificate, nil
}

// TestHandshakeCauses has port 443 not show the proof of TLS-ALPN-01.
func TestHandshakeCauses(t *testing.T) {
	t.Parallel()
	page := httptest.NewUnstartedServer(http.NotFoundHandler())
	page.StartTLS()
	t.Cleanup(page.Close)
	for _, test := range []struct {
		name, at string
		domain   steps.Domain
		want     string
		says     string
		server   func(*handshakes) *tls.Config
	}{
		{"all well", here4, shop, "", "", nil},
		{"an address", here4, here4, "", "", nil},
		{"an IPv6 address", here6, here6, "", "", nil},
		{"no TLS-ALPN-01", here4, shop, "fail D37", "does not speak acme-tls/1", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates}
		}},
		{"another protocol", here4, shop, "fail D37", "no application protocol", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates, NextProtos: []string{"h2"}}
		}},
		{"a usual certificate", here4, shop, "fail D37", "none for a check", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates, NextProtos: []string{challengeProtocol}}
		}},
		{"an older proof", here4, shop, "fail A07", "answers another check", func(h *handshakes) *tls.Config {
			_ = h.Present(acme.Proof{Domain: shop, Body: "older.thumb"})
			return nil
		}},
		{"a CDN", "104.16.1.1", shop, "fail A04", "Cloudflare", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := &handshakes{open: map[string]tls.Certificate{}}
			server := &tls.Config{GetCertificate: h.certificate, NextProtos: []string{challengeProtocol}}
			if test.server != nil {
				if other := test.server(h); other != nil {
					server = other
				}
			}
			n := newInternet(t, serversZone(), example(recordsOf([]string{test.at})...))
			d := n.doctor()
			d.Dial = h.dial(server)
			v := Visit{Domains: []steps.Domain{test.domain}, Directory: letsEncrypt, Challenge: steps.TLSALPN01, Present: h}
			sees(t, d.Examine(t.Context(), v, nil), test.want, test.says)
			if len(h.open) > 0 && test.name != "an older proof" {
				t.Errorf("proofs stayed: %v", h.open)
			}
		})
	}
}

// Port 443 that does not answer is said to be that one.
func TestClosedHandshake(t *testing.T) {
	t.Parallel()
	n := newInternet(t, serversZone(), example(recordsOf([]string{here4})...))
	n.hosts[here4] = nil
	v := Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Challenge: steps.TLSALPN01, Present: newWebroot()}
	sees(t, n.doctor().Examine(t.Context(), v, nil), "fail A05", "port 443 does not answer")
}
