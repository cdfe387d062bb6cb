package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// accountFiles are what useradd writes; each has a copy of its former content beside it, with a "-" at the end.
var accountFiles = []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"}

// accountLock is made by useradd and stays.
const accountLock = "/etc/.pwd.lock"

// userVerb has a system user.
type userVerb struct{ c steps.EnsureUser }

// UserState is the account files before a user was added. Their content is kept nowhere: password hashes would outlive
// the account that they are of. userdel takes the user out of the files; a copy ("shadow-") is put together again from
// the lines that are still there.
type UserState struct {
	Name  string `json:"name"`
	There bool   `json:"there,omitempty"` // somebody else added the user after the plan was made; it stays
	Group bool   `json:"group,omitempty"` // there already; userdel leaves it
	// Files are accountFiles, each followed by its copy, and accountLock; none has a backup.
	Files []Path `json:"files"`
	// Lines are the SHA-256 of the lines of each copy.
	Lines map[string][]string `json:"lines,omitempty"`
	// Gone are the lines of passwd- and group- that are in no other file and hold no secret, by their SHA-256.
	Gone map[string]string `json:"gone,omitempty"`
}

func (v userVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	_, _, err := host.LookupUser(w, v.c.Name)
	if err != nil && !absent(err) {
		return e, nil, err
	}
	if absent(err) {
		e.Action, e.Commands = steps.Create, [][]string{v.add(w)}
		for _, name := range accountFiles {
			if cannot := w.place(v.c, name); cannot != nil {
				return e, cannot, nil
			}
		}
	}
	whose, people, err := sharedAccount(w, v.c.Name)
	if err != nil || whose == "" {
		return e, nil, err
	}
	severity := steps.Blocker
	if !people && e.Action == steps.Nothing {
		severity = steps.Warning // only root puts somebody into the group of a service
	}
	return e, []steps.Finding{{
		Step: v.c.Step(), Code: "account", Severity: severity,
		Text: fmt.Sprintf("cannot keep private keys for the service alone that has the user and group %s: %s", v.c.Name, whose),
		Fix:  []string{"getent passwd " + v.c.Name + "; getent group " + v.c.Name + "    show them; give that account another name", "install.executor: nginx    needs no such user"},
	}}, nil
}

// sharedAccount says why an account that is there already, or its group, cannot be for the service alone: a person, or
// another service, could read the keys that are given to it. It is empty when there is none, or it is as we make it. people
// says that the account itself is somebody's, not only its group.
func sharedAccount(r host.Reader, name string) (why string, people bool, err error) {
	users, err := accountLines(r, "/etc/passwd", 7)
	if err != nil {
		return "", false, err
	}
	groups, err := accountLines(r, "/etc/group", 4)
	if err != nil {
		return "", false, err
	}
	gid := ""
	for _, g := range groups {
		if g[0] != name {
			continue
		}
		gid = g[2]
		for member := range strings.SplitSeq(g[3], ",") {
			if member != "" && member != name {
				why = steps.CleanLine(member) + " is in the group"
			}
		}
	}
	for _, u := range users {
		switch {
		case u[0] == name && !serviceAccount(u):
			return steps.CleanLine("there is an account of that name for people (user id " + u[2] + ", shell " + u[6] + ")"), true, nil
		case u[0] == name && u[3] != gid:
			return "its own group is another one", true, nil
		case u[0] != name && gid != "" && u[3] == gid:
			why = "it is the group of " + steps.CleanLine(u[0]) + " as well"
		}
	}
	return why, false, nil
}

// serviceAccount reports a line of passwd of an account that nobody can log in to, in the range of login.defs(5).
func serviceAccount(fields []string) bool {
	const people = 1000
	uid, err := strconv.Atoi(fields[2])
	shell := path.Base(fields[6])
	return err == nil && uid > 0 && uid < people && (shell == "nologin" || shell == "false")
}

// accountLines are the lines of an account file with so many fields; others are none.
func accountLines(r host.Reader, file string, fields int) ([][]string, error) {
	f, err := r.ReadFile(file)
	if absent(err) {
		return nil, nil
	}
	var all [][]string
	for line := range strings.Lines(string(f.Data)) {
		if parts := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(parts) == fields {
			all = append(all, parts)
		}
	}
	return all, err
}

func (v userVerb) add(r host.Reader) []string {
	group := []string{"--user-group"}
	if _, err := host.LookupGroup(r, v.c.Name); err == nil {
		group = []string{"--gid", v.c.Name}
	}
	return append(append([]string{"useradd", "--system"}, group...),
		"--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", v.c.Name)
}

