package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// internet answers for addresses that this machine does not have: each leads to a server of the test, or nowhere.
type internet struct {
	t     *testing.T
	names map[string][]string // a name → its addresses; "SERVFAIL" fails
	mu    sync.Mutex
	hosts map[string]http.Handler // an address → its web server; nil refuses, absent is silence
}

func (n *internet) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	list, ok := n.names[strings.TrimSuffix(host, ".")]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var out []netip.Addr
	for _, a := range list {
		if a == "SERVFAIL" {
			return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
		}
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, _ := net.SplitHostPort(address)
	n.mu.Lock()
	handler, ok := n.hosts[host]
	n.mu.Unlock()
	switch {
	case !ok:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	case handler == nil:
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
	}
	server := httptest.NewUnstartedServer(handler)
	if port == "443" {
		server.StartTLS()
	} else {
		server.Start()
	}
	n.t.Cleanup(server.Close)
	return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
}

const (
	here4 = "203.0.113.7"
	here6 = "2001:db8::7"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	root := &webroot{tokens: map[string]string{}}
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>\x1b[2Jsome other site"+strings.Repeat("x", 500))
	})
	to := func(url string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.ReplaceAll(url, "$path", r.URL.Path), http.StatusMovedPermanently)
		})
	}
	status := func(code int, header ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		})
	}
	for _, test := range []struct {
		name  string
		dns   []string
		hosts map[string]http.Handler
		own   []string // nil: here4 and here6
		want  string   // severity code; "" for nothing
		says  string
	}{
		{"all well", []string{here4, here6}, map[string]http.Handler{here4: root, here6: root}, nil, "", ""},
		{"no name", nil, nil, nil, "blocker A01", "no address"},
		{"broken DNS", []string{"SERVFAIL"}, nil, nil, "blocker A10", "server misbehaving"},
		{"points elsewhere", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": other}, nil, "blocker A02", "points to 198.51.100.9, this server is " + here4},
		{"points nowhere", []string{"198.51.100.9"}, nil, nil, "blocker A02", "198.51.100.9"},
		{"wrong AAAA", []string{here4, "2001:db8::bad"}, map[string]http.Handler{here4: root, "2001:db8::bad": other}, nil, "blocker A03", "2001:db8::bad"},
		{"AAAA, but no IPv6 here", []string{here4, here6}, map[string]http.Handler{here4: root, here6: nil}, []string{here4}, "blocker A03", "IPv6 here: none"},
		{"port 80 closed", []string{here4}, map[string]http.Handler{here4: nil}, nil, "blocker A05", "connection refused"},
		{"port 80 silent", []string{here4}, nil, nil, "blocker A05", "no answer in time"},
		{"redirected to a login", []string{here4}, map[string]http.Handler{here4: pathOr("/login", other, to("http://shop.example.com/login"))}, nil, "blocker A06", "shop.example.com/login"},
		{"redirected in a circle", []string{here4}, map[string]http.Handler{here4: to("http://shop.example.com$path")}, nil, "blocker A06", "ten redirects"},
		{"redirected to a strange port", []string{here4}, map[string]http.Handler{here4: to("http://shop.example.com:8080$path")}, nil, "blocker A06", "8080"},
		{"redirected, and there all the same", []string{here4}, map[string]http.Handler{here4: to("https://cdn.example.net$path"), "198.51.100.1": root}, nil, "", ""},
		{"another site answers", []string{here4}, map[string]http.Handler{here4: other}, nil, "blocker A07", "page of its own"},
		{"403", []string{here4}, map[string]http.Handler{here4: status(403)}, nil, "blocker A07", "403"},
		{"Cloudflare by address", []string{"104.16.1.1"}, map[string]http.Handler{"104.16.1.1": status(403)}, nil, "blocker A04", "Cloudflare"},
		{"Cloudflare by header", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": status(522, "Cf-Ray", "1")}, nil, "blocker A04", "Cloudflare"},
		{"a CDN that lets it pass", []string{"151.101.1.1"}, map[string]http.Handler{"151.101.1.1": root}, nil, "info A04", "Fastly"},
		{"NAT that works", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": root}, []string{"10.0.0.5"}, "info A02", "another address"},
		{"NAT that hides us from ourselves", []string{"198.51.100.9"}, nil, []string{"10.0.0.5"}, "warning A02", "router"},
		{"a private address that is not ours", []string{"10.0.0.9"}, nil, []string{"10.0.0.5"}, "blocker A02", "10.0.0.9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := &internet{t: t, names: map[string][]string{"cdn.example.net": {"198.51.100.1"}}, hosts: test.hosts}
			if test.dns != nil {
				n.names["shop.example.com"] = test.dns
			}
			d := &Doctor{Resolver: n, Dial: n.dial, Patience: 300 * time.Millisecond}
			if test.own == nil {
				test.own = []string{here4, here6}
			}
			for _, a := range test.own {
				d.Own = append(d.Own, netip.MustParseAddr(a))
			}
			got := d.Examine(t.Context(), steps.HTTP01, []steps.Domain{"shop.example.com"}, root)
			if test.want == "" {
				if len(got) != 0 {
					t.Errorf("found %+v", got)
				}
				return
			}
			if len(got) != 1 || string(got[0].Severity)+" "+got[0].Code != test.want || !strings.Contains(got[0].Text, test.says) {
				t.Fatalf("found %+v, want %s with %q", got, test.want, test.says)
			}
			if got[0].Severity == steps.Blocker && (len(got[0].Fix) == 0 || !strings.HasPrefix(got[0].Text, "cannot ")) || strings.ContainsRune(got[0].Text, 0x1b) {
				t.Errorf("the finding is not one for people: %+v", got[0])
			}
			if test.name == "points elsewhere" && !strings.Contains(got[0].Fix[0], " to "+here4+",") {
				t.Errorf("the fix does not say where it should point to: %q", got[0].Fix)
			}
		})
	}
}

func pathOr(path string, there, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			there.ServeHTTP(w, r)
			return
		}
		otherwise.ServeHTTP(w, r)
	})
}

