package renew

import (
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestUnfinishedWritesAreInNobodysWay: a write that was killed leaves a file of its own; it must not keep the folder of a
// finished order from being removed, now and for ever.
func TestUnfinishedWritesAreInNobodysWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	const temp = "/.sslwizard-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	left := []string{orderDir(site, "") + temp, steps.CertsDir + "/" + site + temp, steps.ACMEDir + temp, steps.RenewDir + temp}
	for _, name := range left {
		w.host.Put(name, host.File{Data: []byte("{"), Mode: 0o600})
	}
	w.mustMake(w.obtain())
	for name := range w.host.Snapshot() {
		if strings.HasSuffix(name, temp) {
			t.Errorf("%s is left", name)
		}
	}
}