func (v userVerb) record(_ context.Context, r *recorder) (Before, error) {
	_, _, user := host.LookupUser(r, v.c.Name)
	_, group := host.LookupGroup(r, v.c.Name)
	s := &UserState{Name: v.c.Name, There: user == nil, Group: group == nil, Lines: map[string][]string{}, Gone: map[string]string{}}
	for _, name := range accountFiles {
		main, err := s.note(r, name)
		if err != nil {
			return Before{}, err
		}
		copied, err := s.note(r, name+"-")
		if err != nil {
			return Before{}, err
		}
		s.remember(name, main, copied)
	}
	_, err := s.note(r, accountLock)
	return Before{User: s}, err
}

// note records a file without its content.
func (s *UserState) note(r host.Reader, name string) ([]byte, error) {
	now, f, err := stateAt(r, name)
	s.Files = append(s.Files, Path{Path: name, Before: now})
	return f.Data, err
}

// remember has the copy of a file be put together again.
func (s *UserState) remember(name string, main, copied []byte) {
	for line := range bytes.Lines(copied) {
		sum := hashOf(line)
		s.Lines[name+"-"] = append(s.Lines[name+"-"], sum)
		known := bytes.Contains(append([]byte("\n"), main...), append([]byte("\n"), line...))
		if !known && !strings.Contains(name, "shadow") && !hasPassword(line) {
			s.Gone[sum] = string(line)
		}
	}
}

func (v userVerb) do(ctx context.Context, d *doing) error {
	_, err := d.Run(ctx, host.Command{Argv: v.add(d)})
	return err
}

// hasPassword reports whether the second field of a line may be more than a reference to the shadow file.
func hasPassword(line []byte) bool {
	fields := bytes.SplitN(line, []byte(":"), 3)
	return len(fields) < 2 || len(fields[1]) > 1
}

// removeUser takes the user away and puts the copies of the account files back where only our line made the difference.
func (u *undoing) removeUser(ctx context.Context, s *UserState) error {
	uid, gid, err := host.LookupUser(u, s.Name)
	switch {
	case s.There:
		return nil
	case err == nil:
		if err := u.secureKept(gid); err != nil {
			return err
		}
		if _, err := u.Run(ctx, host.Command{Argv: []string{"userdel", s.Name}}); err != nil {
			return err
		}
		u.undone(fmt.Sprintf("removed the user %s (%d)", s.Name, uid))
	case !absent(err):
		return err
	default:
		if err := u.finishRemoval(ctx, s); err != nil {
			return err
		}
	}
	if err := u.removeGroup(ctx, s); err != nil {
		return err
	}
	if err := u.sweepAccounts(s.Name); err != nil {
		return err
	}
	return u.restoreCopies(s)
}

// accountTables are what useradd and userdel write, each as a whole: the new one is called "passwd+" until it takes the place.
var accountTables = []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"}

