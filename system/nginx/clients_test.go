package nginx

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// asking are three sites: one lets in who shows a certificate, one everybody, and one asks for none. Where this nginx has
// HTTP/3, so have they.
func asking(t *testing.T) []steps.Site {
	t.Helper()
	_, version := realNginx(t)
	asks := func(name steps.Domain, auth string) steps.Site {
		return with(func(s *steps.Site) {
			named(s, name)
			s.SSL.HTTP3 = CapsOf(version).QUIC
			if s.SSL.ClientAuth = auth; auth != "" {
				s.SSL.ClientCA = "/etc/ssl/clients.pem"
			}
		})
	}
	return []steps.Site{asks("must.example.com", steps.ClientRequired), asks("may.example.com", steps.ClientOptional), asks("open.example.com", "")}
}

// versions are those of HTTP that this nginx has.
func (l live) versions() []int {
	l.t.Helper()
	if caps, err := capsOf(l.t.Context(), l.h); err != nil {
		l.t.Fatal(err)
	} else if caps.QUIC {
		return []int{1, 2, 3}
	}
	return []int{1, 2}
}

// visit asks a site over a connection of its own and the given version of HTTP, with this certificate or none.
func (l live) visit(url string, pair *tls.Certificate, version int, header http.Header) reply {
	l.t.Helper()
	r, err := l.tryVisit(url, pair, version, header)
	if err != nil {
		l.t.Fatal(err)
	}
	if r.ProtoMajor != version {
		l.t.Errorf("%s is answered with %s", url, r.Proto)
	}
	return r
}

func (l live) tryVisit(url string, pair *tls.Certificate, version int, header http.Header) (reply, error) {
	transport := l.transport("")
	if pair != nil {
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	if version == 3 {
		over := &http3.Transport{TLSClientConfig: transport.TLSClientConfig, Dial: func(ctx context.Context, _ string, secure *tls.Config, config *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, l.stage.https[0].String(), secure, config)
		}}
		defer over.Close()
		return l.send(over, http.MethodGet, url, header, nil)
	}
	transport.ForceAttemptHTTP2 = version == 2
	return l.send(transport, http.MethodGet, url, header, nil)
}

// told is how an application is told of a certificate: a byte sequence of RFC 8941.
func told(pair tls.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(pair.Certificate[0]) + ":"
}

// TestWhoShowsACertificateIsToldToTheApplication: who has none, or one of another CA, gets no further than the rule of the
// site, and nobody tells the application of a certificate but nginx.
func TestWhoShowsACertificateIsToldToTheApplication(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, asking(t)...)
	stranger, _, err := cert.NewClient(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	lies := http.Header{"Client-Cert": {told(stranger)}, "Client-Cert-Chain": {told(stranger)}, "Client_cert": {told(stranger)}, "X-Forwarded-Client-Cert": {"Hash=x"}}
	me := &l.stage.client
	for _, c := range []struct {
		site   string
		shown  *tls.Certificate
		status int
		told   string
	}{
		{"must", nil, 400, ""}, {"must", &stranger, 400, ""}, {"must", me, 200, told(*me)},
		{"may", nil, 200, ""}, {"may", &stranger, 400, ""}, {"may", me, 200, told(*me)},
		{"open", nil, 200, ""}, {"open", &stranger, 200, ""}, {"open", me, 200, ""},
	} {
		for _, version := range l.versions() {
			r := l.visit("https://"+c.site+".example.com/x", c.shown, version, lies)
			if r.StatusCode != c.status {
				t.Errorf("%s, HTTP/%d, with a certificate %t: %s", c.site, version, c.shown != nil, r.Status)
			}
			if c.status != 200 || r.StatusCode != 200 {
				continue
			}
			got := answer(t, r).Headers
			if got.Get("Client-Cert") != c.told {
				t.Errorf("%s, HTTP/%d: the application is told of %q, want %q", c.site, version, got.Get("Client-Cert"), c.told)
			}
			for _, name := range []string{"Client-Cert-Chain", "Client_cert", "X-Forwarded-Client-Cert"} {
				if got.Get(name) != "" || len(got[name]) > 0 {
					t.Errorf("%s: %s came through", c.site, name)
				}
			}
		}
	}
}

// TestNoWayRoundTheCertificate: neither another site's handshake nor plain HTTP leads to a site that asks for one, and a
// CA that proves a name is still answered.
func TestNoWayRoundTheCertificate(t *testing.T) {
	t.Parallel()
	app, connections := echoApp(t)
	l := serve(t, app, nil, asking(t)...)
	put(t, l.h.chroot+l.s.dir+"/webroot"+steps.ChallengePath+"token", []byte("thumb"), 0o644)
	for _, version := range l.versions() {
		for _, from := range []string{"open", "may"} {
			r := l.visit("https://"+from+".example.com/", nil, version, http.Header{"Host": {"must.example.com"}})
			if r.StatusCode != 421 {
				t.Errorf("from %s, HTTP/%d: %s", from, version, r.Status)
			}
		}
	}
	if r := l.ask("GET", "http://must.example.com/a", nil); r.StatusCode != 301 {
		t.Errorf("plain HTTP gives %s", r.Status)
	}
	if r := l.ask("GET", "http://must.example.com"+steps.ChallengePath+"token", nil); r.StatusCode != 200 || r.body != "thumb" {
		t.Errorf("a challenge gives %s %q", r.Status, r.body)
	}
	if connections.Load() > 0 {
		t.Error("the application was asked")
	}
}

