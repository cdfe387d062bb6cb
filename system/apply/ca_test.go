package apply

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// sharer is a local CA that is there as soon as its file is.
type sharer struct{}

const (
	storeFile    = "/usr/local/share/ca-certificates/sslwizard.crt"
	chromiumFile = "/etc/chromium/policies/managed/sslwizard.json"
	caFile       = steps.CADir + "/ca.pem"
)

func (sharer) Paths(_ host.Reader, c steps.Change) []string {
	if _, page := c.(steps.PublishCA); page {
		return []string{steps.Webroot + steps.CAPath + "ca.crt"}
	}
	return []string{storeFile, chromiumFile}
}

func (s sharer) Contents(r host.Reader, c steps.Change) (map[string][]byte, error) {
	f, err := r.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	if t, ok := c.(steps.TrustCA); ok && !t.Wanted {
		return nil, nil
	}
	if p, ok := c.(steps.PublishCA); ok && !p.Wanted {
		return nil, nil
	}
	all := map[string][]byte{}
	for _, name := range s.Paths(r, c) {
		all[name] = f.Data
	}
	return all, nil
}

// sharing is a plan that does nothing but share the CA.
func sharing(wanted bool) steps.Plan {
	step := steps.For(steps.IDTrusted)
	return steps.Plan{Executor: "native", Changes: []steps.Change{steps.TrustCA{For: step, Wanted: wanted}, steps.PublishCA{For: step, Wanted: wanted}}}
}

// storeWorld is one whose machine makes its store of certificates as Debian's tool does.
func storeWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.services.LocalCA = sharer{}
	w.Engine = New(w.machine, w.services)
	w.Dir("/usr/local/share/ca-certificates", 0o755)
	w.Dir("/etc/ssl/certs", 0o755)
	w.File(storeTool, "a script")
	w.File(storeBundle, "others\n")
	w.Answer(func(c host.Command) (host.Output, bool) {
		return host.Output{}, c.Argv[0] == "update-ca-certificates"
	})
	remake := func() {
		text := "others\n"
		if f, err := w.ReadFile(storeFile); err == nil {
			text += string(f.Data)
		}
		_ = w.WriteFile(storeBundle, host.File{Data: []byte(text), Mode: 0o644})
	}
	w.after["update-ca-certificates"], w.after["update-ca-certificates --fresh"] = remake, remake
	return w
}

func (w *world) bundle() string {
	f, _ := w.ReadFile(storeBundle)
	return string(f.Data)
}

func TestOwnCAIsSharedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := storeWorld(t)
	for _, e := range w.preview(t, sharing(true)).Effects {
		if e.Action != steps.Create {
			t.Errorf("before there is a CA: %v", e)
		}
	}
	if _, _, err := w.apply(t, sharing(true)); err == nil {
		t.Error("a CA that is not there was shared")
	}
	w.Dir(steps.StateDir, 0o711)
	w.Dir(steps.CADir, 0o700)
	w.File(caFile, "PEM of the CA\n")
	before := w.Snapshot()

	first := w.mustApply(t, sharing(true))
	if w.bundle() != "others\nPEM of the CA\n" {
		t.Errorf("the system trusts %q", w.bundle())
	}
	for _, name := range []string{storeFile, chromiumFile, path.Join(steps.Webroot, steps.CAPath, "ca.crt")} {
		if f, err := w.ReadFile(name); err != nil || f.Mode != 0o644 {
			t.Errorf("%s: %v, %v", name, f.Mode, err)
		}
	}
	if slices.ContainsFunc(w.preview(t, sharing(true)).Effects, func(e steps.Effect) bool { return e.Action != steps.Nothing }) {
		t.Error("what is shared is pending")
	}
	w.File(caFile, "PEM for more names\n")
	second := w.mustApply(t, sharing(true))
	if !strings.HasSuffix(w.bundle(), "PEM for more names\n") {
		t.Errorf("the system trusts %q", w.bundle())
	}
	third := w.mustApply(t, sharing(false))
	if w.bundle() != "others\n" {
		t.Errorf("the system trusts %q", w.bundle())
	}
	for _, run := range []string{third.Run, second.Run, first.Run} {
		if _, err := w.Engine.Undo(t.Context(), run, func(steps.Event) {}); err != nil {
			t.Fatal(err)
		}
		if want := map[string]string{third.Run: "for more names", second.Run: "of the CA", first.Run: "others"}[run]; !strings.Contains(w.bundle(), want) {
			t.Errorf("after the undo of %s the system trusts %q", run, w.bundle())
		}
	}
	w.File(caFile, "PEM of the CA\n")
	record := []string{steps.JournalDir, steps.DoneDir, steps.LockFile}
	if lines := before.Without(record...).Diff(w.Snapshot().Without(record...)); len(lines) > 0 {
		t.Errorf("left behind: %q", lines)
	}
}

// TestStoreThatTakesNothing: the tool ends well, and the system trusts the CA no more than before.
func TestStoreThatTakesNothing(t *testing.T) {
	t.Parallel()
	w := storeWorld(t)
	delete(w.after, "update-ca-certificates")
	w.Dir(steps.StateDir, 0o711)
	w.Dir(steps.CADir, 0o700)
	w.File(caFile, "PEM of the CA\n")
	_, _, err := w.apply(t, sharing(true))
	if err == nil || !strings.Contains(err.Error(), "is not in "+storeBundle) {
		t.Error(err)
	}
	if _, err := w.ReadFile(storeFile); !absent(err) {
		t.Errorf("it stays: %v", err)
	}
}
