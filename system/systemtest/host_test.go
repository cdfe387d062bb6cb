package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// recorder is a testing.TB that keeps what would have failed the test.
type recorder struct {
	testing.TB
	errors  []string
	cleanup []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

var ctx = context.Background()

func argv(s string) host.Command { return host.Command{Argv: strings.Fields(s)} }

func TestUnexpectedAndUnusedCommandsFail(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	h := New(r)
	h.Expect(Stdout("one"), "echo", "1")
	h.Expect(Stdout("two"), "echo", "1")
	h.Expect(Stdout("never"), "echo", "2")
	for _, want := range []string{"one", "two"} {
		if out, err := h.Query(ctx, argv("echo 1")); err != nil || string(out.Stdout) != want {
			t.Errorf("echo 1 says %q, %v; want %q", out.Stdout, err, want)
		}
	}
	if _, err := h.Query(ctx, argv("echo 1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unexpected command returns %v", err)
	}
	for _, f := range r.cleanup {
		f()
	}
	if len(r.errors) != 2 || !strings.Contains(r.errors[0], "unexpected command: echo 1") ||
		!strings.Contains(r.errors[1], "never run: echo 2") {
		t.Errorf("the test was failed with %q", r.errors)
	}
}

func TestTreeIsStrict(t *testing.T) {
	t.Parallel()
	h := New(t)
	regular := host.File{Data: []byte("x"), Mode: 0o600}
	h.Link("/etc/alias", "/etc/real")
	h.File("/etc/real/file", "content")
	cases := []struct {
		name string
		err  error
		want error
	}{
		{"parent missing", h.WriteFile("/no/file", regular), fs.ErrNotExist},
		{"parent is a file", h.WriteFile("/etc/passwd/file", regular), errNotDir},
		{"folder not empty", h.Remove("/etc/real"), errNotEmpty},
		{"nothing to remove", h.Remove("/etc/nothing"), nil},
		{"through a link", h.WriteFile("/etc/alias/new", regular), nil},
	}
	for _, c := range cases {
		if !errors.Is(c.err, c.want) || (c.want == nil) != (c.err == nil) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if h.WriteFile("/etc/real", regular) == nil || h.WriteFile("relative", regular) == nil {
		t.Error("a folder was replaced by a file, or a relative path was taken")
	}
	if f, err := h.ReadFile("/etc/real"); err != nil || !slices.Equal(f.Entries, []string{"file", "new"}) {
		t.Errorf("the folder has %v, %v", f.Entries, err)
	}
	if f, _ := h.ReadFile("/etc/alias"); f.Mode.Type() != fs.ModeSymlink || f.Link != "/etc/real" {
		t.Errorf("the link is %+v", f)
	}
}

func TestFailuresComeWhenTheyShall(t *testing.T) {
	t.Parallel()
	h := New(t)
	full := errors.New("no space left on device")
	regular := host.File{Mode: 0o600}
	h.FailAt(2, full)
	first, second, third := h.WriteFile("/a", regular), h.WriteFile("/b", regular), h.WriteFile("/c", regular)
	if first != nil || !errors.Is(second, full) || third != nil || h.Exists("/b") {
		t.Errorf("got %v, %v, %v", first, second, third)
	}
	h.DieAt(1)
	if err := h.Remove("/a"); !errors.Is(err, ErrDead) || !h.Exists("/a") || !h.Dead() {
		t.Errorf("a dead process removed: %v", err)
	}
	if _, err := h.Run(ctx, argv("true")); !errors.Is(err, ErrDead) {
		t.Errorf("a dead process ran: %v", err)
	}
	h.Revive()
	if err := h.Remove("/a"); err != nil || h.Exists("/a") {
		t.Errorf("after Revive: %v", err)
	}
	want := []string{"write /a", "write /b", "write /c", "remove /a"}
	if !slices.Equal(h.Mutations(), want) {
		t.Errorf("mutations %q, want %q", h.Mutations(), want)
	}
}

func TestDebianInstallsAndUndoes(t *testing.T) {
	t.Parallel()
	h := New(t)
	d := h.Debian()
	before := h.Snapshot()
	mustRun(t, h, "apt-get -y -o DPkg::Lock::Timeout=120 install nginx")
	if out := mustQuery(t, h, "systemctl is-active nginx.service"); out != "active\n" {
		t.Errorf("nginx is %q", out)
	}
	if out := mustQuery(t, h, "dpkg -S /usr/sbin/nginx"); out != "nginx: /usr/sbin/nginx\n" {
		t.Errorf("dpkg -S says %q", out)
	}
	if out := mustQuery(t, h, "systemctl show -p ActiveState,UnitFileState nginx.service"); out !=
		"ActiveState=active\nUnitFileState=enabled\n" {
		t.Errorf("show says %q", out)
	}
	mustRun(t, h, "systemctl disable --now nginx.service")
	if d.Units["nginx.service"].Active || d.Units["nginx.service"].Enabled {
		t.Error("nginx still runs")
	}
	mustRun(t, h, "apt-get purge nginx")
	for _, diff := range before.Diff(h.Snapshot()) {
		if !strings.Contains(diff, "/etc/nginx") && !strings.Contains(diff, "/var/www") && !strings.Contains(diff, "/usr/lib/systemd") {
			t.Errorf("left over: %s", diff)
		}
	}
}

func TestDebianHonoursPolicyRcD(t *testing.T) {
	t.Parallel()
	h := New(t)
	h.Debian()
	h.File("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
	mustRun(t, h, "apt-get install nginx")
	if out, _ := h.Query(ctx, argv("systemctl is-active nginx")); out.Status != 3 {
		t.Errorf("nginx was started: %s", out.Stdout)
	}
}

func TestDebianAnswersNoChangingQuery(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	h := New(r)
	h.Debian()
	if _, err := h.Query(ctx, argv("apt-get install nginx")); err == nil || len(r.errors) != 1 {
		t.Errorf("a query installed a package: %v, %q", err, r.errors)
	}
}

func TestDebianKeepsAccounts(t *testing.T) {
	t.Parallel()
	h := New(t)
	h.Debian()
	before := h.Snapshot()
	mustRun(t, h, "useradd --system --user-group --no-create-home sslwizard")
	uid, gid, err := host.LookupUser(h, "sslwizard")
	if err != nil || uid != firstID || gid != firstID {
		t.Errorf("sslwizard is %d:%d, %v", uid, gid, err)
	}
	mustRun(t, h, "userdel sslwizard")
	if diff := before.Diff(h.Snapshot()); len(diff) != 0 {
		t.Errorf("left over: %q", diff)
	}
}

func mustRun(t *testing.T, h *Host, command string) {
	t.Helper()
	if _, err := h.Run(ctx, argv(command)); err != nil {
		t.Fatal(err)
	}
}

func mustQuery(t *testing.T, h *Host, command string) string {
	t.Helper()
	out, err := h.Query(ctx, argv(command))
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Stdout)
}
