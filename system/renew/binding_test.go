package renew

import (
	"encoding/base64"
	"io/fs"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestBindingFile has the HMAC key in a file as people make one. A wrong one is refused before the CA hears of us, and the
// key is nowhere else on the host, nor said.
func TestBindingFile(t *testing.T) {
	t.Parallel()
	raw := []byte("\xfb\xefa key of thirty-two bytes, or so")
	secret := base64.RawURLEncoding.EncodeToString(raw)
	w := newWorld(t, pebbletest.Options{EAB: true, EABKeys: map[string]string{"kid-1": secret}})
	c := w.obtain()
	c.Trusted.EAB = steps.SiteBinding{KeyID: "kid-1", KeyFile: "/root/eab.key"}
	put := func(text string, mode fs.FileMode, uid int) {
		if err := w.host.WriteFile("/root/eab.key", host.File{Data: []byte(text), Mode: mode, UID: uid}); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []struct {
		name, says string
		put        func()
	}{
		{"missing", "no such file", func() {}},
		{"open to all", "others than root", func() { put(secret, 0o644, 0) }},
		{"open to a group", "others than root", func() { put(secret, 0o640, 0) }},
		{"somebody else's", "not root", func() { put(secret, 0o600, 1000) }},
		{"a folder", "no file", func() { _ = w.host.Remove("/root/eab.key"); put("", fs.ModeDir|0o700, 0) }},
		{"empty", "base64url", func() { _ = w.host.Remove("/root/eab.key"); put(" \n", 0o600, 0) }},
		{"more than the key", "base64url", func() { put("EAB HMAC: "+secret, 0o600, 0) }},
		{"not all of the key", "shorter", func() { put("c2VjcmV0", 0o600, 0) }},
	} {
		bad.put()
		_, _, perr := w.manager().Pending(t.Context(), readOnly{w.host}, c)
		for _, err := range []error{perr, w.make(c)} {
			if f := expect(t, err, "A18", steps.ExitAnswers); !strings.Contains(f.Error(), bad.says) || strings.Contains(f.Error(), secret[:8]) {
				t.Errorf("%s: %v", bad.name, f)
			}
		}
	}
	if n := w.ca.Requests("/sign-me-up"); n != 0 {
		t.Errorf("the CA was asked for an account %d times", n)
	}
	// As people paste it: in the other alphabet, padded, with a new line.
	put(base64.StdEncoding.EncodeToString(raw)+"\n", 0o600, 0)
	w.mustMake(c)
	w.trusted(w.ca)
	for name, text := range w.host.Snapshot() {
		if name != "/root/eab.key" && (strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString(raw))) {
			t.Errorf("the key stands in %s", name)
		}
	}
	if w.saidAnything(secret[:8]) {
		t.Error("the key was said")
	}
	// Once there is an account the file may go.
	if err := w.host.Remove("/root/eab.key"); err != nil {
		t.Fatal(err)
	}
	c.KeyType = steps.ECDSAP384
	w.mustMake(c)
}
