package apply

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestMain lets the test binary be the other process that holds the lock.
func TestMain(m *testing.M) {
	if root := os.Getenv("SSLWIZARD_TEST_HOLD"); root != "" {
		holdLock(root)
	}
	os.Exit(m.Run())
}

func holdLock(root string) {
	release, err := FileLock{Root: root}.Lock("hold \x1b[31m for a test")
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	defer release()
	os.Stdout.WriteString("held\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// otherProcess starts a process that holds the lock until stop is called, and waits for what it says of it.
func otherProcess(t *testing.T, root string) (said string, cmd *exec.Cmd, stop func()) {
	t.Helper()
	cmd, out, stop := beginProcess(t, root)
	said, _ = out.ReadString('\n')
	return strings.TrimSpace(said), cmd, stop
}

func beginProcess(t *testing.T, root string) (cmd *exec.Cmd, out *bufio.Reader, stop func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SSLWIZARD_TEST_HOLD="+root)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { in.Close(); _ = cmd.Wait() }
	t.Cleanup(stop)
	return cmd, bufio.NewReader(pipe), stop
}

func TestLockKeepsOtherProcessesOut(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	said, cmd, _ := otherProcess(t, root)
	if said != "held" {
		t.Fatal(said)
	}
	for _, try := range []func() error{
		func() error { _, err := FileLock{Root: root}.Lock("second"); return err },
		FileLock{Root: root}.Free,
	} {
		err := try()
		var f *steps.Failure
		failures.MetError(t, err)
		if !errors.As(err, &f) || f.Code != "H02" || f.Status != steps.ExitTryLater || len(f.Fixes) == 0 {
			t.Fatalf("%v", err)
		}
		if !strings.Contains(f.Text, "hold") || !strings.Contains(f.Text, "pid ") || strings.Contains(f.Text, "\x1b") {
			t.Errorf("it does not say who: %q", f.Text)
		}
	}
	_ = cmd.Process.Kill() // a holder that dies leaves no lock
	_ = cmd.Wait()
	release, err := FileLock{Root: root}.Lock("third")
	if err != nil {
		t.Fatal(err)
	}
	release()
	if said, _, _ := otherProcess(t, root); said != "held" {
		t.Errorf("after release: %s", said)
	}
}

// Who only looks, as every status does, turns nobody away. It is not for beside other tests: a process that they start has
// our files for the moment before it becomes another program.
func TestLookingHoldsNothing(t *testing.T) {
	l := FileLock{Root: t.TempDir()}
	release, err := l.Lock("x")
	if err != nil {
		t.Fatal(err)
	}
	release()
	over, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-over:
				return
			default:
				_ = l.Free()
			}
		}
	}()
	for n := range 500 {
		release, err := l.Lock("x")
		if err != nil {
			t.Errorf("try %d: %v", n, err)
			break
		}
		release()
	}
	close(over)
	<-looked
}

