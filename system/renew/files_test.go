package renew

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const (
	chainPath = "/root/shop.pem"
	keyPath   = "/root/shop.key"
)

func filesChange() steps.ImportCertificate {
	return steps.ImportCertificate{For: steps.For(steps.IDTrusted), Site: site, Domains: domains, Certificate: chainPath, PrivateKey: keyPath, Group: "sslwizard"}
}

// own makes a certificate as a company's CA would and puts it where the user says it is.
func (w *world) own(domains []steps.Domain, begin time.Time) {
	w.t.Helper()
	caKey, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		w.t.Fatal(err)
	}
	ca, err := cert.NewAuthority(caKey, "company", domains, begin)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		w.t.Fatal(err)
	}
	chain, err := ca.Issue(key.Public(), domains, 90, begin)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.host.File(chainPath, string(cert.EncodeChain(chain)))
	w.host.Put(keyPath, host.File{Data: text, Mode: 0o600})
}

func TestImport(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.own(domains, time.Now())
	w.mustMake(localChange())
	if a := w.pending(filesChange()); a != steps.Modify {
		t.Errorf("over a local certificate it is %c", a)
	}
	v := w.mustMake(filesChange())
	if string(v.Key) != w.host.Content(keyPath) || v.Meta.Source != steps.SourceFiles {
		t.Error("the files are not what is stored")
	}
	if a := w.pending(filesChange()); a != steps.Nothing {
		t.Errorf("afterwards it is %c", a)
	}
	if a := w.pending(localChange()); a != steps.Nothing {
		t.Errorf("a trusted certificate would be replaced by a local one: %c", a)
	}
	force := localChange()
	force.Force = true
	if a := w.pending(force); a != steps.Modify {
		t.Errorf("with force it is %c", a)
	}
	w.own(domains, time.Now())
	if a := w.pending(filesChange()); a != steps.Modify {
		t.Errorf("after the user's files changed it is %c", a)
	}
}

func TestImportFollowsLinks(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.own(domains, time.Now())
	w.host.Link("/root/live/chain.pem", "../shop.pem")
	w.host.Link("/root/live/round", "round")
	c := filesChange()
	c.Certificate = "/root/live/chain.pem"
	w.mustMake(c)
	c.Certificate = "/root/live/round"
	expect(t, w.make(c), "", steps.ExitAnswers)
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*world)
		code   string
		says   string
		fix    string
	}{
		"no such file": {func(w *world) { w.host.Take(chainPath) }, "", chainPath, "trusted.certificate"},
		"no such key":  {func(w *world) { w.host.Take(keyPath) }, "", keyPath, "trusted.key"},
		"no PEM":       {func(w *world) { w.host.File(chainPath, "\x1b[2Jhello") }, "", "no CERTIFICATE block", "PEM"},
		"no key in it": {func(w *world) { w.host.File(keyPath, w.host.Content(chainPath)) }, "", "no PRIVATE KEY block", "trusted.key"},
		"passphrase": {func(w *world) {
			w.host.File(keyPath, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
		}, "", "passphrase", "openssl pkey"},
		"other key": {func(w *world) {
			old := w.host.Content(chainPath)
			w.own(domains, time.Now())
			w.host.File(chainPath, old)
		}, "A24", "does not belong", "trusted.key"},
		"name is missing":  {func(w *world) { w.own(domains[:1], time.Now()) }, "A21", "www.shop.example.com", "certs.domains"},
		"expired":          {func(w *world) { w.own(domains, time.Now().AddDate(-1, 0, 0)) }, "", "expired", "issue a new"},
		"a folder":         {func(w *world) { w.host.Take(chainPath); w.host.Dir(chainPath, 0o755) }, "", "no file", "trusted.certificate"},
		"larger than life": {func(w *world) { w.host.File(chainPath, strings.Repeat("x", 2<<20)) }, "", "too large", "trusted.certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := offline(t)
			w.own(domains, time.Now())
			w.mustMake(localChange())
			test.change(w)
			before := w.mutations()
			_, _, err := w.manager().Pending(t.Context(), readOnly{w.host}, filesChange())
			f := expect(t, err, test.code, steps.ExitAnswers)
			if !strings.Contains(f.Error(), test.says) || !strings.Contains(strings.Join(f.Fixes, " "), test.fix) || strings.ContainsRune(f.Error(), 0x1b) {
				t.Errorf("it says %q, %q", f.Error(), f.Fixes)
			}
			expect(t, w.make(filesChange()), test.code, steps.ExitAnswers)
			if w.mutations() != before {
				t.Error("something was written")
			}
			if v, err := cert.Current(w.host, site); err != nil || v.Meta.Source != cert.SourceLocal {
				t.Errorf("the certificate that was there is gone: %v", err)
			}
		})
	}
}

// TestNotRoot is a dry run by an ordinary user.
func TestNotRoot(t *testing.T) {
	t.Parallel()
	w := offline(t)
	a, note, err := new(Manager).Pending(t.Context(), closedReader{readOnly{w.host}}, localChange())
	if err != nil || a != steps.Execute || !strings.Contains(note, "root") {
		t.Errorf("%c %q %v", a, note, err)
	}
}

type closedReader struct{ readOnly }

func (closedReader) ReadFile(path string) (host.File, error) {
	return host.File{}, &fs.PathError{Op: "read", Path: path, Err: fs.ErrPermission}
}