func TestDoctorNamesEveryName(t *testing.T) {
	t.Parallel()
	root := &webroot{tokens: map[string]string{}}
	n := &internet{t: t, names: map[string][]string{"a.example.com": {here4}, "c.example.com": {"198.51.100.9"}}, hosts: map[string]http.Handler{here4: root, "198.51.100.9": nil}}
	d := &Doctor{Resolver: n, Dial: n.dial, Own: []netip.Addr{netip.MustParseAddr(here4)}, Patience: 300 * time.Millisecond}
	got := d.Examine(t.Context(), steps.HTTP01, []steps.Domain{"a.example.com", "b.example.com", "c.example.com", "*.example.com", here4}, root)
	var codes []string
	for _, f := range got {
		codes = append(codes, f.Code)
	}
	if strings.Join(codes, " ") != "A01 A02 A25" {
		t.Errorf("found %v: %+v", codes, got)
	}
	if len(root.tokens) != 0 {
		t.Error("the test token stayed")
	}
}

// TestDoctorKnocksAtFewDoors: a DNS with thousands of addresses does not have us connect to all of them.
func TestDoctorKnocksAtFewDoors(t *testing.T) {
	t.Parallel()
	n := &internet{t: t, names: map[string][]string{}}
	for i := range 500 {
		n.names["shop.example.com"] = append(n.names["shop.example.com"], fmt.Sprintf("198.51.100.%d", i%250+1), fmt.Sprintf("2001:db8::%x", i+1))
	}
	var knocks, six atomic.Int32
	d := &Doctor{Own: []netip.Addr{netip.MustParseAddr("203.0.113.7")}, Resolver: n, Patience: 5 * time.Second,
		Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			knocks.Add(1)
			if strings.HasPrefix(address, "[") {
				six.Add(1)
			}
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
		}}
	found := d.Examine(t.Context(), steps.HTTP01, []steps.Domain{"shop.example.com"}, &webroot{tokens: map[string]string{}})
	if knocks.Load() > 2*maxAddresses || six.Load() == 0 || six.Load() == knocks.Load() || len(found) == 0 {
		t.Errorf("%d times, %d by IPv6: %d findings", knocks.Load(), six.Load(), len(found))
	}
}

