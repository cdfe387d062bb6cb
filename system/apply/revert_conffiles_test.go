package apply

import (
	"crypto/md5"
	"fmt"
	"path"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// leftConfig is the configuration of a package that was there once: before, after it was installed and removed again, and as it
// has to be then.
var leftConfig = map[string]struct{ before, after, restored string }{
	"old":              {"older\n", "packaged\n", "older\n"},
	"worked-on-since":  {"older\n", "mine\n", "mine\n"},
	"edited":           {"mine\n", "mine\n", "mine\n"},
	"edited.dpkg-dist": {"", "packaged\n", ""},
	"other":            {"mine\n", "mine\n", "mine\n"},
	"other.dpkg-dist":  {"packaged\n", "packaged\n", "packaged\n"},
	"next.dpkg-new":    {"", "of any version\n", ""},
	"last.dpkg-new":    {"theirs\n", "theirs\n", "theirs\n"},
	"third.dpkg-dist":  {"", "not noted yet\n", ""},
}

func TestConfigurationThatWasLeftIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
	s, said := &PackageState{Names: []string{"nginx"}, Remains: []string{"nginx"}}, ""
	for name, c := range leftConfig {
		at := "/etc/nginx/" + name
		if c.before != "" {
			before := stateOf(host.File{Data: []byte(c.before), Mode: 0o644})
			before.Backup = name
			w.File(u.j.file(path.Join(backupDir, name)), c.before)
			s.Trees = append(s.Trees, Path{Path: at, Before: before})
		}
		w.File(at, c.after)
	}
	const elsewhere = "/etc/of-another/file"
	w.File(elsewhere+".dpkg-dist", "not of the package\n")
	said += fmt.Sprintf(" %s %x\n", elsewhere, md5.Sum(nil))
	for _, name := range []string{"old", "worked-on-since", "edited", "other", "next", "last", "third"} {
		said += fmt.Sprintf(" /etc/nginx/%s %x\n", name, md5.Sum([]byte("packaged\n")))
	}
	w.Tool(systemtest.Stdout(said), "dpkg-query", "-W", "-f", `${Conffiles}\n`, "--", "nginx")
	if err := u.restoreConfig(t.Context(), s, []string{"nginx"}); err != nil {
		t.Fatal(err)
	}
	if saved := "/etc/nginx/worked-on-since.sslwizard-saved"; len(u.kept) != 1 || w.Content(saved) != "older\n" {
		t.Errorf("kept %q", u.kept)
	}
	if !w.Exists(elsewhere + ".dpkg-dist") {
		t.Errorf("somebody's is gone: %q", w.Mutations())
	}
	for name, c := range leftConfig {
		at := "/etc/nginx/" + name
		if w.Exists(at) != (c.restored != "") || w.Exists(at) && w.Content(at) != c.restored {
			t.Errorf("%s: %q", name, w.Mutations())
		}
	}
}
