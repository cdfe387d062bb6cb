//go:build e2e

package scenario

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// edit is something that the user does to a file after the installation: to append a line, to make the file with it, or,
// with no line, to delete it.
type edit struct {
	path string
	line string
	make bool
}

// edited is an edit that was done, with what takes it back in the end.
type edited struct {
	edit
	real  string   // where the file is, links followed
	text  string   // what it holds since
	saved string   // a copy of what was there, with its times; empty when nothing was
	dirs  []string // folders that were made for it, the deepest first
}

// theirEdits are edits of what is the user's own, or has nothing to do with what we have to write again.
func theirEdits(executor string, hasNginx bool) []edit {
	all := []edit{
		{path: "/etc/hosts", line: "# mine"},
		{path: "/etc/profile", line: "# mine"},
		{path: "/etc/sslwizard/notes", line: "mine", make: true},
		{path: "/etc/sslwizard/sites/notes.txt", line: "mine", make: true},
		{path: "/etc/systemd/system/sslwizard-renew.service.d/mine.conf", line: "[Service]\nEnvironment=MINE=1", make: true},
		{path: "/var/lib/sslwizard/mine", line: "mine", make: true},
		{path: "/var/lib/sslwizard/webroot/mine.html", line: "mine", make: true},
		{path: "/var/lib/sslwizard/certs/mine.pem", line: "mine", make: true},
		{path: "/var/lib/sslwizard/certs/shop.example.com/mine", line: "mine", make: true},
	}
	if executor == native {
		return append(all, edit{path: "/etc/systemd/system/sslwizard-proxy.service.d/mine.conf", line: "[Service]\nEnvironment=MINE=1", make: true})
	}
	all = append(all,
		edit{path: "/etc/nginx/snippets/mine.conf", line: "# mine", make: true},
		edit{path: "/etc/systemd/system/nginx.service.d/mine.conf", line: "[Service]\nEnvironment=MINE=1", make: true})
	if hasNginx { // else an undo leaves their nginx to them: TestUndoLeavesWhatSomebodyUses
		all = append(all,
			edit{path: "/etc/nginx/nginx.conf", line: "# mine"},
			edit{path: "/etc/nginx/conf.d/theirs.conf", line: "server { listen 8088; return 200 theirs; }", make: true},
			edit{path: "/etc/default/nginx", line: "# mine"},
			edit{path: "/etc/logrotate.d/nginx", line: "# mine"})
	}
	return all
}

// ourEdits are edits of what we wrote, and deletions.
func ourEdits(executor string) []edit {
	all := []edit{
		{path: "/etc/sslwizard/sites/shop.example.com.yaml", line: "# mine"},
		{path: "/etc/systemd/system/sslwizard-renew.timer", line: "# mine"},
		{path: "/etc/systemd/system/sslwizard-renew.service", line: "# mine"},
	}
	if executor == native {
		return append(all,
			edit{path: "/etc/systemd/system/sslwizard-proxy.service", line: "# mine"},
			edit{path: "/etc/systemd/system/sslwizard-proxy-http.socket", line: "# mine"})
	}
	return append(all,
		edit{path: "/etc/nginx/conf.d/sslwizard-shop.example.com.conf", line: "# mine"},
		edit{path: "/etc/nginx/conf.d/sslwizard.conf", line: "# mine"},
		edit{path: "/etc/nginx/conf.d/sslwizard-shop.example.com.conf"})
}

// some chooses n of them by chance, each path once; the seed is a state's own number, so that a state is always told alike.
func (l *life) some(of []edit, n int) []edit {
	chance := rand.New(rand.NewPCG(l.seed, uint64(len(of))))
	var chosen []edit
	for _, i := range chance.Perm(len(of)) {
		spared := l.spared != "" && strings.Contains(of[i].path, path.Base(l.spared))
		if len(chosen) < n && !spared && !slices.ContainsFunc(chosen, func(e edit) bool { return e.path == of[i].path }) {
			chosen = append(chosen, of[i])
		}
	}
	return chosen
}

// edits has the user do it. A file that is not there, or may not be written, is left.
func (st *story) edits(all []edit) []edited {
	st.Helper()
	var done []edited
	for _, e := range all {
		if d, ok := st.edit(e); ok {
			done = append(done, d)
		}
	}
	return done
}

