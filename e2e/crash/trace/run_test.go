//go:build linux && amd64

package trace

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const workHere = "SSLWIZARD_TEST_WORK"

// TestMain lets the test binary be the program that is traced.
func TestMain(m *testing.M) {
	if dir := os.Getenv(workHere); dir != "" {
		work(dir, len(os.Args) > 1 && os.Args[1] == "child")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// work does 4 calls on each of 8 files from 8 goroutines, and has a child do the same in another folder.
func work(dir string, child bool) {
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			temp, final := filepath.Join(dir, fmt.Sprint(".", n)), filepath.Join(dir, fmt.Sprint(n))
			f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			_, err = f.WriteString("text " + fmt.Sprint(n))
			if err == nil {
				err = f.Sync()
			}
			f.Close()
			if err == nil {
				err = os.Rename(temp, final)
			}
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		})
	}
	all.Wait()
	if child {
		return
	}
	other := filepath.Join(dir, "child")
	_ = os.Mkdir(other, 0o700)
	cmd := exec.Command("/proc/self/exe", "child")
	cmd.Env = []string{workHere + "=" + other}
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Println(string(out), err)
		os.Exit(1)
	}
}

const workCalls = 8*4 + 1 + 8*4

func traced(t *testing.T, o Order) (Report, string, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the program gets a seccomp filter")
	}
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	o.Argv, o.Env, o.Stdout, o.Stderr = []string{os.Args[0]}, []string{workHere + "=" + dir}, out, out
	o.Counts = func(c Call) bool { return strings.HasPrefix(c.Path, dir) }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := os.ReadFile(out.Name())
	return r, dir, string(said)
}

// TestEveryCallIsSeen: those of all threads and of the child, with their data.
func TestEveryCallIsSeen(t *testing.T) {
	t.Parallel()
	r, dir, said := traced(t, Order{Record: true})
	if len(r.Calls) != workCalls || r.Status != 0 || r.Killed || said != "" {
		t.Fatalf("%d calls, status %d, %q: %v", len(r.Calls), r.Status, said, r.Calls)
	}
	counts := map[string]int{}
	for i, c := range r.Calls {
		counts[c.Name]++
		if c.N != i+1 || c.Errno != 0 {
			t.Errorf("%v", c)
		}
		if c.Name == "write" && (!strings.HasPrefix(string(c.Data), "text ") || c.Size != 6 || c.At != 0 || !strings.HasPrefix(filepath.Base(c.Path), ".")) {
			t.Errorf("%+v", c)
		}
		if strings.HasPrefix(c.Name, "rename") && filepath.Base(c.Path) != "."+filepath.Base(c.To) {
			t.Errorf("%v", c)
		}
	}
	if counts["write"] != 16 || counts["fsync"] != 16 || counts["openat"] != 16 || counts["renameat"]+counts["renameat2"] != 16 || counts["mkdirat"]+counts["mkdir"] != 1 {
		t.Errorf("%v", counts)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "child", "7")); string(text) != "text 7" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestKilledAtEveryCall: before it nothing of it is there, after it all; and never is there more.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	points := 0
	for n := 1; n <= workCalls; n++ {
		for _, after := range []bool{false, true} {
			r, dir, _ := traced(t, Order{Kill: n, After: after})
			if !r.Killed || len(r.Calls) != n || r.Status != -1 {
				t.Fatalf("n=%d: killed %t after %d calls, status %d", n, r.Killed, len(r.Calls), r.Status)
			}
			points++
			if got, want := present(t, dir), expected(r.Calls, dir, after); !slices.Equal(got, want) {
				t.Fatalf("n=%d, after %t: there is %v and not %v", n, after, got, want)
			}
		}
	}
	if points != 2*workCalls {
		t.Errorf("%d points", points)
	}
}

// present are the names that are there.
func present(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if path != dir {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// expected are the names that these calls leave, the last one made or not.
func expected(calls []Call, dir string, last bool) []string {
	there := map[string]bool{}
	for i, c := range calls {
		if i == len(calls)-1 && !last {
			break
		}
		switch {
		case c.Name == "openat" || strings.HasPrefix(c.Name, "mkdir"):
			there[strings.TrimPrefix(c.Path, dir+"/")] = true
		case strings.HasPrefix(c.Name, "rename"):
			delete(there, strings.TrimPrefix(c.Path, dir+"/"))
			there[strings.TrimPrefix(c.To, dir+"/")] = true
		}
	}
	var names []string
	for name := range there {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestOrphansGoOn: who is killed as by kill -9 leaves children that end by themselves.
func TestOrphansGoOn(t *testing.T) {
	t.Parallel()
	const begun = 8*4 + 1 + 3 // the child is at work
	r, dir, _ := traced(t, Order{Kill: begun, Orphans: true})
	if !r.Killed || r.Status != -1 {
		t.Fatalf("%+v", r)
	}
	if got := present(t, filepath.Join(dir, "child")); len(got) != 8 || slices.ContainsFunc(got, func(n string) bool { return n[0] == '.' }) {
		t.Errorf("the child left %v", got)
	}
}

// TestRefusedCalls: a call that is to fail is not made, and its caller hears why.
func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	r, dir, said := traced(t, Order{Fail: 3, Errno: unix.ENOSPC})
	if !r.Failed || r.Calls[2].Errno != syscall.ENOSPC || r.Status != 1 || !strings.Contains(said, "no space left on device") {
		t.Errorf("%+v, %q", r.Calls, said)
	}
	if c := r.Calls[2]; c.Name == "openat" {
		if _, err := os.Lstat(c.Path); err == nil {
			t.Errorf("%s was made in %s", c.Path, dir)
		}
	}
}

// TestRefusedFromThere: no call is made any more after the first that is to fail.
func TestRefusedFromThere(t *testing.T) {
	t.Parallel()
	r, dir, _ := traced(t, Order{Fail: 3, Errno: unix.EROFS, More: 1 << 20})
	if !r.Failed || r.Status != 1 {
		t.Errorf("%+v", r)
	}
	if got := present(t, dir); len(got) > 2 {
		t.Errorf("made in spite of that: %v", got)
	}
}

// TestStopped: who gives up ends the program.
func TestStopped(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the program gets a seccomp filter")
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Order{Argv: []string{"/bin/cat", "/dev/zero"}, Counts: func(Call) bool { return true }}
	cancel()
	if r, err := Run(ctx, o); err == nil || r.Status != -1 {
		t.Errorf("%+v, %v", r, err)
	}
}
