package renew

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// TestKeyTypes has a certificate for each kind of key, and serves it to a client that trusts the CA.
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	bits := map[steps.KeyType]int{steps.ECDSAP256: 256, steps.ECDSAP384: 384, steps.RSA2048: 2048, steps.RSA3072: 3072, steps.RSA4096: 4096}
	for _, kind := range steps.KeyTypes() {
		c := w.obtain()
		c.KeyType = kind
		v := w.mustMake(c)
		leaf := served(t, v, w.ca.Roots())
		got := 0
		switch key := leaf.PublicKey.(type) {
		case *ecdsa.PublicKey:
			got = key.Params().BitSize
		case *rsa.PublicKey:
			got = key.N.BitLen()
		}
		if got != bits[kind] {
			t.Errorf("%s: the key that is served has %d bits (%T)", kind, got, leaf.PublicKey)
		}
	}
}

// served is the leaf that a client sees which trusts these roots only.
func served(t *testing.T, v cert.Version, roots []byte) *x509.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(v.Chain, v.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.(*tls.Conn).Handshake()
		_ = conn.Close()
	}()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{RootCAs: pool, ServerName: string(domains[0])}}
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// TestProfileChanges: another profile is another certificate, and none is the CA's own choice.
func TestProfileChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Profiles: map[string]time.Duration{"classic": 90 * 24 * time.Hour, "shortlived": 160 * time.Hour}})
	c := w.obtain()
	for _, profile := range []string{"classic", "shortlived"} {
		c.Trusted.Profile = profile
		if a := w.pending(c); a == steps.Nothing {
			t.Errorf("%s: nothing is to be done", profile)
		}
		w.mustMake(c)
		if a := w.pending(c); a != steps.Nothing {
			t.Errorf("%s: afterwards it is %c", profile, a)
		}
	}
	f, err := cert.CurrentFacts(w.host, site)
	if err != nil || f.NotAfter.Sub(f.NotBefore) > 161*time.Hour {
		t.Errorf("%v %v", f, err)
	}
	// Six days are looked after twice a day: half of them is left when the first try is made.
	if due := DueAt(f); f.NotAfter.Sub(due) < 3*24*time.Hour {
		t.Errorf("due at %v, over at %v", due, f.NotAfter)
	}
	c.Trusted.Profile = "tlsclient"
	expect(t, w.make(c), "D36", steps.ExitAnswers)
}
