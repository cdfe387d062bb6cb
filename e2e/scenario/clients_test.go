//go:build e2e

package scenario

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/system/cert"
)

// staff is somebody with a certificate, and the CA that gave it.
type staff struct {
	ca, chain, key string   // PEM
	told           string   // what an application learns of the certificate
	shows          []string // flags of curl
}

func (st *story) staff() staff {
	st.Helper()
	pair, ca, err := cert.NewClient(time.Now())
	if err != nil {
		st.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		st.Fatal(err)
	}
	s := staff{
		ca:    string(cert.EncodeChain([]*x509.Certificate{ca})),
		chain: pemOf(pair),
		key:   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		told:  ":" + base64.StdEncoding.EncodeToString(pair.Certificate[0]) + ":",
	}
	s.shows = []string{"--cert", st.w.Scratch(s.chain), "--key", st.w.Scratch(s.key)}
	return s
}

func pemOf(pair tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
}

// TestClientCertificates has a site for staff alone: who shows no certificate of their CA is refused, and the application
// learns who came. The site's own certificate is renewed all the same, the CA of the staff changes, and nothing is left
// after the last undo.
func TestClientCertificates(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		mine, theirs := st.staff(), st.staff()
		before := st.s.Manifest()
		asks := func(auth string) {
			st.answer(executor, "proxy:", "ssl: {clientAuth: "+auth+", clientCA: /root/clients.pem}\nproxy:")
		}

		asks("require")
		st.refuses(65, "ssl.clientCA", "/root/clients.pem")
		st.s.Write("/root/clients.pem", mine.ca, 0o600)
		st.ends(st.must(st.apply()), 0, "is live", "--client-cert FILE")
		st.admits(mine)
		st.turnsAway(executor)
		st.turnsAway(executor, theirs.shows...)
		st.provedAs(mine)
		st.again()

		first := st.serial()
		st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
		if st.serial() == first {
			t.Error("the renewed certificate is not served")
		}
		st.admits(mine)

		st.s.Write("/root/clients.pem", theirs.ca, 0o600)
		st.must(st.apply())
		st.admits(theirs)
		st.turnsAway(executor, mine.shows...)
		st.must(st.sslwizard("undo"))
		st.admits(mine)
		st.turnsAway(executor, theirs.shows...)

		asks("optional")
		st.s.Write("/root/clients.pem", mine.ca, 0o600)
		st.must(st.apply())
		st.live()
		st.admits(mine)
		st.turnsAway(executor, theirs.shows...)
		st.answer(executor)
		st.must(st.apply())
		st.live()
		if t.Failed() {
			return
		}
		for range 3 {
			st.must(st.sslwizard("undo"))
		}
		st.same("not as it was before", before.Restored(st.s.Manifest(), kept, left, "/root"))
	})
}

// admits checks that somebody gets in, over both versions of HTTP, and that the application is told.
func (st *story) admits(s staff) {
	st.Helper()
	for _, version := range []string{"--http1.1", "--http2"} {
		body := st.c.Gets(200, append([]string{version, "--header", "Client-Cert: :bWU=:", "https://" + shop + "/a?b=1"}, s.shows...)...)
		if !strings.Contains(body, `"uri":"/a?b=1"`) || strings.Contains(body, ":bWU=:") || !strings.Contains(body, s.told) {
			st.Errorf("curl %s: the application is not told who came:\n%s", version, body)
		}
	}
}

// turnsAway checks that who shows this, or nothing, does not get in: the native proxy ends the handshake, and nginx says
// why. The CA that asks for its proof is no such client.
func (st *story) turnsAway(executor string, shows ...string) {
	st.Helper()
	for _, version := range []string{"--http1.1", "--http2"} {
		r := st.c.Curl(append([]string{version, "--write-out", "\n%{http_code}", "https://" + shop + "/a?b=1"}, shows...)...)
		switch {
		case executor == "native" && r.Status == 0, executor == "nginx" && !strings.HasSuffix(r.Stdout, "\n400"), strings.Contains(r.Stdout, `"uri"`):
			st.Errorf("who may not come in is not refused: %s", r)
		}
	}
	if status, target := st.c.Redirects("http://" + shop + "/a?b=1"); target != "https://"+shop+"/a?b=1" || status != "301" {
		st.Errorf("http is redirected with %s to %q", status, target)
	}
}

// provedAs has the server's probe look at what only staff see.
func (st *story) provedAs(s staff) {
	st.Helper()
	st.s.Write("/root/me.pem", s.chain, 0o600)
	st.s.Write("/root/me.key", s.key, 0o600)
	probe := []string{"--output", "json", "probe", "https://" + shop, "--ca", "/root/ca.pem", "--ws", "/chat"}
	const refused, answered = "a client without a certificate is refused", `"ws.echo"`
	st.ends(st.sslwizard(append(probe, "--client-cert", "/root/me.pem", "--client-key", "/root/me.key")...), 0, refused, answered)
	if r := st.sslwizard(probe...); r.Status != 0 || !strings.Contains(r.Stdout, refused) || strings.Contains(r.Stdout, answered) {
		st.Errorf("without a certificate the probe says more than it can know: %s", r)
	}
}
