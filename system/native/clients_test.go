package native

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// client is somebody with a certificate, and the CA that gave it.
func client(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	pair, ca, err := cert.NewClient(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair, cert.EncodeChain([]*x509.Certificate{ca})
}

// ask has a stored site ask its clients for certificates of this CA; "" for nobody.
func (h *tree) ask(domain steps.Domain, auth string, ca []byte) {
	h.t.Helper()
	f, err := h.ReadFile(steps.SiteFile(string(domain)))
	if err != nil {
		h.t.Fatal(err)
	}
	sites, err := steps.Sites("stored", f.Data)
	if err != nil {
		h.t.Fatal(err)
	}
	s := sites[0]
	if s.SSL.ClientAuth, s.SSL.ClientCA = auth, ""; auth != "" {
		s.SSL.ClientCA = "/etc/ssl/clients.pem"
		if err := h.WriteFile(steps.ClientCAFile(s.Name), host.File{Data: ca}); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := s.Validate(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.WriteFile(steps.SiteFile(s.Name), host.File{Data: steps.Print(s)}); err != nil {
		h.t.Fatal(err)
	}
}

// lets reports whether the running service lets in who shows this certificate.
func (u *unit) lets(name string, pair *tls.Certificate) bool {
	u.t.Helper()
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	if pair != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", u.secure, config)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 8)
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n")); err != nil {
		return false
	}
	_, err = conn.Read(answer)
	return err == nil && strings.HasPrefix(string(answer), "HTTP/1.1")
}

// TestClientsAreAskedAsStored: a reload takes the rule and its CAs, is proven, and the service still sees that it is well.
func TestClientsAreAskedAsStored(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	leaf := h.store("a.test", app(t))
	u := h.start().ready()
	mine, ca := client(t)
	_, other := client(t)
	reload := func() {
		t.Helper()
		if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err != nil {
			t.Fatal(err)
		}
	}
	lets := func(what string, anybody, me bool) {
		t.Helper()
		if a, m := u.lets("a.test", nil), u.lets("a.test", &mine); a != anybody || m != me {
			t.Errorf("%s: it lets anybody in: %t, me: %t", what, a, m)
		}
	}
	lets("at first", true, true)
	h.ask("a.test", steps.ClientRequired, ca)
	reload()
	lets("with my CA", false, true)
	for range 3 { // what the watchdog asks
		if err := askSecure(t.Context(), u.secure, "a.test", leaf); err != nil {
			t.Error(err)
		}
	}
	before := u.status().Hash
	h.ask("a.test", steps.ClientRequired, other) // only the copy differs
	reload()
	if u.status().Hash == before {
		t.Error("other CAs are the same configuration")
	}
	lets("with another CA", false, false)
	h.ask("a.test", steps.ClientOptional, ca)
	reload()
	lets("where it is optional", true, true)

	// A rule whose CAs are gone lets nobody in that it should not: what was served before stays.
	h.ask("a.test", steps.ClientRequired, ca)
	reload()
	if err := h.Remove(steps.ClientCAFile("a.test")); err != nil {
		t.Fatal(err)
	}
	loads := u.status().Loads
	h.signals <- syscall.SIGHUP
	u.wait(func() bool { return u.status().Loads > loads })
	if s := u.status(); !strings.Contains(s.Error, "CAs of the clients of a.test") {
		t.Errorf("the service says %q", s.Error)
	}
	lets("without its CAs", false, true)
	h.ask("a.test", "", nil)
	reload()
	lets("at last", true, true)
}

// TestRehearsalShowsACertificate: the whole of a site is proven before it is live, by a client of the rehearsal's own.
func TestRehearsalShowsACertificate(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{steps.ClientRequired, steps.ClientOptional} {
		h := newTree(t)
		h.store("a.test", "http://127.0.0.1:9")
		_, ca := client(t)
		h.ask("a.test", auth, ca)
		all, err := entries(stored{h}, 1)
		if err != nil {
			t.Fatal(err)
		}
		report, err := NewRuntime().Rehearse(t.Context(), h, []steps.Site{all[0].site})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]steps.Verdict{}
		for _, c := range report.Checks {
			if seen[c.Name] = c.Verdict; c.Verdict == steps.Fail || c.Verdict == steps.Warn {
				t.Errorf("%s: %s: %s %s", auth, c.Name, c.Verdict, c.Detail)
			}
		}
		for _, name := range []string{"tls.clients", "proxy.answer", "proxy.headers", "ws.handshake", "ws.echo"} {
			if seen[name] != steps.OK {
				t.Errorf("%s: %s is %q", auth, name, seen[name])
			}
		}
	}
}