func TestDoctorCannotWrite(t *testing.T) {
	t.Parallel()
	got := new(Doctor).Examine(t.Context(), steps.HTTP01, []steps.Domain{"a.example.com"}, full{})
	if len(got) != 1 || got[0].Severity != steps.Blocker || len(got[0].Fix) == 0 {
		t.Errorf("found %+v", got)
	}
}

type full struct{}

func (full) Present(Proof) error { return errors.New("no space left on device") }
func (full) CleanUp(Proof) error { return nil }

func TestOwnTokensLookLikeTheCAs(t *testing.T) {
	t.Parallel()
	p := newProof("a.example.com")
	if !ValidToken(p.Token) || len(p.Body) > maxBody || !strings.HasPrefix(p.Body, p.Token+".") {
		t.Errorf("%+v", p)
	}
	if next := newProof("a.example.com"); next.Token == p.Token {
		t.Error("two tokens are alike")
	}
}

// handshakes is the internet of a site that answers TLS-ALPN-01 checks.
type handshakes struct {
	t    *testing.T
	mu   sync.Mutex
	open map[string]tls.Certificate // by name as it is checked
}

func (h *handshakes) Present(p Proof) error {
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

func (h *handshakes) CleanUp(p Proof) error {
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

func TestDoctorInHandshakes(t *testing.T) {
	t.Parallel()
	page := httptest.NewUnstartedServer(http.NotFoundHandler())
	page.StartTLS()
	defer page.Close()
	for _, test := range []struct {
		name, at string
		domain   steps.Domain
		want     string // severity, code and text; "" for nothing
		server   func(*handshakes) *tls.Config
	}{
		{"all well", here4, "shop.example.com", "", nil},
		{"an address", here4, here4, "", nil},
		{"an IPv6 address", here6, here6, "", nil},
		{"no TLS-ALPN-01", here4, "shop.example.com", "blocker A07 does not speak acme-tls/1", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates}
		}},
		{"another protocol", here4, "shop.example.com", "blocker A07 no application protocol", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates, NextProtos: []string{"h2"}}
		}},
		{"a usual certificate", here4, "shop.example.com", "blocker A07 none for a check", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates, NextProtos: []string{challengeProtocol}}
		}},
		{"an older proof", here4, "shop.example.com", "blocker A07 answers another check", func(h *handshakes) *tls.Config {
			_ = h.Present(Proof{Domain: "shop.example.com", Body: "older.thumb"})
			return nil
		}},
		{"a CDN", "104.16.1.1", "shop.example.com", "blocker A04 Cloudflare", func(*handshakes) *tls.Config {
			return &tls.Config{Certificates: page.TLS.Certificates}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := &handshakes{t: t, open: map[string]tls.Certificate{}}
			server := &tls.Config{GetCertificate: h.certificate, NextProtos: []string{challengeProtocol}}
			if test.server != nil {
				if other := test.server(h); other != nil {
					server = other
				}
			}
			d := &Doctor{
				Own:      []netip.Addr{netip.MustParseAddr(here4), netip.MustParseAddr(here6)},
				Resolver: &internet{t: t, names: map[string][]string{"shop.example.com": {test.at}}}, Dial: h.dial(server),
			}
			var got string
			for _, f := range d.Examine(t.Context(), steps.TLSALPN01, []steps.Domain{test.domain}, h) {
				got += string(f.Severity) + " " + f.Code + " " + f.Text
			}
			words := strings.SplitN(test.want, " ", 3)
			if test.want == "" && got != "" || test.want != "" && (!strings.HasPrefix(got, words[0]+" "+words[1]) || !strings.Contains(got, words[2])) {
				t.Errorf("found %q, want %q", got, test.want)
			}
			if len(h.open) > 0 && test.name != "an older proof" {
				t.Errorf("proofs stayed: %v", h.open)
			}
		})
	}
}