func (st *story) edit(e edit) (edited, bool) {
	st.Helper()
	d := edited{edit: e, real: e.path}
	there := st.s.Exec("test", "-f", e.path).Status == 0
	if there == e.make {
		return d, false
	}
	if there {
		d.real = strings.TrimSuffix(st.s.Must("readlink", "-f", e.path), "\n")
		d.saved = "/run/theirs/" + strings.ReplaceAll(strings.Trim(e.path, "/"), "/", "_") // not on the disk
		st.s.Must("mkdir", "-p", "/run/theirs")
		st.s.Must("cp", "-a", d.real, d.saved)
	}
	if e.line == "" {
		st.s.Must("rm", d.real)
		return d, true
	}
	for dir := path.Dir(e.path); st.s.Exec("test", "-d", dir).Status != 0; dir = path.Dir(dir) {
		d.dirs = append(d.dirs, dir)
	}
	if len(d.dirs) > 0 {
		st.s.Must("mkdir", "-p", d.dirs[0])
	}
	if r := st.s.Say(e.line+"\n", "sh", "-c", `cat >>"$1"`, "sh", d.real); r.Status != 0 {
		return d, false // immutable, for instance: so the user cannot either
	}
	d.text = st.s.Must("cat", d.real)
	return d, true
}

// stand checks that each edit is as it was made.
func (st *story) stand(when string, all []edited) {
	st.Helper()
	for _, d := range all {
		r := st.s.Exec("cat", d.real)
		switch {
		case d.line == "" && r.Status == 0:
			st.Errorf("%s: %s, which the user deleted, is back", when, d.real)
		case d.line != "" && r.Stdout != d.text:
			st.Errorf("%s: the user's edit of %s is lost", when, d.real)
		}
	}
}

// keptOf are the names under which an undo may have put what somebody edited.
var keptOf = []string{".sslwizard-kept", ".sslwizard-saved"}

// standOrNamed is stand for the time after an uninstall: an edit of a file of ours may have moved to where the uninstall
// said.
func (st *story) standOrNamed(said world.Result, all []edited) {
	st.Helper()
	for _, d := range all {
		if d.line == "" {
			if st.s.Exec("test", "-e", d.real).Status == 0 {
				st.Errorf("%s, which the user deleted, is back", d.real)
			}
			continue
		}
		found := ""
		for _, name := range append([]string{d.real}, d.real+keptOf[0]) {
			if r := st.s.Exec("cat", name); r.Status == 0 && r.Stdout == d.text {
				found = name
			}
		}
		switch {
		case found == "":
			st.Errorf("after the uninstall the user's edit of %s is nowhere\n%s", d.real, said)
		case found != d.real && !strings.Contains(said.Text(), d.path+strings.TrimPrefix(found, d.real)):
			st.Errorf("after the uninstall the user's edit of %s is in %s, and nobody said so\n%s", d.real, found, said)
		}
	}
}

// takeBack is the user who takes the own edits back: what then differs from the start is sslwizard's doing.
func (st *story) takeBack(all []edited) {
	st.Helper()
	for _, d := range slices.Backward(all) {
		for _, suffix := range keptOf {
			st.s.Must("rm", "-f", d.real+suffix)
		}
		ours := strings.Contains(d.path, "sslwizard")
		switch {
		case d.saved == "" || ours:
			st.s.Must("rm", "-f", d.real)
		default:
			st.s.Must("sh", "-c", fmt.Sprintf(`cat '%s' >'%s' && touch -r '%s' '%s'`, d.saved, d.real, d.saved, d.real))
		}
		folders := d.dirs
		if ours || len(folders) > 0 { // what only the user's files kept
			for dir := path.Dir(d.real); strings.Count(dir, "/") > 2 || strings.HasSuffix(dir, "sslwizard"); dir = path.Dir(dir) {
				folders = append(folders, dir)
			}
		}
		for _, dir := range folders {
			if !st.hadFolder(dir) {
				st.s.Exec("rmdir", dir)
			}
		}
	}
}

// hadFolder reports whether a folder is of the start: then it stays, also when it is empty.
func (st *story) hadFolder(dir string) bool {
	return st.start != nil && st.s.Had(st.start, dir)
}
