package apply

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
)

var nginxSeen = &Seen{Packages: []string{"nginx"}}

// cutOffWorld is a server on which dpkg was killed while it unpacked nginx for us.
func cutOffWorld(t *testing.T) (*world, *undoing) {
	t.Helper()
	w := newWorld(t)
	w.d.Install("nginx")
	w.cutOff = []string{"nginx"}
	w.Tool(host.Output{}, "dpkg", "--force-remove-reinstreq", "--purge", "--", "nginx")
	return w, w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
}

func (w *world) forced() bool { return len(w.ran(0, "run dpkg --force-remove-reinstreq --purge")) > 0 }

// What dpkg was killed in while it unpacked it is unpacked again and then goes. Nothing starts meanwhile.
func TestRevertTakesWhatWasCutOff(t *testing.T) {
	t.Parallel()
	before := newWorld(t).Snapshot()
	w, u := cutOffWorld(t)
	if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}}, nginxSeen); err != nil {
		t.Fatal(err)
	}
	if w.forced() || len(u.kept) > 0 || len(w.ran(0, "write "+policyFile)) == 0 {
		t.Errorf("kept %q: %q", u.kept, w.Mutations())
	}
	w.same(t, before, keptByDesign...)
}

// Where it cannot be unpacked again it is forced away, and so it is where apt would do more than that by now. What is certainly
// of it goes then too, and that there may be more is said.
func TestRevertForcesAway(t *testing.T) {
	t.Parallel()
	for _, beside := range []string{"", "Inst theirs [1] (2 Debian:12 [amd64])\n", "Remv theirs [1]\n"} {
		w, u := cutOffWorld(t)
		w.noDebs, w.beside = beside == "", beside
		ours, theirs := w.halfUnpacked()
		if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}}, nginxSeen); err != nil {
			t.Fatal(err)
		}
		if !w.forced() || len(u.kept) != 1 || !strings.Contains(u.kept[0], "sudo apt-get purge nginx") {
			t.Errorf("%q: kept %q: %q", beside, u.kept, w.Mutations())
		}
		if ran := len(w.ran(0, "write "+policyFile)) > 0; ran != (beside == "") {
			t.Errorf("%q: %q", beside, w.Mutations())
		}
		if slices.ContainsFunc(ours, w.Exists) || !w.Exists(theirs) || w.Exists("/usr/share/half") || w.Exists("/usr/share/half.dpkg-new") {
			t.Errorf("%q: %q", beside, w.Mutations())
		}
	}
}

// halfUnpacked lays out what dpkg leaves when it is killed, and returns what is certainly of the package, and what is not.
func (w *world) halfUnpacked() (ours []string, theirs string) {
	ours = []string{"/usr/share/half/data", "/usr/share/half/next.dpkg-new", "/etc/nginx/half.conf.dpkg-new", "/etc/nginx/unlisted.dpkg-new"}
	for _, name := range ours {
		w.File(name, name)
	}
	theirs = "/usr/share/other"
	w.File(theirs, "of somebody")
	sums := fmt.Sprintf("%x  usr/share/half/data\n%x  usr/share/half/next\n%x  usr/share/other\n", md5.Sum([]byte(ours[0])), md5.Sum(nil), md5.Sum(nil))
	w.File(dpkgUnpacks+"control", "Package: nginx\nVersion: 1\n")
	w.File(dpkgUnpacks+"md5sums", sums)
	w.File(dpkgUnpacks+"conffiles", "/etc/nginx/half.conf\n")
	w.Dir("/usr/share/half.dpkg-new", 0o755)
	for _, dir := range []string{"/usr/share/half", "/usr/share/half.dpkg-new"} {
		w.Tool(host.Output{Status: 1}, "dpkg-query", "-S", "--", dir)
	}
	return ours, theirs
}

// What was there before the packages is not theirs, whatever it is called; nor is what another package was unpacking.
func TestRevertForcesNothingElseAway(t *testing.T) {
	t.Parallel()
	for control, trees := range map[string][]Path{"other": nil, "nginx": {{Path: "/etc/nginx/unlisted.dpkg-new"}}} {
		w, u := cutOffWorld(t)
		w.noDebs = true
		ours, _ := w.halfUnpacked()
		w.File(dpkgUnpacks+"control", "Package: "+control+"\n")
		if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}, Trees: trees}, nginxSeen); err != nil {
			t.Fatal(err)
		}
		if listed := !w.Exists(ours[0]); listed != (control == "nginx") || w.Exists(ours[3]) != (len(trees) > 0) {
			t.Errorf("%s: %q", control, w.Mutations())
		}
	}
}

// A policy-rc.d of ours is never left: not where the disk takes the file and does not say so, nor where the user's own was there
// when the packages were installed and is not since.
func TestPolicyIsNotLeft(t *testing.T) {
	t.Parallel()
	for _, policyBefore := range []bool{true, false} {
		w, u := cutOffWorld(t)
		w.noDebs, w.late = true, 1
		if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}, Policy: policyBefore}, nginxSeen); err != nil {
			t.Fatal(err)
		}
		if w.Exists(policyFile) || len(u.errs) > 0 {
			t.Errorf("policy-rc.d is left: %v", u.errs)
		}
		w.File(policyFile, string(policy)) // killed before it could be removed
		for _, seen := range []*Seen{nil, nginxSeen} {
			if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}, Policy: policyBefore}, seen); err != nil || w.Exists(policyFile) {
				t.Errorf("policy-rc.d is left: %v", err)
			}
			w.File(policyFile, string(policy))
		}
		w.File(policyFile, "#!/bin/sh\nexit 104\n")
		if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}}, nil); err != nil || !w.Exists(policyFile) {
			t.Errorf("a policy-rc.d of somebody is gone: %v", err)
		}
	}
}
