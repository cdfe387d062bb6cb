package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const disksHere = "SSLWIZARD_TEST_DISKS"

// TestRealDisks does whole runs on file systems that really are full, have no inode left, or turn read-only in the middle:
// at each amount of room, and at each write. Each time nothing is changed, or all is; whatever could not be taken back is,
// once the disk is mended; and what was wrong with the disk is said, with its code.
func TestRealDisks(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: file systems are mounted")
	}
	if os.Getenv(disksHere) == "" { // the mounts are in a namespace of their own and end with it
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestRealDisks$", "-test.v")
		cmd.Env = append(os.Environ(), disksHere+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil || !strings.Contains(string(out), "--- PASS: TestRealDisks/") {
			t.Error(err)
		}
		return
	}
	for _, small := range []string{"/", steps.StateDir, "/etc", "/usr/local"} {
		t.Run("full, "+small, func(t *testing.T) { testRoom(t, small, unix.Statfs_t{Blocks: 1}, "H06") })
		t.Run("no inodes, "+small, func(t *testing.T) { testRoom(t, small, unix.Statfs_t{Files: 1}, "H06") })
		t.Run("read-only, "+small, func(t *testing.T) { testReadOnly(t, small) })
	}
}

// disk is a server of whose folders one is a file system of its own, and so is /run.
type disk struct {
	*host.Linux
	root, at string
	before   map[string]string
	writes   int // so many go well
	turn     func()
}

func newDisk(t *testing.T, small string) *disk {
	t.Helper()
	root := t.TempDir()
	d := &disk{root: root, at: filepath.Clean(filepath.Join(root, small)), writes: -1}
	mount := func(at string) {
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "mode=0755"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	}
	mount(root) // in memory: nothing waits for the disk of the machine
	if d.at != root {
		mount(d.at)
	}
	mount(filepath.Join(root, "run"))
	seed(t, root)
	if err := os.WriteFile(filepath.Join(d.at, "theirs"), []byte("theirs\n"), 0o644); err != nil { // so that it is in use: of size 0 would be of any size
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, steps.StateDir), 0o711); err != nil {
		t.Fatal(err)
	}
	d.Linux, d.before = host.New(root), treeOf(t, root)
	return d
}

// room leaves the file system so many pages or inodes; with none of both, all it wants.
func (d *disk) room(t *testing.T, pages, inodes int64) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.at, &st); err != nil {
		t.Fatal(err)
	}
	options := "nr_inodes=0,size=0"
	switch {
	case pages >= 0:
		options = fmt.Sprintf("nr_inodes=0,size=%d", (int64(st.Blocks-st.Bfree)+pages)*st.Bsize)
	case inodes >= 0:
		options = fmt.Sprintf("size=64m,nr_inodes=%d", int64(st.Files-st.Ffree)+inodes)
	}
	if err := unix.Mount("tmpfs", d.at, "tmpfs", unix.MS_REMOUNT, options); err != nil {
		t.Fatalf("%s: %v", options, err)
	}
}

// engine is a new one, as after a new start.
func (d *disk) engine() *Engine {
	return New(d, Services{
		Certificates: &store{}, Prober: &prober{}, Locker: &memoryLock{}, Self: func() ([]byte, error) { return self, nil },
	})
}

func (d *disk) run(t *testing.T) (steps.Result, error) {
	t.Helper()
	e := d.engine()
	shown, err := e.Preview(context.WithoutCancel(t.Context()), d, filesPlan(strings.Repeat("a long answer\n", 700)))
	if err != nil {
		t.Fatal(err)
	}
	return e.Apply(t.Context(), shown, nil)
}

// asBefore fails where the server is not what it was, but for the log.
func (d *disk) asBefore(t *testing.T) {
	t.Helper()
	now := treeOf(t, d.root)
	for name, was := range d.before {
		if now[name] != was {
			t.Errorf("%s was %.80q and is %.80q", name, was, now[name])
		}
	}
	for name := range now {
		if _, was := d.before[name]; !was && !strings.HasPrefix(name, steps.DoneDir) {
			t.Errorf("%s is left", name)
		}
	}
}

// ended fails where the server is not exactly as before, or exactly as asked.
func (d *disk) ended(t *testing.T, whole bool) {
	t.Helper()
	if !whole {
		d.asBefore(t)
		return
	}
	if again, err := d.run(t); err != nil || again.Outcome != steps.OutcomeNothing {
		t.Errorf("there was something left to do: %+v, %v", again, err)
	}
}

