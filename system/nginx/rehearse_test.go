package nginx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestRehearseEveryCase runs every golden case on the real nginx and has the probe look at it.
func TestRehearseEveryCase(t *testing.T) {
	t.Parallel()
	h, version := realNginx(t)
	for _, c := range cases {
		if !fitting(c.sites, version) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := scratchDir(t, h)
			r := Runtime{dir: dir + "/run", root: dir}
			for _, s := range c.sites {
				certify(t, h, dir, s)
			}
			report, err := r.Rehearse(t.Context(), h, c.sites)
			if err != nil {
				t.Fatalf("nginx %s: %v", version, err)
			}
			seen := map[steps.ID]int{}
			for _, check := range report.Checks {
				if check.Verdict == steps.Fail {
					t.Errorf("nginx %s: %s at %s: %s (%s)", version, check.Name, check.Address, check.Detail, check.Code)
				}
				if check.Verdict == steps.OK {
					seen[check.Step]++
				}
			}
			for _, step := range []steps.ID{steps.IDSSL, steps.IDRedirect, steps.IDProxy, steps.IDWebSockets, steps.IDTrusted} {
				if seen[step] == 0 && (step != steps.IDWebSockets || c.sites[0].WebSockets.Enabled) {
					t.Errorf("no check of the step %s succeeded", step)
				}
			}
			nothingLeft(t, h, r)
		})
	}
}

func TestRehearsalWithoutFolderFails(t *testing.T) {
	t.Parallel()
	h, _ := realNginx(t)
	r := Runtime{dir: scratchDir(t, h) + "/none/run"}
	if _, err := r.Rehearse(t.Context(), h, []steps.Site{shop()}); err == nil {
		t.Error("it rehearses in a folder that cannot be made")
	}
}

func nothingLeft(t *testing.T, h testHost, r Runtime) {
	t.Helper()
	left, err := os.ReadDir(h.chroot + r.dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the rehearsal left %v, %v", left, err)
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		line, _ := os.ReadFile("/proc/" + p.Name() + "/cmdline") // what is no process, or gone, is empty
		if strings.Contains(string(line), r.dir) {
			t.Errorf("the rehearsal left the process %s: %q", p.Name(), line)
		}
	}
}

func TestRehearsalWithoutCertificateFails(t *testing.T) {
	t.Parallel()
	h, _ := realNginx(t)
	dir := scratchDir(t, h)
	r := Runtime{dir: dir + "/run", root: dir}
	_, err := r.Rehearse(t.Context(), h, []steps.Site{shop()})
	if err == nil || !strings.Contains(err.Error(), "nginx refuses it: cannot load certificate") {
		t.Errorf("got %v", err)
	}
	nothingLeft(t, h, r)
}

// TestLeftoverIsSwept: what a killed run left, with its nginx still running, is gone when the next one begins.
// deaf is a host on which nginx does not hear the first signal.
type deaf struct {
	testHost
	signals *int
}

func (d deaf) Run(ctx context.Context, c host.Command) (host.Output, error) {
	if slices.Contains(c.Argv, "stop") {
		if *d.signals++; *d.signals == 1 {
			return host.Output{}, nil
		}
	}
	return d.testHost.Run(ctx, c)
}

// TestSignalThatIsNotHeardIsSentAgain: nginx forgets one that comes in the moment when it starts.
func TestSignalThatIsNotHeardIsSentAgain(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop())
	hard := l.s
	signals := 0
	hard.h = deaf{l.h, &signals}
	if err := hard.remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.s.process() != 0 || signals != 2 {
		t.Errorf("after %d signals it is process %d", signals, l.s.process())
	}
}

func TestLeftoverIsSwept(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop())
	pid := l.s.process()
	if pid == 0 {
		t.Fatal("no instance runs")
	}
	next, err := newScratch(t.Context(), l.h, l.dir+"/run")
	if err != nil {
		t.Fatal(err)
	}
	if l.s.lives(pid) {
		t.Errorf("process %d still runs", pid)
	}
	if _, err := l.h.ReadFile(l.s.dir); !absent(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	if err := next.remove(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWorkersCannotKeepTheScratchFolder: nginx gives its temporary folders to its workers' user, so others of that user
// can put things there. What they leave must not fail the rehearsal.
func TestWorkersCannotKeepTheScratchFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a folder to another user needs root")
	}
	const nobody = 65534
	outside := filepath.Join(t.TempDir(), "kept")
	put(t, outside, []byte("x"), 0o644)
	s, err := newScratch(t.Context(), host.New(""), filepath.Join(t.TempDir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/body", "/body/1", "/body/1/2"} {
		if err := errors.Join(os.Mkdir(s.dir+dir, 0o700), os.Chown(s.dir+dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.dir+"/body/1/2/planted", []byte("x"), 0o600)
	if err := os.Symlink(filepath.Dir(outside), s.dir+"/body/1/link"); err != nil {
		t.Fatal(err)
	}
	if err := s.remove(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", s.dir, err)
	}
}