// TestNothingIsResumed: a session would let in whose CA was taken away. Where nobody is asked, sessions are resumed.
func TestNothingIsResumed(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	asks := serve(t, app, nil, asking(t)...)
	open := serve(t, app, nil, asking(t)[2])
	for _, c := range []struct {
		l    live
		name string
		want bool
	}{
		{asks, "must.example.com", false}, {asks, "may.example.com", false}, {asks, "open.example.com", false}, {open, "open.example.com", true},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := &tls.Config{ServerName: c.name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version,
				ClientSessionCache: tls.NewLRUClientSessionCache(8), Certificates: []tls.Certificate{c.l.stage.client}}
			if c.l.resumes(config) {
				t.Fatal("the first handshake is a resumption")
			}
			if version == tls.VersionTLS12 && c.want {
				continue // crypto/tls resumes TLS 1.2 by tickets only, and this nginx may have none
			}
			if got := c.l.resumes(config); got != c.want {
				t.Errorf("%s with %s: resumed %t", c.name, tls.VersionName(version), got)
			}
		}
	}
}

// resumes makes a handshake and a request, and reports whether it was with a session of an earlier one.
func (l live) resumes(config *tls.Config) bool {
	l.t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", l.stage.https[0].String(), config)
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", config.ServerName); err != nil {
		l.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
		l.t.Fatalf("%s: %s, %v", config.ServerName, response.Status, err)
	}
	return conn.ConnectionState().DidResume
}

// TestLongCertificates: one of as many lines as are read arrives whole, however full the last of them is; of a longer one
// the application is told nothing, rather than a part.
func TestLongCertificates(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	ca := newLongCA(t)
	h, _ := realNginx(t)
	file := scratchDir(t, h) + "/ca.pem"
	put(t, h.chroot+file, ca.pem(), 0o644)
	l := serve(t, app, func(g *target) { g.clientCA = func(steps.Site) string { return file } }, asking(t)...)
	const most = certLines * 48
	for _, size := range []int{1007, 1008, 1009, most - 1, most, most + 1, most + 1000} {
		pair := ca.client(size)
		want := told(*pair)
		if size > most {
			want = ""
		}
		if got := answer(t, l.visit("https://must.example.com/", pair, 2, nil)).Headers.Get("Client-Cert"); got != want {
			t.Errorf("of %d bytes %d characters arrive, want %d", size, len(got), len(want))
		}
	}
}

