//go:build e2e

package native

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestLogrotate has the real logrotate do with the logs what our file says.
func TestLogrotate(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	if err := os.MkdirAll(h.path(steps.LogDir), 0o750); err != nil {
		t.Fatal(err)
	}
	h.storeLogged("a.test", steps.LogCombined)
	h.renew("a.test")
	u := h.start().ready()
	config := filepath.Join(t.TempDir(), "sslwizard")
	if err := os.WriteFile(config, assets.LogRotation(h.path(steps.LogDir), "root"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/first", "/second", "/third"} {
		u.asks("a.test", path)
		u.wait(func() bool { return strings.Contains(h.logged("a.test.log"), path) })
		out, err := exec.Command("logrotate", "--force", "--verbose", "--state", config+".state", config).CombinedOutput()
		if err != nil || strings.Contains(string(out), "error:") || strings.Contains(string(out), "warning:") {
			t.Fatalf("logrotate: %v\n%s", err, out)
		}
	}
	u.asks("a.test", "/last")
	u.wait(func() bool { return strings.Contains(h.logged("a.test.log"), "/last") })
	if text := h.logged("a.test.log.1"); !strings.Contains(text, "/third") {
		t.Errorf("the newest of the old has %q", text)
	}
	packed, err := exec.Command("zcat", h.path(steps.LogDir)+"/a.test.log.2.gz", h.path(steps.LogDir)+"/a.test.log.3.gz").Output()
	if err != nil || !strings.Contains(string(packed), "/first") || !strings.Contains(string(packed), "/second") {
		t.Errorf("the others have %q, %v", packed, err)
	}
}