func TestLockIsNotInherited(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f, err := (FileLock{Root: root}).open(os.O_RDONLY)
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v, %v", f, err)
	}
	release, err := FileLock{Root: root}.Lock("x")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	g, err := (FileLock{Root: root}).open(os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if flags, err := unix.FcntlInt(g.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %x, %v", flags, err)
	}
	if st, err := os.Stat(filepath.Join(root, steps.LockFile)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// A lock file that was removed and made anew while we waited for it is not ours.
func TestLockSeesAReplacedFile(t *testing.T) {
	t.Parallel()
	l := FileLock{Root: t.TempDir()}
	release, err := l.Lock("x")
	if err != nil {
		t.Fatal(err)
	}
	release()
	f, err := l.open(os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !l.current(f) {
		t.Error("the file at the path is not taken for current")
	}
	if err := os.Remove(l.path()); err != nil {
		t.Fatal(err)
	}
	if l.current(f) {
		t.Error("a removed file is taken for current")
	}
}

// A lock file that somebody deletes while a run holds it lets no second run in.
func TestLockFileDeletedUnderItsHolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	said, _, stop := otherProcess(t, root)
	if said != "held" {
		t.Fatal(said)
	}
	if err := os.Remove(filepath.Join(root, steps.LockFile)); err != nil {
		t.Fatal(err)
	}
	lock := func() error { _, err := FileLock{Root: root}.Lock("second"); return err }
	free := FileLock{Root: root}.Free
	for n, try := range []func() error{free, lock, lock, free} {
		var f *steps.Failure
		if err := try(); !errors.As(err, &f) || f.Code != "H02" || f.Status != steps.ExitTryLater || len(f.Fixes) == 0 || !strings.Contains(f.Text, deleted) {
			t.Errorf("try %d: %v", n, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, steps.LockFile)); err == nil {
		t.Error("who was kept out made the file anew: others find it locked for a moment, by no run")
	}
	if err := os.WriteFile(filepath.Join(root, steps.LockFile), nil, 0o600); err != nil { // somebody else makes it anew
		t.Fatal(err)
	}
	for n, try := range []func() error{free, lock, lock, free} {
		if err := try(); err == nil || !strings.Contains(err.Error(), deleted) {
			t.Errorf("with another file, try %d: %v", n, err)
		}
	}
	if other, err := (FileLock{Root: root, File: steps.NotifyLock}).Lock("another lock in the same folder"); err != nil {
		t.Error(err)
	} else {
		other()
	}
	stop()
	release, err := FileLock{Root: root}.Lock("after it")
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// Who has the lock signs a moment later; until then the file has nothing, or the name of one who is dead.
func TestSignatureComesLate(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "pid 99999999, since 2026-01-01 00:00:00 UTC, apply\n"} {
		f, err := os.CreateTemp(t.TempDir(), "lock")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(before); err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(60 * time.Millisecond); sign(f, "undo") }()
		if said := signature(f); !strings.HasPrefix(said, fmt.Sprintf("pid %d, ", os.Getpid())) {
			t.Errorf("over %q: %q", before, said)
		}
	}
	f, err := os.CreateTemp(t.TempDir(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if said := signature(f); said != "" {
		t.Errorf("nobody signed, and it said %q", said)
	}
}

// Of fifty processes that begin at once one gets the lock; the others are told who has it.
func TestOneOfFiftyStarts(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const all = 50
	var cmds []*exec.Cmd
	var outs []*bufio.Reader
	for range all {
		cmd, out, _ := beginProcess(t, root)
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	var holder int
	var refused []string
	for n, out := range outs {
		said, _ := out.ReadString('\n')
		switch said = strings.TrimSpace(said); {
		case said != "held":
			refused = append(refused, said)
		case holder != 0:
			t.Errorf("two hold it: %d and %d", holder, cmds[n].Process.Pid)
		default:
			holder = cmds[n].Process.Pid
		}
	}
	if holder == 0 || len(refused) != all-1 {
		t.Fatalf("%d holds it, %d were refused", holder, len(refused))
	}
	for _, said := range refused {
		names := strings.Contains(said, fmt.Sprintf("pid %d,", holder)) || strings.Contains(said, "it has not said what it does")
		if !names || !strings.Contains(said, "another run is active") {
			t.Errorf("it does not say who: %q", said)
		}
	}
}

// TestLockIsGivenBack: a program that is just being started by somebody else in this process has all that is open, for as long as the
// kernel takes to execute it. That keeps nobody out once the lock is given back.
func TestLockIsGivenBack(t *testing.T) {
	t.Parallel()
	l := FileLock{Root: t.TempDir()}
	release, err := l.Lock("x")
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, path := range []string{l.path(), filepath.Dir(l.path())} {
		for _, fd := range open(t, path) {
			same, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(same)
			held++
		}
	}
	if held != 2 {
		t.Fatalf("%d descriptors are open on the lock, want the file and its folder", held)
	}
	release()
	if err := l.Free(); err != nil {
		t.Errorf("free: %v", err)
	}
	again, err := l.Lock("y")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// open lists this process's descriptors of a path.
func open(t *testing.T, path string) (fds []int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == path {
			fd, err := strconv.Atoi(e.Name())
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
		}
	}
	return fds
}
