//go:build e2e

package scenario

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestNoTrustedCertificate has the CA refuse for each of the usual reasons. Steps 1 to 6 are up all the same, with the
// certificate of the server's own CA; the reason is named; and the same command goes on when the reason is gone.
func TestNoTrustedCertificate(t *testing.T) {
	t.Parallel()
	elsewhere := netip.MustParseAddr("203.0.113.99")
	for _, c := range []struct {
		name  string
		wrong func(*story)
		right func(*story)
		says  []string
	}{
		{"D30 no record for www", func(st *story) { st.w.CA.Forget(www) }, pointed, []string{"D30", www}},
		{"A02 another address", func(st *story) { st.w.CA.Name(shop, elsewhere) }, pointed, []string{"A02", "203.0.113.99", "203.0.113.10"}},
		{"A03 stale IPv6 address", func(st *story) { st.w.CA.Name(shop, st.s.Addr4(), netip.MustParseAddr("2001:db8::99")) }, pointed,
			[]string{"A03", "2001:db8::99", "AAAA"}},
		{"A04 behind a CDN", func(st *story) { st.w.CA.Name(shop, netip.MustParseAddr("104.16.1.1")) }, pointed, []string{"A04", "Cloudflare"}},
		{"A05 port 80 closed outside", func(st *story) { st.w.Block(80) }, func(st *story) { st.w.Unblock() }, []string{"A05", "port 80"}},
		{"A16 CA away", func(st *story) { st.w.CA.Stop() }, func(st *story) { st.w.CA.Start(); pointed(st); st.trustPebble() },
			[]string{"A16", "acme.test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st := begin(t, "trixie")
			st.answer("native")
			c.wrong(st)
			st.ends(st.apply(), 3, append(c.says, "browsers do not trust yet", "then run the same again", "sudo /root/sslwizard undo 20")...)
			st.upWithLocal()
			st.ends(st.sslwizard("status"), 0, "local CA")
			c.right(st)
			st.ends(st.apply(), 0)
			st.live()
		})
	}
}

// TestUndoAfterAVainRetry tries again while the reason is still there, which changes nothing: who then says undo means
// the site, and a probe of it does not call its certificate's chain incomplete.
func TestUndoAfterAVainRetry(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	before := st.s.Manifest()
	st.answer("native")
	st.w.CA.Forget(www)
	st.ends(st.apply(), 3, "D30")
	again := st.apply()
	st.ends(again, 3, "D30", "then run the same again")
	if strings.Contains(again.Text(), "undo this run") {
		t.Errorf("a run that changed nothing can be undone:\n%s", again)
	}
	st.ends(st.sslwizard("probe", "https://"+shop), 3, "a server's own CA", "--only trusted")
	st.ends(st.sslwizard("undo"), 0, "Undone: what the run changed is as it was before")
	st.same("not as it was before", before.Restored(st.s.Manifest(), kept, "/root"))
	st.ends(st.sslwizard("undo"), 0, "there is no run left to undo")
}

func pointed(st *story) {
	st.Helper()
	st.w.CA.Name(shop, st.s.Addr4(), st.s.Addr6())
	st.w.CA.Name(www, st.s.Addr4(), st.s.Addr6())
}

// upWithLocal checks that the site answers with the certificate of the server's own CA, which is given to the client.
func (st *story) upWithLocal() {
	st.Helper()
	root := st.s.Copy(kept + "/ca/ca.pem")
	defer os.Remove(root)
	for _, address := range []string{st.s.Addr4().String(), "[" + st.s.Addr6().String() + "]"} {
		r := st.c.Exec("curl", "--silent", "--show-error", "--cacert", root, "--max-time", "10",
			"--resolve", shop+":443:"+address, "https://"+shop+"/a?b=1")
		st.ends(r, 0, `"uri":"/a?b=1"`)
	}
}

// TestWrongCARoots has trusted.caRoots name a file that is missing, or is no certificate, or is another CA's.
func TestWrongCARoots(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	const file = "/root/ca.pem"
	st.answer("native")
	st.s.Must("mv", file, "/root/elsewhere.pem")
	st.refuses(65, file, "caRoots")
	st.s.Write(file, "no certificate at all\n", 0o644)
	st.refuses(65, file, "certificate")
	st.s.Must("mkdir", "-p", "/root/folder.pem")
	st.answer("native", file, "/root/folder.pem")
	st.refuses(65, "/root/folder.pem")

	st.s.Put(file, st.w.CA.Root(), 0o644) // not what signed the directory's own certificate
	st.answer("native")
	st.ends(st.apply(), 3, "acme.test", "not trusted", "caRoots")
	st.upWithLocal()
}

// TestOwnCertificate imports the user's own certificate (trusted.source: files), and refuses one that does not fit.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	own(st, "/root/own", shop, www)
	own(st, "/root/other", "other.example.com")
	st.answer("native")
	text := st.s.Read(answers)
	st.s.Write(answers, text[:len(text)-len(trustedPart)]+
		"trusted: {source: files, certificate: /root/own.pem, key: /root/other.key}\n", 0o644)
	st.refuses(65, "/root/own.pem", "private key")
	st.s.Write(answers, text[:len(text)-len(trustedPart)]+
		"trusted: {source: files, certificate: /root/other.pem, key: /root/other.key}\n", 0o644)
	st.refuses(65, "other.example.com", shop)
	st.s.Write(answers, text[:len(text)-len(trustedPart)]+
		"trusted: {source: files, caRoots: /root/own-ca.pem, certificate: /root/own.pem, key: /root/own.key}\n", 0o644)
	st.must(st.apply())
	root := st.s.Copy("/root/own-ca.pem")
	defer os.Remove(root)
	st.ends(st.c.Exec("curl", "--silent", "--show-error", "--cacert", root, "https://"+shop+"/a?b=1"), 0, `"uri":"/a?b=1"`)
}

// trustedPart is the end of the common answers.
const trustedPart = `trusted:
  directory: https://acme.test:14000/dir
  caRoots: /root/ca.pem
  email: ops@example.com
  acceptTerms: true
`

// own makes a CA and a certificate of it on the server: NAME.pem, NAME.key and NAME-ca.pem.
func own(st *story, name string, domains ...string) {
	st.Helper()
	dir, err := os.MkdirTemp("", "own-")
	if err != nil {
		st.Fatal(err)
	}
	defer os.RemoveAll(dir)
	request := []string{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"}
	world.Here(st, append(request, "-subj", "/CN=own CA", "-addext", "keyUsage=critical,keyCertSign",
		"-keyout", dir+"/ca.key", "-out", dir+"/ca.pem")...)
	world.Here(st, append(request, "-subj", "/CN="+domains[0], "-CA", dir+"/ca.pem", "-CAkey", dir+"/ca.key",
		"-addext", "subjectAltName=DNS:"+strings.Join(domains, ",DNS:"), "-addext", "basicConstraints=critical,CA:FALSE",
		"-keyout", dir+"/key", "-out", dir+"/pem")...)
	st.s.Put(name+"-ca.pem", dir+"/ca.pem", 0o644)
	st.s.Put(name+".pem", dir+"/pem", 0o644)
	st.s.Put(name+".key", dir+"/key", 0o600)
}
