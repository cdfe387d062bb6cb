//go:build linux && amd64

package power

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

const subjectHere = "SSLWIZARD_TEST_SUBJECT" // folder of the server

var (
	full   = flag.Bool("full", false, "all flows and all mutants, not a slice of them")
	update = flag.Bool("update", false, "write docs/power.md; needs -full")
)

// TestMain lets the test binary be the program whose calls are recorded.
func TestMain(m *testing.M) {
	if root := os.Getenv(subjectHere); root != "" {
		syscall.Umask(0)
		if err := act(context.Background(), root, os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const site = "shop.example.com"

type prober struct{}

func (prober) Probe(context.Context, steps.Site, bool, func(steps.Check)) (steps.Report, error) {
	return steps.Report{}, nil
}
func (prober) HTTP3(context.Context, steps.Site) (bool, string) { return false, "there is no network" }

var program = []byte(strings.Repeat("a program in more than one piece\n", 300))

func engine(root string) (*apply.Engine, host.Host) {
	h := host.New(root)
	return apply.New(h, apply.Services{
		Certificates: &renew.Manager{UserAgent: "sslwizard/power"}, Prober: prober{}, Locker: apply.FileLock{Root: root},
		Self: func() ([]byte, error) { return program, nil },
	}), h
}

// plan writes everything of a set-up that is a file: over files that are there and in folders that are not, with a
// certificate of our own CA, a checkpoint, and more after it.
func plan(content string) steps.Plan {
	in, trusted := steps.For(steps.IDInstall), steps.For(steps.IDTrusted)
	sites := []steps.Site{{Name: site}}
	domain := steps.Domain(site)
	return steps.Plan{Sites: sites, Changes: []steps.Change{
		steps.EnsureDir{For: in, Path: steps.SitesDir, Mode: 0o755},
		steps.EnsureDir{For: in, Path: steps.StateDir, Mode: 0o711},
		steps.EnsureDir{For: in, Path: steps.CertsDir, Mode: 0o750},
		steps.WriteFile{For: in, Path: steps.SiteFile(site), Content: []byte(content), Mode: 0o600},
		steps.InstallBinary{For: in, Path: steps.BinaryPath, SHA256: hashOf(program), Size: int64(len(program))},
		steps.IssueLocal{For: in, Site: site, Domains: []steps.Domain{domain}, KeyType: steps.ECDSAP256, Days: 90},
		steps.WriteFile{For: in, Path: "/etc/nginx/conf.d/sslwizard-" + site + ".conf", Content: []byte("server { # " + content + "}\n"), Mode: 0o644},
		steps.Checkpoint{For: in},
		steps.WriteFile{For: trusted, Path: "/etc/systemd/system/sslwizard-renew.timer", Content: []byte("[Timer]\n# " + content), Mode: 0o644},
		steps.Verify{For: trusted, Sites: sites},
	}}
}

func removal() steps.Plan {
	in := steps.For(steps.IDInstall)
	return steps.Plan{Changes: []steps.Change{
		steps.RemoveFile{For: in, Path: "/etc/nginx/conf.d/sslwizard-" + site + ".conf"},
		steps.RemoveFile{For: in, Path: "/etc/systemd/system/sslwizard-renew.timer"},
		steps.RemoveFile{For: in, Path: steps.SiteFile(site)},
	}}
}

func act(ctx context.Context, root, what string) error {
	e, h := engine(root)
	var err error
	switch what {
	case "install", "other":
		err = run(ctx, e, h, plan(what+"\n"))
	case "remove":
		err = run(ctx, e, h, removal())
	case "undo":
		_, err = e.Undo(ctx, "", nil)
	case "uninstall":
		_, err = e.UndoAll(ctx, false, nil)
	case "recover":
		_, _, err = e.Recover(ctx, nil)
	default:
		err = errors.New("no such order: " + what)
	}
	return err
}

func run(ctx context.Context, e *apply.Engine, h host.Host, p steps.Plan) error {
	shown, err := e.Preview(ctx, h, p)
	if err == nil {
		_, err = e.Apply(ctx, shown, nil)
	}
	return err
}

// flow is a change of a server, and what was done on it before.
type flow struct {
	name string
	from []string
	do   string
}

var flows = []flow{
	{"install", nil, "install"},
	{"other answers", []string{"install"}, "other"},
	{"remove", []string{"install"}, "remove"},
	{"undo", []string{"install", "other"}, "undo"},
	{"undo of an install", []string{"install"}, "undo"},
	{"uninstall", []string{"install", "other"}, "uninstall"},
}

// record makes the server of a flow, and has it happen once.
type record struct {
	flow
	root          string
	base          image
	calls         []trace.Call
	before, after map[string]string
}

func newRecord(t *testing.T, f flow) *record {
	t.Helper()
	r := &record{flow: f, root: t.TempDir()}
	for name, text := range map[string]string{
		"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\n", "/usr/local/bin/other": "theirs\n", "/var/lib/other": "theirs\n",
		"/etc/nginx/conf.d/own.conf": "theirs\n", "/etc/systemd/system/own.service": "theirs\n", "/root/own": "theirs\n",
	} {
		name = r.root + name
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, what := range f.from {
		if err := act(t.Context(), r.root, what); err != nil {
			t.Fatal(err)
		}
	}
	r.record(t, f.do)
	return r
}

func (r *record) record(t *testing.T, what string) {
	t.Helper()
	var err error
	if r.base, err = read(r.root); err != nil {
		t.Fatal(err)
	}
	r.before = shown(r.base)
	var status int
	if r.calls, status = traced(t, r.root, what); status != 0 {
		t.Fatalf("%s: status %d", r.name, status)
	}
	now, err := read(r.root)
	if err != nil {
		t.Fatal(err)
	}
	r.after = shown(now)
	d := newDisk(r.root, r.base)
	for _, c := range r.calls {
		if err := d.call(c); err != nil {
			t.Fatal(err)
		}
	}
	if diff := differs(shown(d.live), r.after); len(diff) > 0 {
		t.Fatalf("%s: the model is not what was done: %q", r.name, diff)
	}
}

// traced has something done to a server, and returns its calls with their data.
func traced(t *testing.T, root, what string) ([]trace.Call, int) {
	t.Helper()
	report, err := trace.Run(t.Context(), trace.Order{
		Argv: []string{os.Args[0], what}, Env: []string{subjectHere + "=" + root}, Record: true,
		Counts: func(c trace.Call) bool { // a lock says nothing to whoever comes after a loss of power
			return strings.HasPrefix(c.Path, root) && c.Path != root+steps.LockFile
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return report.Calls, report.Status
}

// shown is what counts of a server: all but our log, the lock and the folder that they are in.
func shown(im image) map[string]string {
	all := im.lines()
	maps.DeleteFunc(all, func(name, _ string) bool {
		return name == steps.StateDir || name == steps.LockFile || name == steps.JournalDir || within(name, steps.DoneDir) ||
			path.Dir(name) == steps.StateDir && host.IsTemp(path.Base(name)) // the next run sweeps it
	})
	return all
}

func within(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

func differs(is, want map[string]string) []string {
	var said []string
	for name, line := range want {
		if is[name] != line {
			said = append(said, fmt.Sprintf("%s is %.60q, not %.60q", name, is[name], line))
		}
	}
	for name := range is {
		if _, ok := want[name]; !ok {
			said = append(said, name+" is there")
		}
	}
	slices.Sort(said)
	return said
}

// count is what was found out about a flow.
type count struct{ points, states, again, before, after, checkpoint, bad int }

// watch looks at the states of a flow, each once.
type watch struct {
	*record
	t      *testing.T
	dir    string
	mutant bool  // the first state that is neither of the outcomes is enough
	every  []int // the power goes once more in the recovery from each so-manieth state, and in the recovery of that, and so on
	seen   map[[32]byte]bool
	n      count
	first  string
}

var errFound = errors.New("found")

// lose takes the power away after each call, and looks at every state. Calls that skip says are left out: the fsyncs of a
// mutant.
func (r *record) lose(t *testing.T, dir string, every []int, skip func(trace.Call) bool) (count, string) {
	t.Helper()
	w := &watch{record: r, t: t, dir: dir, mutant: skip != nil, every: every, seen: map[[32]byte]bool{}}
	d := newDisk(r.root, r.base)
	ends := []map[string]string{r.before, r.after}
	for _, c := range r.calls {
		if skip != nil && skip(c) {
			continue
		}
		if err := d.call(c); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path.Base(c.To), "phase-") && path.Base(c.To) != "phase-0.json" {
			ends = append(ends, shown(d.live)) // what was checked and stays
		}
		w.n.points++
		err := d.states(func(im image) error {
			fresh, err := w.look(im, ends, fmt.Sprintf("%s, after %v", r.name, c))
			if err == nil && fresh {
				err = w.recovering(im, ends, 0, fmt.Sprintf("%s, after %v", r.name, c))
			}
			return err
		})
		if err != nil {
			break
		}
	}
	return w.n, w.first
}

// look judges a state that was not seen yet.
func (w *watch) look(im image, ends []map[string]string, where string) (fresh bool, err error) {
	h := im.hash()
	if w.seen[h] {
		return false, nil
	}
	w.seen[h] = true
	w.n.states++
	end, why := w.judge(w.t, w.dir, im, ends)
	switch end {
	case 0:
		w.n.before++
	case 1:
		w.n.after++
	case -1:
		w.n.bad++
		if w.first == "" {
			w.first = where + ": " + why
		}
		if w.mutant || w.n.bad >= 20 {
			return true, errFound
		}
	default:
		w.n.checkpoint++
	}
	return true, nil
}

// recovering takes the power away once more, after each call of the recovery from a state, and again in the recovery from that.
func (w *watch) recovering(im image, ends []map[string]string, depth int, where string) error {
	if depth >= len(w.every) || w.n.states%w.every[depth] != 0 {
		return nil
	}
	root := filepath.Join(w.dir, "again")
	if err := errors.Join(os.RemoveAll(root), im.lay(root)); err != nil {
		w.t.Fatal(err)
	}
	calls, _ := traced(w.t, root, "recover") // a run that had to be undone ends with a status of its own
	d := newDisk(root, im)
	for _, c := range calls {
		if err := d.call(c); err != nil {
			w.t.Fatal(err)
		}
		at := fmt.Sprintf("%s, and in its recovery after %v", where, c)
		err := d.states(func(im image) error {
			fresh, err := w.look(im, ends, at)
			if err != nil || !fresh {
				return err
			}
			w.n.again++
			return w.recovering(im, ends, depth+1, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// judge lays a state out, recovers it, and says which end it came to; -1: none.
func (r *record) judge(t *testing.T, dir string, im image, ends []map[string]string) (int, string) {
	t.Helper()
	root := filepath.Join(dir, "state")
	if err := errors.Join(os.RemoveAll(root), im.lay(root)); err != nil {
		t.Fatal(err)
	}
	err := actSoon(t.Context(), root, "recover")
	if f, ok := errors.AsType[*steps.Failure](err); err != nil && (!ok || f.Code != "H03") {
		return -1, err.Error()
	}
	if r.do == "uninstall" {
		if err := actSoon(t.Context(), root, "uninstall"); err != nil {
			return -1, err.Error()
		}
	}
	now, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(root + steps.JournalDir); err == nil {
		return -1, "the run is open still"
	}
	var least []string
	for n, end := range ends {
		said := differs(shown(now), end)
		if len(said) == 0 {
			return n, ""
		}
		if least == nil || len(said) < len(least) {
			least = said
		}
	}
	return -1, strings.Join(least, "; ")
}

// actSoon waits for the lock: a program that another test starts has it too, from its fork until its exec.
func actSoon(ctx context.Context, root, what string) error {
	err := act(ctx, root, what)
	for n := 0; n < 1000 && busy(err); n++ {
		time.Sleep(10 * time.Millisecond)
		err = act(ctx, root, what)
	}
	return err
}

func busy(err error) bool {
	f, ok := errors.AsType[*steps.Failure](err)
	return ok && f.Code == "H02"
}

func inMemory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// TestPowerLoss takes the power away after every call of every flow.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: programs are traced")
	}
	chosen, every := flows[:slice], []int{60, 60}
	if *full {
		chosen, every = flows, []int{1, 12}
	}
	all := make([]count, len(chosen))
	t.Run("flows", func(t *testing.T) {
		for i, f := range chosen {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				r := newRecord(t, f)
				n, first := r.lose(t, inMemory(t), every, nil)
				t.Logf("%d calls, %+v", len(r.calls), n)
				if n.bad > 0 || n.states < 30 || n.again == 0 {
					t.Errorf("%d bad states; the first is %s", n.bad, first)
				}
				all[i] = n
			})
		}
	})
	var rows strings.Builder
	var sum count
	for i, n := range all {
		fmt.Fprintf(&rows, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", chosen[i].name, n.points, n.states-n.again, n.again, n.before, n.checkpoint, n.after, n.bad)
		sum.states, sum.bad = sum.states+n.states, sum.bad+n.bad
	}
	page(t, "power loss", head, rows.String())
	if *full && *update && !t.Failed() {
		const command = "sudo go test ./e2e/crash/power -full -update -parallel 2 -timeout 60m"
		if err := promises.Write("../../../"+promises.File,
			promises.Figure{Promise: 3, What: "states of a disk after a loss of power, in a change or in the recovery from one, each recovered from", Target: "≥ 50,000", Measured: promises.Count(sum.states), Command: command},
			promises.Figure{Promise: 3, What: "of them neither as before, nor as at a checkpoint, nor as asked", Target: "0", Measured: promises.Count(sum.bad), Command: command}); err != nil {
			t.Fatal(err)
		}
	}
}

const slice = 3 // of the flows and mutants, in CI

const head = `| change | calls | states | in its recovery | as before | as at the checkpoint | as asked | neither |
|---|---|---|---|---|---|---|---|
`

// mutants are fsyncs that are left out: of what is renamed to such a name, or of such a folder.
var mutants = []struct {
	name string
	skip func(name string, folder bool) bool
}{
	{"the manifest is not stored", func(name string, _ bool) bool { return path.Base(name) == "manifest.json" }},
	{"the record of a phase is not stored", func(name string, _ bool) bool { return strings.HasPrefix(path.Base(name), "phase-") }},
	{"the name of our folder is not stored", func(name string, folder bool) bool { return folder && name == path.Dir(steps.StateDir) }},
	{"no file is stored", func(_ string, folder bool) bool { return !folder }},
	{"no folder is stored", func(_ string, folder bool) bool { return folder }},
	{"backups are not stored", func(name string, folder bool) bool { return !folder && path.Base(path.Dir(name)) == "bk" }},
	{"the end of a run is not stored", func(name string, _ bool) bool { return path.Base(name) == "result.json" }},
	{"the site's file is not stored", func(name string, folder bool) bool { return !folder && path.Dir(name) == steps.SitesDir }},
	{"the folder of nginx's files is not stored", func(name string, folder bool) bool { return folder && name == "/etc/nginx/conf.d" }},
	{"the certificate is not stored", func(name string, folder bool) bool { return !folder && within(name, steps.CertsDir) }},
	{"the folder of the certificate is not stored", func(name string, folder bool) bool { return folder && within(name, steps.CertsDir) }},
	{"the folder of the log is not stored", func(name string, folder bool) bool { return folder && within(name, steps.DoneDir) }},
	{"the link that opens a run is not stored", func(name string, folder bool) bool { return folder && name == steps.StateDir }},
}

// stores says what an fsync stores: the name that the file gets afterwards, or the folder.
func (r *record) stores(c trace.Call) (name string, folder, ok bool) {
	if c.Name != "fsync" {
		return "", false, false
	}
	name = strings.TrimPrefix(c.Path, r.root)
	if !host.IsTemp(path.Base(name)) {
		return name, true, true
	}
	for _, after := range r.calls[c.N:] {
		if after.Path == c.Path && after.To != "" {
			return strings.TrimPrefix(after.To, r.root), false, true
		}
	}
	return name, false, true
}

// TestUnstored leaves single fsyncs out: each has to leave states behind that nothing recovers from, or the suite is blind.
func TestUnstored(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: programs are traced")
	}
	var records []*record
	for _, f := range flows[:4] {
		records = append(records, newRecord(t, f))
	}
	dir := inMemory(t)
	var rows strings.Builder
	for n, m := range mutants {
		if !*full && n >= slice {
			break
		}
		found := ""
		for _, r := range records {
			if found == "" {
				_, found = r.lose(t, dir, nil, func(c trace.Call) bool {
					name, folder, ok := r.stores(c)
					return ok && m.skip(name, folder)
				})
			}
		}
		if found == "" {
			t.Errorf("%s: nothing shows it", m.name)
		}
		t.Logf("%s: %.300s", m.name, found)
		fmt.Fprintf(&rows, "| %s | %t |\n", m.name, found != "")
	}
	page(t, "unstored", "| what is left out | seen |\n|---|---|\n", rows.String())
}
