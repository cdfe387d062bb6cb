package renew

import (
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestProofsOfKilledRunsAreSweptUp: a run takes away what an earlier one put up and could not take away, and nothing else.
func TestProofsOfKilledRunsAreSweptUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(w.obtain())
	token, print := strings.Repeat("tokEN-_8", 4), strings.Repeat("a", 43)
	const dir, alpn = steps.Webroot + "/.well-known/acme-challenge/", steps.Webroot + "/acme-tls-1/"
	for _, folder := range []string{alpn} {
		w.host.Put(strings.TrimSuffix(folder, "/"), host.File{Mode: 0o755, Entries: []string{}})
	}
	old := time.Now().Add(-25 * time.Hour)
	stays := map[string]host.File{
		dir + strings.Repeat("n", 32): {Data: []byte(strings.Repeat("n", 32) + "." + print), ModTime: time.Now().Add(-23 * time.Hour)},
		dir + "readme":                {Data: []byte("written by hand"), ModTime: old},
		dir + strings.Repeat("o", 32): {Data: []byte(token + "." + print), ModTime: old},
		dir + strings.Repeat("p", 32): {Data: []byte(strings.Repeat("p", 32) + "." + print + "\nmore"), ModTime: old},
	}
	goes := map[string]host.File{
		dir + token:               {Data: []byte(token + "." + print), ModTime: old},
		alpn + "shop.example.com": {Data: []byte(token + "." + print), ModTime: old},
	}
	for _, all := range []map[string]host.File{stays, goes} {
		for name, f := range all {
			f.Mode = 0o644
			w.host.Put(name, f)
		}
	}
	if err := w.make(w.obtain()); err != nil {
		t.Fatal(err)
	}
	for name := range stays {
		if !w.host.Exists(name) {
			t.Errorf("%s is gone", name)
		}
	}
	for name := range goes {
		if w.host.Exists(name) {
			t.Errorf("%s is left", name)
		}
	}
}
