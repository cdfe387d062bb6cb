package proxy

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestSNIAndHost(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("a.test", "www.a.test")),
		testSite(app.URL, names("*.w.test")),
		testSite(app.URL, names("exact.w.test")),
		testSite(app.URL, names("127.0.0.1")),
	}})
	cases := []struct {
		sni, host string
		status    int
	}{
		{"a.test", "a.test", 200}, {"a.test", "A.TEST.", 200}, {"a.test", "a.test:443", 200},
		{"A.Test", "a.test", 200}, {"a.test", "www.a.test", 200}, // one site, one certificate
		{"a.test", "x.w.test", 421}, {"a.test", "evil.test", 421}, {"a.test", "127.0.0.1", 421},
		{"x.w.test", "x.w.test", 200}, {"x.w.test", "y.w.test", 200}, {"x.w.test", "exact.w.test", 421},
		{"exact.w.test", "exact.w.test", 200}, {"x.w.test", "w.test", 421}, {"x.w.test", "x.y.w.test", 421},
		{"127.0.0.1", "127.0.0.1", 200}, {"127.0.0.1", "a.test", 421}, // a Go client sends no SNI for an IP literal
	}
	for _, c := range cases {
		conn := i.dialTLS(t, c.sni)
		response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		if response.StatusCode != c.status {
			t.Errorf("SNI %s, Host %s: %d, want %d", c.sni, c.host, response.StatusCode, c.status)
		}
	}
}

func TestUnknownSNIGetsNoCertificate(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite("http://127.0.0.1:1", names("a.test", "*.w.test"))}})
	for _, sni := range []string{"evil.test", "w.test", "x.y.w.test", "a.test:443", ""} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			conn, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: sni, InsecureSkipVerify: true, MaxVersion: version})
			if err == nil {
				conn.Close()
				t.Errorf("SNI %q: the handshake went through", sni)
			} else if !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("SNI %q: %v", sni, err)
			}
		}
	}
	if text := i.log.String(); text != "" {
		t.Errorf("scanners fill the log: %s", text)
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{
		testSite("http://127.0.0.1:1", names("i.test")),
		testSite("http://127.0.0.1:1", names("m.test"), func(s *steps.Site) { s.SSL.Profile = steps.Modern }),
	}})
	handshake := func(sni string, version uint16, suites ...uint16) (tls.ConnectionState, error) {
		conn, err := tls.Dial("tcp", i.secure, &tls.Config{
			ServerName: sni, RootCAs: pool, MinVersion: version, MaxVersion: version, CipherSuites: suites,
		})
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	for _, sni := range []string{"i.test", "m.test"} {
		state, err := handshake(sni, tls.VersionTLS13)
		if err != nil || state.CurveID != tls.X25519MLKEM768 {
			t.Errorf("%s: TLS 1.3 with %v: %v", sni, state.CurveID, err)
		}
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			if _, err := handshake(sni, version); err == nil {
				t.Errorf("%s takes %s", sni, tls.VersionName(version))
			}
		}
	}
	if _, err := handshake("m.test", tls.VersionTLS12); err == nil {
		t.Error("modern takes TLS 1.2")
	}
	allowed := map[uint16]bool{}
	for _, suite := range intermediateSuites {
		allowed[suite] = strings.Contains(tls.CipherSuiteName(suite), "ECDSA") // the key of the test is ECDSA
	}
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for _, suite := range all {
		if suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		if _, err := handshake("i.test", tls.VersionTLS12, suite.ID); (err == nil) != allowed[suite.ID] {
			t.Errorf("intermediate, %s: %v, want allowed %t", suite.Name, err, allowed[suite.ID])
		}
	}
}

func TestALPNFollowsTheSite(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("two.test")),
		testSite(app.URL, names("one.test"), func(s *steps.Site) { s.SSL.HTTP2 = false }),
	}})
	for sni, want := range map[string]string{"two.test": "HTTP/2.0", "one.test": "HTTP/1.1"} {
		response, body := get(t, i.client(t, true), "https://"+sni+"/")
		if response.Proto != want || echoed(t, body).Proto != "HTTP/1.1" {
			t.Errorf("%s answers over %s", sni, response.Proto)
		}
	}
}

