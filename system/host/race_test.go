package host

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

var (
	full   = flag.Bool("full", false, "100,000 races, not some hundred")
	update = flag.Bool("update", false, "write the figures of -full into docs/promises.md")
)

const swapHere = "SSLWIZARD_SWAP_HERE" // the folder in which the test binary is the enemy

// TestMain lets the test binary be the process that swaps names.
func TestMain(m *testing.M) {
	if dir := os.Getenv(swapHere); dir != "" {
		swapForever(dir)
	}
	os.Exit(m.Run())
}

// swapForever has a name be a folder and a link to elsewhere by turns, until it is killed.
func swapForever(dir string) {
	if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		os.Exit(1)
	}
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, dir+"/here", unix.AT_FDCWD, dir+"/there", unix.RENAME_EXCHANGE); err != nil {
			os.Exit(1)
		}
	}
}

// yard is a folder in which somebody else swaps a folder and a link to the vault, which is ours alone.
type yard struct {
	t           *testing.T
	base, vault string
}

const nobody = 65534

// newYard makes it below a folder that only root may write in; the enemy is the owner of the yard.
func newYard(t *testing.T) *yard {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "sslwizard-race-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	y := &yard{t, dir + "/base", dir + "/vault"}
	for _, f := range []func() error{
		func() error { return os.Chmod(dir, 0o755) },
		func() error { return os.MkdirAll(y.base+"/yard/here", 0o755) },
		func() error { return os.Mkdir(y.vault, 0o755) },
		func() error { return os.WriteFile(y.vault+"/config", []byte("ours"), 0o600) },
		func() error { return os.WriteFile(y.base+"/yard/here/config", []byte("theirs"), 0o600) },
		func() error { return os.Symlink(y.vault, y.base+"/yard/there") },
		func() error { return os.Chown(y.base+"/yard", nobody, nobody) },
		func() error { return os.Chown(y.base+"/yard/here", nobody, nobody) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// enemy swaps until the test is over.
func (y *yard) enemy() {
	y.t.Helper()
	self, err := os.Executable()
	if err != nil {
		y.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{swapHere + "=" + y.base + "/yard"}
	if err := cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// robbed says what of the vault is not as it was.
func (y *yard) robbed() string {
	all, err := os.ReadDir(y.vault)
	if err != nil || len(all) != 1 {
		return "there is more in it, or less"
	}
	if text, err := os.ReadFile(y.vault + "/config"); err != nil || string(text) != "ours" {
		return "its file is another one"
	}
	if info, err := os.Lstat(y.vault + "/config"); err != nil || info.Mode() != 0o600 {
		return "its file has another mode"
	}
	return ""
}

// tries does to a path what the program does to paths, by turns.
func tries(h Host, name string, n int) error {
	switch n % 5 {
	case 0:
		return h.WriteFile(name, File{Data: []byte("written"), Mode: 0o644})
	case 1:
		return h.Remove(name)
	case 2:
		return h.WriteFile(name, File{Mode: fs.ModeSymlink | fs.ModePerm, Link: "/elsewhere"})
	case 3:
		return h.WriteFile(filepath.Dir(name)+"/folder", File{Mode: fs.ModeDir | 0o777})
	}
	return h.Remove(filepath.Dir(name) + "/folder")
}

// TestNoPathEscapes has an enemy swap a folder on the way for a link, as fast as it can, while the program writes, links, makes
// folders and removes below it: on the machine itself, where it refuses folders in the hands of others, and in a tree of its own,
// which a link must not lead out of (P18).
func TestNoPathEscapes(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the enemy is another user")
	}
	races := 1000
	if *full {
		races = 100_000
	}
	var refused, done int
	for _, tree := range []bool{false, true} {
		y := newYard(t)
		h, name := Host(New("")), y.base+"/yard/here/config"
		if tree {
			h, name = New(y.base), "/yard/here/config"
		}
		y.enemy()
		for n := range races / 2 {
			err := tries(h, name, n)
			if _, ok := errors.AsType[*FolderError](err); ok {
				refused++
			} else if err == nil {
				done++
			}
			if n%500 == 499 {
				if what := y.robbed(); what != "" {
					t.Fatalf("after %d races (tree %t): %s", n, tree, what)
				}
			}
		}
		if what := y.robbed(); what != "" {
			t.Fatalf("tree %t: %s", tree, what)
		}
	}
	t.Logf("%d races: %d refused, %d done in the yard", races, refused, done)
	if refused < races/2 || done == 0 {
		t.Errorf("%d refused and %d done of %d: this is no race", refused, done, races)
	}
	if *full && *update && !t.Failed() {
		promises.Record(t, promises.Figure{Promise: 18, What: "writes, links, folders and removals while a folder on the way is swapped for a link", Target: "≥ 100,000",
			Measured: promises.Count(races), Command: "sudo go test ./system/host -run 'TestNoPathEscapes$' -full -update"},
			promises.Figure{Promise: 18, What: "of them that reached what the link leads to", Target: "0", Measured: "0", Command: "sudo go test ./system/host -run 'TestNoPathEscapes$' -full -update"})
	}
}

// TestTheRaceIsReal: a program that writes as most do is robbed soon.
func TestTheRaceIsReal(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the enemy is another user")
	}
	y := newYard(t)
	y.enemy()
	for end := time.Now().Add(time.Minute); y.robbed() == ""; {
		_ = os.WriteFile(y.base+"/yard/here/config", []byte("written"), 0o644)
		if time.Now().After(end) {
			t.Fatal("nothing escapes: the enemy is none")
		}
	}
}