// sweepAccounts removes what useradd or userdel left when it was killed, or its disk refused everything: /etc/passwd.PID with the number of
// its process in it, or nothing yet, the lock, which is the same file, and the new table (lckpwdf(3) and shadow's commonio.c). Those of a
// process that lives are not touched.
func (u *undoing) sweepAccounts(name string) error {
	etc, err := u.ReadFile("/etc")
	if err != nil {
		return nil //nolint:nilerr // it is looked at again by the next undo
	}
	var left []string
	for _, entry := range etc.Entries {
		if table, suffix, ok := strings.Cut(entry, "."); ok && slices.Contains(accountTables, table) && u.staleLock("/etc/"+entry, suffix) {
			left = append(left, "/etc/"+entry)
		}
	}
	for _, table := range accountTables {
		if lock := "/etc/" + table + ".lock"; (slices.Contains(left, lock) || !exists(u, lock)) && u.staleTable("/etc/"+table, name) {
			left = append(left, "/etc/"+table+"+")
		}
	}
	for _, path := range left {
		if err := u.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// staleLock reports a lock, or what becomes one, of a process that is gone.
func (u *undoing) staleLock(path, suffix string) bool {
	f, err := u.ReadFile(path)
	pid := strings.TrimRight(string(f.Data), "\x00\n")
	if pid == "" && suffix != "lock" { // it was killed before it had written its number
		pid = suffix
	}
	return err == nil && pid != "" && strings.Trim(pid, "0123456789") == "" && (suffix == "lock" || suffix == pid) && !exists(u, "/proc/"+pid)
}

// staleTable reports a new table that did not take its place, and has nothing that the present one has not, but for our user. Its last line
// may be a part.
func (u *undoing) staleTable(path, name string) bool {
	f, err := u.ReadFile(path + "+")
	if err != nil {
		return false
	}
	present, err := u.ReadFile(path)
	if err != nil {
		return false
	}
	has := strings.Split(string(without(present.Data, name)), "\n")
	lines := strings.Split(string(without(f.Data, name)), "\n")
	for _, line := range lines[:len(lines)-1] {
		if !slices.Contains(has, line) {
			return false
		}
	}
	return true
}

// finishRemoval is for an undo that was killed inside userdel, which writes one file after the other: it knows no user who
// is in shadow or gshadow only. useradd takes over what is there of him, and then he can be removed.
func (u *undoing) finishRemoval(ctx context.Context, s *UserState) error {
	half := false
	for i := 0; i+1 < len(s.Files); i += 2 {
		was := s.Files[i]
		now, f, err := stateAt(u, was.Path)
		if err != nil {
			return err
		}
		secret := was.Path == "/etc/shadow" || was.Path == "/etc/gshadow" && !s.Group
		half = half || secret && !now.same(was.Before) && len(without(f.Data, s.Name)) < len(f.Data)
	}
	if !half {
		return nil
	}
	add := userVerb{steps.EnsureUser{Name: s.Name}}.add(u)
	if _, err := u.Run(ctx, host.Command{Argv: add}); err != nil {
		return err
	}
	_, err := u.Run(ctx, host.Command{Argv: []string{"userdel", s.Name}})
	if err == nil {
		u.undone("removed what was left of the user " + s.Name)
	}
	return err
}

// removeGroup is for a run that was killed inside useradd or userdel.
func (u *undoing) removeGroup(ctx context.Context, s *UserState) error {
	if _, err := host.LookupGroup(u, s.Name); s.Group || err != nil {
		return nil
	}
	_, err := u.Run(ctx, host.Command{Argv: []string{"groupdel", s.Name}})
	return err
}

func (u *undoing) restoreCopies(s *UserState) error {
	if s.Files[len(s.Files)-1].Before.Kind == kindNone {
		if now, f, err := stateAt(u, accountLock); err == nil && now.Kind == kindFile && len(f.Data) == 0 {
			if err := u.Remove(accountLock); err != nil {
				return err
			}
		}
	}
	for i := 0; i+1 < len(s.Files); i += 2 {
		if err := u.restoreCopy(s, s.Files[i], s.Files[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// restoreCopy makes "passwd-" what it was when it, without the lines of our user, is what passwd or passwd- was before:
// then nobody else has changed an account since. One that is cut off is taken for whole. Where a line of it is nowhere any
// more, it only loses our user.
func (u *undoing) restoreCopy(s *UserState, main, copied Path) error {
	now, f, err := stateAt(u, copied.Path)
	if err != nil || now.equal(copied.Before) || now.Kind != kindFile {
		return err
	}
	present, err := u.ReadFile(main.Path)
	if err != nil && !absent(err) {
		return err
	}
	rest := without(f.Data, s.Name)
	if table := without(present.Data, s.Name); hashOf(table) == main.Before.SHA256 && begins(table, rest, s.Name) {
		rest = table
	}
	if sum := hashOf(rest); sum != main.Before.SHA256 && sum != copied.Before.SHA256 {
		return nil
	}
	if copied.Before.Kind == kindNone {
		return u.write(copied.Path, copied.Before)
	}
	data := fromLines(s.Lines[copied.Path], s.Gone, f.Data, present.Data)
	if hashOf(data) != copied.Before.SHA256 {
		data = rest
	}
	if err := u.WriteFile(copied.Path, copied.Before.file(data)); err != nil {
		return err
	}
	u.undone("restored " + copied.Path)
	return nil
}

// begins reports whether a copy is the beginning of the table, its last line or that of our user cut off: useradd or userdel
// was killed while it wrote that, over the one before.
func begins(table, copied []byte, name string) bool {
	end := bytes.LastIndexByte(copied, '\n') + 1
	if !bytes.HasPrefix(table, copied[:end]) {
		return false
	}
	next, _, _ := bytes.Cut(table[end:], []byte("\n"))
	return bytes.HasPrefix(next, copied[end:]) || strings.HasPrefix(name+":", string(copied[end:]))
}

// fromLines puts a text together by the hashes of its lines, from the ones that are kept and those of other texts. What
// is nowhere is left out.
func fromLines(sums []string, kept map[string]string, from ...[]byte) []byte {
	known := map[string][]byte{}
	for _, text := range from {
		for line := range bytes.Lines(text) {
			if sum := hashOf(line); kept[sum] == "" {
				known[sum] = line
			}
		}
	}
	var text []byte
	for _, sum := range sums {
		text = append(append(text, known[sum]...), kept[sum]...)
	}
	return text
}

// without returns account lines without those of the user.
func without(data []byte, user string) []byte {
	var rest []byte
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, user+":") {
			rest = append(rest, line...)
		}
	}
	return rest
}

// secureKept takes the keys, and the sites that somebody edited, that stay away from a group that goes: its number may
// belong to somebody else tomorrow.
func (u *undoing) secureKept(gid int) error {
	for _, root := range []string{steps.CertsDir, steps.SitesDir} {
		var found error
		err := walk(u, root, func(p string, f host.File) {
			if f.GID == gid && found == nil {
				f.GID = 0
				found = u.WriteFile(p, f)
			}
		})
		if err = errors.Join(err, found); err != nil {
			return err
		}
	}
	return nil
}
