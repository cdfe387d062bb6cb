package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
)

// told is a server in a folder: one site, whose program writes what it is told into a file, and a systemd that says of the
// renewal what the test wants. Its tests are not run in parallel: a program cannot be started while a child of another test, not
// yet a program of its own, still has it open for writing.
type told struct {
	*testing.T
	root string
}

func newTold(t *testing.T) told {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: files of root are written")
	}
	tt := told{t, t.TempDir()}
	tt.write("opt/tell", "#!/bin/sh\necho \"$SSLWIZARD_ABOUT: $SSLWIZARD_TEXT\" >>"+tt.path("said")+"\n", 0o755)
	tt.write("etc/sslwizard/sites/shop.example.com.yaml", `certs: {domains: [shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted: {source: none, notify: {command: /opt/tell}}
`, 0o644)
	return tt
}

func (t told) path(name string) string { return filepath.Join(t.root, name) }

func (t told) write(name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(t.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(t.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// send has systemd say this, and who is told be told.
func (t told) send(systemd string) error {
	t.Helper()
	t.write("usr/bin/systemctl", "#!/bin/sh\n"+systemd+"\n", 0o755)
	_, err := New(Options{Root: t.root}).SendNotices(t.Context(), true)
	return err
}

// read is what is in a file; nothing where there is none.
func (t told) read(name string) string {
	t.Helper()
	text, err := os.ReadFile(t.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func ended(result string, status int, active, exited string) string {
	return fmt.Sprintf("printf 'Result=%s\\nExecMainStatus=%d\\nActiveState=%s\\nExecMainExitTimestampMonotonic=%s\\n'", result, status, active, exited)
}

// TestWhatIsKnownOfTheRenewal: that it runs again is told when a round has come to its end, and not because one has begun or the
// server was started anew.
func TestWhatIsKnownOfTheRenewal(t *testing.T) {
	h := newTold(t)
	const killed = "certificates are not renewed: sslwizard-renew.service was ended (signal)"
	for _, step := range []struct{ name, systemd, told, login string }{
		{"killed", ended("signal", 9, "failed", "5"), "broken: " + killed, killed},
		{"the next round is on", ended("success", 0, "activating", "0"), "broken: " + killed, killed},
		{"the server was started anew", ended("success", 0, "inactive", "0"), "broken: " + killed, killed},
		{"systemd does not answer", "exec sh -c 'kill -9 $$'", "broken: " + killed, killed},
		{"it ended", ended("success", 0, "inactive", "9"), "well: the renewal of certificates runs again", ""},
	} {
		_ = h.send(step.systemd)
		lines := strings.Split(h.read("said"), "\n")
		if last := lines[len(lines)-1]; last != step.told {
			t.Errorf("%s: told %q, want %q", step.name, last, step.told)
		}
		if login := h.read(steps.LoginText); !strings.Contains(login, step.login) || (login == "") != (step.login == "") {
			t.Errorf("%s: who logs in reads %q", step.name, login)
		}
	}
	if n := strings.Count(h.read("said"), "\n") + 1; n != 2 {
		t.Errorf("told %d times", n)
	}
}

// TestASiteThatCannotBeReadIsTold: its certificate is not renewed, which would show when it has run out. The only site's own file
// says who is told, so that who logs in is the one who is.
func TestASiteThatCannotBeReadIsTold(t *testing.T) {
	h := newTold(t)
	h.write("etc/sslwizard/sites/broken.example.com.yaml", "certs: [\n", 0o644)
	failed := ended("exit-code", steps.ExitFailed, "failed", "5")
	if err := h.send(failed); err != nil {
		t.Error(err)
	}
	const want = "the certificate of broken.example.com is not renewed: /etc/sslwizard/sites/broken.example.com.yaml cannot be used"
	if said := h.read("said"); said != "broken: "+want {
		t.Errorf("told %q", said)
	}
	_, err := New(Options{Root: h.root}).Renew(t.Context(), steps.RenewRequest{Site: "broken.example.com"}, func(steps.Event) {})
	if login := h.read(steps.LoginText); err == nil || !strings.Contains(login, want) {
		t.Errorf("after a renewal by hand that failed (%v) who logs in reads %q", err, login)
	}
	if err := os.Remove(h.path("etc/sslwizard/sites/shop.example.com.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(h.path(steps.NotifyDir + "/unit.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(h.path(steps.LoginText)); err != nil {
		t.Fatal(err)
	}
	if err := h.send(failed); err == nil {
		t.Error("that nobody can be told is not said")
	}
	if login := h.read(steps.LoginText); !strings.Contains(login, want) {
		t.Errorf("who logs in reads %q", login)
	}
}

// TestOneTellsAtATime: two would tell everything twice. A server without sites is left as it is.
func TestOneTellsAtATime(t *testing.T) {
	h := newTold(t)
	release, err := apply.FileLock{Root: h.root, File: steps.NotifyLock}.Lock("a test")
	if err != nil {
		t.Fatal(err)
	}
	killed := ended("signal", 9, "failed", "5")
	if err := h.send(killed); steps.ExitStatus("", err) != steps.ExitTryLater || h.read("said") != "" {
		t.Errorf("%v; told %q", err, h.read("said"))
	}
	release()
	if err := h.send(killed); err != nil || h.read("said") == "" {
		t.Errorf("%v; told %q", err, h.read("said"))
	}
	empty := t.TempDir()
	if all, err := New(Options{Root: empty}).SendNotices(t.Context(), true); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	if left, _ := os.ReadDir(empty); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
}
