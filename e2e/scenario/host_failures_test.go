//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestNotRoot (H01): without root nothing is done; a dry run still shows what it can see.
func TestNotRoot(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	st.s.Put("/srv/sslwizard", world.Program("sslwizard"), 0o755)
	for _, name := range []string{answers, "/root/ca.pem"} {
		st.s.Write("/srv/"+name[len("/root/"):], strings.Replace(st.s.Read(name), "/root/", "/srv/", 1), 0o644)
	}
	st.s.Must("useradd", "--create-home", "alice")
	before := st.s.Manifest()
	as := []string{"setpriv", "--reuid=alice", "--regid=alice", "--clear-groups", "/srv/sslwizard"}
	st.ends(st.s.Exec(append(as, "--non-interactive", "/srv/answers.yaml")...), 77, "H01", "root", "sudo")
	for _, args := range [][]string{{"undo"}, {"uninstall"}, {"renew", shop}, {"remove", shop}} {
		st.ends(st.s.Exec(append(as, args...)...), 77, "H01", "sudo /srv/sslwizard "+strings.Join(args, " "))
	}
	st.untouched(before)
	st.ends(st.s.Exec(append(as, "--dry-run", "/srv/answers.yaml")...), 0, "Nothing was changed", "sudo /srv/sslwizard --non-interactive /srv/answers.yaml")
	st.untouched(before)
}

// TestSecondRun (H02): while one run waits for a slow CA, another is told who is at work and to come back.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.answer("native")
	st.w.CA.Freeze()
	first := st.s.Background("/root/sslwizard", "--non-interactive", answers)
	st.await(443)
	st.ends(st.apply(), 75, "H02", "pid")
	st.ends(st.sslwizard("undo"), 75, "H02")
	st.w.CA.Thaw()
	st.ends(first(), 0)
	st.live()
	st.ends(st.apply(), 0, "Nothing to do")
}

// TestPackageManagerBusy (H11): somebody else's apt-get is at work; the run says so, waits, and goes on after it.
func TestPackageManagerBusy(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("nginx")
	busy := st.s.Background("apt-get", "-y", "-qq", "-o", "DPkg::Pre-Invoke::=touch /run/busy; while test ! -e /run/go-on; do sleep 0.1; done",
		"install", "nftables")
	world.Eventually(t, "apt-get at work", func() bool {
		return st.s.Exec("test", "-e", "/run/busy").Status == 0
	})
	st.ends(st.sslwizard("--dry-run", answers), 0, "H11", "apt-get")
	run := st.s.Background("/root/sslwizard", "--non-interactive", answers)
	world.Eventually(t, "apt-get of sslwizard waiting", func() bool {
		return st.s.Exec("pgrep", "-f", "apt-get.*install.*nginx").Status == 0
	})
	st.s.Must("touch", "/run/go-on")
	busy()
	st.ends(run(), 0)
	st.live()
}

// TestFullDisk (H06): too little room is seen before anything is changed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, executor := range []string{"native", "nginx"} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			st := begin(t, "bookworm", world.Disk("48m"))
			st.s.Must("fallocate", "-l", "8M", "/var/lib/filler")
			st.answer(executor)
			st.refuses(1, "H06", "MiB", "free")
		})
	}
}

// TestDiskFillsUp has the disk be full in the middle of a run: everything is put back.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	before := st.s.Manifest()
	// A small disk for the program stands for one that takes no more.
	st.s.Must("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1,mode=755", "tmpfs", "/usr/local/bin")
	st.ends(st.apply(), 4, "H06", "everything was undone")
	st.s.Must("umount", "/usr/local/bin")
	st.restored(before)
}

// TestUnknownSystem (H10): on a system that we do not know nothing is tried; what could be done by hand is said.
func TestUnknownSystem(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.answer("nginx")
	st.s.Must("rm", "/etc/os-release")
	st.s.Write("/etc/os-release", "ID=plan9\nPRETTY_NAME=\"Plan 9 \x1b[31mfrom Bell Labs\"\n", 0o644)
	before := st.s.Manifest()
	r := st.apply()
	st.ends(r, 1, "H10", "Plan 9", "by hand")
	if strings.Contains(r.Text(), "\x1b[31mfrom") {
		t.Error("the name of the system reaches the screen with its escape sequence")
	}
	st.untouched(before)
}