// TestTicketsStayAtTheirSite covers CVE-2025-23419's kind: a session of one site resumes nothing at another, and
// nothing after its certificate was replaced.
func TestTicketsStayAtTheirSite(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	a, b := testSite(app.URL, names("a.test")), testSite(app.URL, names("b.test"))
	i := serve(t, Config{Sites: []Site{a, b}})
	cache := oneSession{tls.NewLRUClientSessionCache(1)}
	resumed := func(sni string) bool {
		conn, err := tls.Dial("tcp", i.secure, &tls.Config{
			ServerName: sni, InsecureSkipVerify: true, ClientSessionCache: cache, NextProtos: []string{"http/1.1"},
		})
		if err != nil {
			t.Errorf("%s: %v", sni, err)
			return false
		}
		defer conn.Close()
		raw(t, conn, "GET / HTTP/1.1\r\nHost: "+sni+"\r\n\r\n") // the ticket comes with the first record
		return conn.ConnectionState().DidResume
	}
	if resumed("a.test") || !resumed("a.test") {
		t.Error("a site does not resume its own session")
	}
	if resumed("b.test") {
		t.Error("b.test resumed a session of a.test")
	}
	if !resumed("b.test") {
		t.Error("b.test does not resume its own session")
	}
	b.Certificate = certificate("b.test")
	if err := i.Swap(Config{Sites: []Site{a, b}}); err != nil {
		t.Fatal(err)
	}
	if resumed("b.test") {
		t.Error("a session outlived its certificate")
	}
	if err := i.Swap(Config{Sites: []Site{a}}); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: "b.test", InsecureSkipVerify: true, ClientSessionCache: cache}); err == nil {
		t.Error("a session resumed at a name that is not served")
	}
}

// oneSession offers the last session to every server.
type oneSession struct{ tls.ClientSessionCache }

func (c oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.ClientSessionCache.Get("") }
func (c oneSession) Put(_ string, s *tls.ClientSessionState)    { c.ClientSessionCache.Put("", s) }

func TestSwapRefusesWhatCannotBeServed(t *testing.T) {
	t.Parallel()
	good := testSite("http://127.0.0.1:1", names("a.test"))
	other := testSite("http://127.0.0.1:1", names("b.test"))
	cases := map[string]func() []Site{
		"its private key does not belong to its certificate": func() []Site {
			s := other
			s.Certificate.PrivateKey = good.Certificate.PrivateKey
			return []Site{good, s}
		},
		"its certificate is not for b.test": func() []Site {
			s := other
			s.Certificate = good.Certificate
			return []Site{good, s}
		},
		"it has no certificate":              func() []Site { s := other; s.Certificate = tls.Certificate{}; return []Site{good, s} },
		"the name a.test is served by":       func() []Site { return []Site{good, good} },
		`the TLS profile "old" is not known`: func() []Site { s := other; s.SSL.Profile = "old"; return []Site{good, s} },
		"the upstream scheme":                func() []Site { s := other; s.Proxy.Upstream.Scheme = "ftp"; return []Site{good, s} },
	}
	i := serve(t, Config{Sites: []Site{good}})
	for want, sites := range cases {
		err := i.Swap(Config{Sites: sites()})
		if err == nil || !strings.HasPrefix(err.Error(), "cannot serve") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if status := i.Status(); status.Generation != 1 || len(status.Leaves) != 1 {
		t.Errorf("a refused configuration changed something: %+v", status)
	}
}

// TestNameThatTheCertificateDoesNotHaveYet keeps the other names of a site served while a new one waits for step 7.
func TestNameThatTheCertificateDoesNotHaveYet(t *testing.T) {
	t.Parallel()
	s := testSite("http://127.0.0.1:1", names("a.test", "new.test"))
	s.Certificate = certificate(names("a.test")...)
	i := serve(t, Config{Sites: []Site{s}})
	for name, trusted := range map[string]bool{"a.test": true, "new.test": false} {
		c, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := c.ConnectionState().PeerCertificates[0].VerifyHostname(name) == nil; got != trusted {
			t.Errorf("%s: the certificate has it: %t", name, got)
		}
		_ = c.Close()
	}
}

func TestHostName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a.test": "a.test", "A.TEST.": "a.test", "a.test:443": "a.test", "127.0.0.1:80": "127.0.0.1",
		"[::1]": "::1", "[::1]:443": "::1", "[0:0::1]": "::1", "[::ffff:127.0.0.1]": "127.0.0.1", "a_b.test": "a_b.test",
		"": "", ".": "", ".a": "", "a..b": "", "a b": "", "a/b": "", "a@b": "", "a:": "", "a:x": "", "a:1:2": "", "::1": "",
		"[::1": "", "[::1%25lo]": "", "[127.0.0.1]": "", "[::1]x": "", "ä.test": "", "a.test..": "", "a\x00b": "",
	} {
		if got, ok := hostName(in); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t, want %q", in, got, ok, want)
		}
	}
	if _, ok := hostName(strings.Repeat("a", 254)); ok {
		t.Error("254 bytes are a name")
	}
}

func TestOnlyIPSiteAnswersBehindAddressTranslation(t *testing.T) {
	t.Parallel()
	one := &site{Site: steps.Site{Name: "203.0.113.7"}}
	table := &table{names: map[string]*site{}, addresses: nil, onlyIP: one}
	if got := table.bySNI("", &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5)}); got != one {
		t.Errorf("got %v", got)
	}
}
