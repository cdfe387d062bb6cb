//go:build e2e

package scenario

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// TestRenewalThatTheCAAsksFor: a CA that is about to revoke certificates says so (RFC 9773), and the unit of the timer has
// another one at once, on every address, as the replacement of the first.
func TestRenewalThatTheCAAsksFor(t *testing.T) {
	withEither(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		st.w.CA.Advise(st.s.Read(path.Join(st.version(), "fullchain.pem")), time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
		first, certificates := st.serial(), st.w.CA.Certificates()
		st.round()
		second := st.serial()
		if second == first || st.w.CA.Certificates() != certificates+1 {
			t.Errorf("%d more certificates, and %s is served\n%s", st.w.CA.Certificates()-certificates, second, st.w.CA.Log())
		}
		for _, address := range []string{st.s.Addr4().String(), "[" + st.s.Addr6().String() + "]"} {
			if now := st.serialAt(address); now != second {
				t.Errorf("%s serves %s, another address %s", address, now, second)
			}
		}
		st.s.Must("systemctl", "start", "sslwizard-renew.service")
		if st.serial() != second {
			t.Error("it is renewed again and again")
		}
		st.live()
	})
}

// round has the timer's unit do a round that looks at everything: what it noted for later is forgotten.
func (st *story) round() world.Result {
	st.Helper()
	st.s.Must("rm", "-f", path.Join(steps.RenewDir, shop+".json"))
	return st.s.Exec("systemctl", "start", "sslwizard-renew.service")
}

// version is the folder of the certificate that the site has.
func (st *story) version() string {
	st.Helper()
	return strings.TrimSpace(st.s.Must("readlink", "-f", path.Join(steps.CertsDir, shop, "current")))
}

// ages puts the same certificate of this server's own CA in its place, made so long ago.
func (st *story) ages(by time.Duration) {
	st.Helper()
	file := path.Join(st.version(), "fullchain.pem")
	chain, err := cert.ParseChain([]byte(st.s.Read(file)))
	if err != nil {
		st.Fatal(err)
	}
	ca, err := cert.ParseChain([]byte(st.s.Read(cert.CAFile)))
	if err != nil {
		st.Fatal(err)
	}
	key, err := cert.ParseKey([]byte(st.s.Read(cert.CAKeyFile)))
	if err != nil {
		st.Fatal(err)
	}
	leaf := *chain[0]
	leaf.NotBefore, leaf.NotAfter = leaf.NotBefore.Add(-by), leaf.NotAfter.Add(-by)
	old, err := x509.CreateCertificate(rand.Reader, &leaf, ca[0], leaf.PublicKey, key)
	if err != nil {
		st.Fatal(err)
	}
	st.s.Write(file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: old})), 0o640)
}

// TestRenewalThatFails has the CA be away when a certificate is to be renewed: the command, the timer's unit and the status say
// so, with what to do; the timer does not ask the CA again at once; and when the CA is back a person need not wait. The timer
// then really fires, and all is well.
func TestRenewalThatFails(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		first := st.serial()
		st.w.CA.Stop()
		st.ends(st.sslwizard("renew", "--force", shop), 3, "A16", "not available")
		st.ends(st.sslwizard("status"), 0, "R02", "the last attempt to renew the certificate failed", "tries at once; the timer does after")
		if r := st.s.Exec("systemctl", "start", "sslwizard-renew.service"); r.Status == 0 {
			t.Error("the timer's unit ends well while the renewal fails")
		}
		st.says("it is too early for the next", "journalctl", "-u", "sslwizard-renew.service", "--no-pager")
		if st.serial() != first {
			t.Error("the good certificate is not served any more")
		}

		st.w.CA.Start()
		st.trustPebble()
		st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
		if st.serial() == first {
			t.Error("the renewed certificate is not served")
		}
		if r := st.sslwizard("status"); strings.Contains(r.Text(), "failed") {
			t.Errorf("it is still said to fail: %s", r)
		}
		st.s.Write("/etc/systemd/system/sslwizard-renew.timer.d/soon.conf", "[Timer]\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n", 0o644)
		st.s.Must("systemctl", "daemon-reload")
		st.s.Must("systemctl", "restart", "sslwizard-renew.timer")
		world.Eventually(st, "the timer's round", func() bool {
			return strings.Contains(st.s.Exec("systemctl", "show", "-p", "Result", "sslwizard-renew.service").Stdout, "Result=success")
		})
		st.live()
	})
}