// TestCAThatIsNoRoot: a file of an intermediate CA alone lets in its clients, whether they show its certificate too or not,
// and nobody of another CA below the same root. It is the same with the native proxy.
func TestCAThatIsNoRoot(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	root := newLongCA(t)
	ours, theirs := root.below(), root.below()
	file, err := cert.ParseClientCAs(ours.pem(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h, _ := realNginx(t)
	path := scratchDir(t, h) + "/ca.pem"
	put(t, h.chroot+path, file.PEM, 0o644)
	l := serve(t, app, func(g *target) { g.clientCA = func(steps.Site) string { return path } }, asking(t)...)
	chained := func(pair *tls.Certificate, above ...longCA) *tls.Certificate {
		for _, ca := range above {
			pair.Certificate = append(pair.Certificate, ca.root.Raw)
		}
		return pair
	}
	for name, c := range map[string]struct {
		shown *tls.Certificate
		want  int
	}{
		"its own":                   {ours.client(900), 200},
		"its own, with it":          {chained(ours.client(900), ours), 200},
		"its own, with the root":    {chained(ours.client(900), ours, root), 200},
		"of the root":               {root.client(900), 400},
		"of the CA beside":          {theirs.client(900), 400},
		"of the CA beside, with it": {chained(theirs.client(900), theirs, root), 400},
		"of a CA below":             {chained(ours.below().client(900)), 400},
	} {
		for _, site := range []string{"must", "may"} {
			if r := l.visit("https://"+site+".example.com/", c.shown, 2, nil); r.StatusCode != c.want {
				t.Errorf("%s, %s: %s", site, name, r.Status)
			}
		}
	}
	below := ours.below()
	if r := l.visit("https://must.example.com/", chained(below.client(900), below), 2, nil); r.StatusCode != 200 {
		t.Errorf("of a CA below, with it: %s", r.Status)
	}
}

// TestCAThatWasTakenAway: a reload holds who is connected to what is asked now.
func TestCAThatWasTakenAway(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, asking(t)...)
	me, next := l.stage.client, newLongCA(t)
	transport := l.transport("")
	transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &me, nil }
	transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	ask := func() int {
		r, err := l.send(transport, http.MethodGet, "https://must.example.com/", nil, nil)
		if err != nil {
			return 0 // it may have been sent over the connection that ends just then
		}
		return r.StatusCode
	}
	if got := ask(); got != 200 {
		t.Fatalf("at first: %d", got)
	}
	// Another file in its place, as an apply writes it: since 1.27.4 nginx takes what it has for the same if the file has
	// the same inode and second.
	if err := l.h.WriteFile(l.s.dir+"/"+clientsFile, host.File{Data: next.pem(), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.h.Run(t.Context(), l.s.nginx("-s", "reload")); err != nil {
		t.Fatal(err)
	}
	l.eventually("a client of the next CA let in", func() bool {
		r, err := l.tryVisit("https://must.example.com/", next.client(1000), 1, nil)
		return err == nil && r.StatusCode == 200
	})
	l.eventually("a client of the former CA refused", func() bool { return ask() == 400 })
}

func (l live) eventually(what string, seen func() bool) {
	l.t.Helper()
	for start := time.Now(); !seen(); {
		if time.Since(start) > 20*time.Second {
			l.t.Fatalf("not seen: %s", what)
		}
	}
}

// longCA gives certificates of a length. Its signatures are all of the same one.
type longCA struct {
	t    *testing.T
	root *x509.Certificate
	key  ed25519.PrivateKey
}

func newLongCA(t *testing.T) longCA {
	t.Helper()
	return longCA{t: t}.below()
}

// below makes another CA, below this one if there is one.
func (c longCA) below() longCA {
	t := c.t
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: rand.Text() + ", a CA with long certificates"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, signer := template, key
	if c.root != nil {
		parent, signer = c.root, c.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return longCA{t, root, key}
}

func (c longCA) pem() []byte { return cert.EncodeChain([]*x509.Certificate{c.root}) }

// client has a certificate of so many bytes; an extension that means nothing makes it that long.
func (c longCA) client(size int) *tls.Certificate {
	c.t.Helper()
	padding := size - 500
	for range 5 {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "client"}, NotBefore: c.root.NotBefore, NotAfter: c.root.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			ExtraExtensions: []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 32473, 1}, Value: make([]byte, padding)}},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, c.root, c.key.Public(), c.key)
		if err != nil {
			c.t.Fatal(err)
		}
		if len(der) == size {
			return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: c.key}
		}
		padding += size - len(der)
	}
	c.t.Fatalf("no certificate has %d bytes", size)
	return nil
}

// TestRehearsalShowsACertificate: what is behind the certificate is proven before it is live, by a client of its own.
func TestRehearsalShowsACertificate(t *testing.T) {
	t.Parallel()
	h, version := realNginx(t)
	for _, site := range asking(t)[:2] {
		dir := scratchDir(t, h)
		certify(t, h, dir, site)
		report, err := Runtime{dir: dir + "/run", root: dir}.Rehearse(t.Context(), h, []steps.Site{site})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]steps.Verdict{}
		for _, c := range report.Checks {
			known := c.Name == "tls.foreign" && c.Verdict == steps.Warn && !CapsOf(version).RejectHandshake ||
				c.Name == "http3" && strings.HasPrefix(c.Detail, "HTTP/3.0 200 ") // it is announced once it is live
			if seen[c.Name] = c.Verdict; !known && (c.Verdict == steps.Fail || c.Verdict == steps.Warn) {
				t.Errorf("%s: %s: %s %s", site.Name, c.Name, c.Verdict, c.Detail)
			}
		}
		for _, name := range []string{"tls.clients", "proxy.answer", "proxy.headers", "ws.handshake", "ws.echo", "challenge.http"} {
			if seen[name] != steps.OK {
				t.Errorf("%s: %s is %q", site.Name, name, seen[name])
			}
		}
	}
}

// TestOtherCAsReload: where nothing but the copy of the CAs differs, nginx is tested and reloaded for it.
func TestOtherCAsReload(t *testing.T) {
	t.Parallel()
	key := steps.FileKey(steps.ClientCAFile("must.example.com"))
	stages := changes(t, facts("1.22.1"), asking(t)...)
	n := 0
	for _, c := range stages.Serve {
		switch c := c.(type) {
		case steps.TestConfig:
			n++
			if !slices.Contains(c.On, key) {
				t.Errorf("the test is on %q", c.On)
			}
		case steps.Reload:
			n++
			if !slices.Contains(c.On, key) || slices.Contains(c.On, steps.FileKey(steps.ClientCAFile("open.example.com"))) {
				t.Errorf("the reload is on %q", c.On)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d changes test and reload", n)
	}
}