func named(t *testing.T, err error, code string) {
	t.Helper()
	failures.MetError(t, err)
	f, ok := errors.AsType[*steps.Failure](err)
	if !ok || !strings.HasPrefix(err.Error(), "cannot ") || !strings.Contains(err.Error(), "cannot write") {
		t.Errorf("%v", err)
		return
	}
	for ok && f.Code == "" { // of what could not be undone, the disk's fault is the cause
		f, ok = errors.AsType[*steps.Failure](errors.Unwrap(f))
	}
	if !ok || f.Code != code || len(f.Fixes) == 0 {
		t.Errorf("%v: %+v", err, f)
	}
}

// testRoom runs with room for nothing, a little more each time, until it goes well; then it is undone with as little.
func testRoom(t *testing.T, small string, kind unix.Statfs_t, code string) {
	room := func(d *disk, n int64) {
		if kind.Files > 0 {
			d.room(t, -1, n)
		} else {
			d.room(t, n, -1)
		}
	}
	failed := 0
	for n := int64(0); ; n++ {
		d := newDisk(t, small)
		room(d, n)
		res, err := d.run(t)
		if err == nil && res.Outcome == steps.OutcomeDone {
			if failed == 0 {
				t.Error("it never failed")
			}
			t.Logf("%d amounts of room were too little", failed)
			break
		}
		failed++
		named(t, err, code)
		if status := steps.ExitStatus(res.Outcome, err); status == 0 {
			t.Errorf("exit status %d", status)
		}
		d.room(t, -1, -1)
		if res.Outcome != "" && res.Outcome != steps.OutcomeReverted && res.Outcome != steps.OutcomePartial {
			t.Errorf("%d: %s", n, res.Outcome)
		}
		whole := res.Outcome == steps.OutcomePartial // only that it ended could not be written: the next start does that
		if _, found, err := d.engine().Recover(t.Context(), nil); found != whole || err != nil {
			t.Errorf("%d: found %t, %v", n, found, err)
		}
		d.ended(t, whole)
		if t.Failed() {
			t.Fatalf("with room for %d", n)
		}
	}
	for n, done := int64(0), false; !done; n++ {
		d := newDisk(t, small)
		if _, err := d.run(t); err != nil {
			t.Fatal(err)
		}
		room(d, n)
		res, err := d.engine().Undo(t.Context(), "", nil)
		if done = err == nil; !done {
			named(t, err, code)
		}
		d.room(t, -1, -1)
		if _, _, err := d.engine().Recover(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if !done && res.Outcome == "" { // not begun
			if _, err := d.engine().Undo(t.Context(), "", nil); err != nil {
				t.Fatal(err)
			}
		}
		if t.Failed() {
			t.Fatalf("undo with room for %d", n)
		}
	}
}

// WriteFile implements host.Host.
func (d *disk) WriteFile(name string, f host.File) error {
	if d.writes == 0 {
		d.turn()
	}
	d.writes--
	return d.Linux.WriteFile(name, f)
}

// testReadOnly has the file system turn read-only at each write. What was changed until then cannot be taken back; the
// next start on the mended disk does it, with the emergency copy where it was the log's disk.
func testReadOnly(t *testing.T, small string) {
	copies, points := 0, 0
	for n := 0; ; n++ {
		d := newDisk(t, small)
		d.writes, d.turn = n, func() {
			if err := unix.Mount("", d.at, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		}
		res, err := d.run(t)
		turned := d.writes < 0
		if !turned {
			break
		}
		points++
		if err == nil && res.Outcome == steps.OutcomeDone { // only what nothing needed to write any more
			continue
		}
		named(t, err, "H07")
		copied, _ := filepath.Glob(filepath.Join(d.root, "*", emergencyPrefix+"*"))
		copies += len(copied)
		for _, name := range copied {
			if !strings.Contains(fmt.Sprint(fixes(err)), strings.TrimPrefix(name, d.root)) {
				t.Errorf("nothing says that there is %s: %v", name, fixes(err))
			}
		}
		d.writes = -1
		d.room(t, -1, -1)
		if _, found, err := d.engine().Recover(t.Context(), nil); err != nil || found != (res.Outcome == steps.OutcomeInconsistent || res.Outcome == steps.OutcomePartial) {
			t.Errorf("%s: found %t, %v", res.Outcome, found, err)
		}
		d.ended(t, res.Outcome == steps.OutcomePartial)
		if t.Failed() {
			t.Fatalf("read-only at write %d", n)
		}
	}
	if points < 20 || copies == 0 && (small == "/" || small == steps.StateDir) {
		t.Errorf("%d points, %d copies", points, copies)
	}
	t.Logf("%d points, %d emergency copies", points, copies)
}

func fixes(err error) []string {
	if f, ok := errors.AsType[*steps.Failure](err); ok {
		return f.Fixes
	}
	return nil
}
