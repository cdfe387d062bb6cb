package apply

import (
	"bytes"
	"context"
	"fmt"
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

// UserState is the account files before a user was added. Only the copies ("passwd-") are ever written back: the files
// themselves are userdel's.
type UserState struct {
	Name string `json:"name"`
	// Group is there already; userdel leaves it.
	Group bool   `json:"group,omitempty"`
	Files []Path `json:"files"`
}

func (v userVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	_, _, err := host.LookupUser(w, v.c.Name)
	if err != nil && !absent(err) {
		return e, nil, err
	}
	if absent(err) {
		e.Action, e.Commands = steps.Create, [][]string{v.add(w)}
	}
	return e, nil, nil
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
	_, err := host.LookupGroup(r, v.c.Name)
	s := &UserState{Name: v.c.Name, Group: err == nil}
	for _, f := range accountFiles {
		for _, name := range []string{f, f + "-"} {
			p, err := r.path(name, nil)
			if err != nil {
				return Before{}, err
			}
			s.Files = append(s.Files, p)
		}
	}
	p, err := r.path(accountLock, nil)
	s.Files = append(s.Files, p)
	return Before{User: s}, err
}

func (v userVerb) do(ctx context.Context, d *doing) error {
	_, err := d.Run(ctx, host.Command{Argv: v.add(d)})
	return err
}

// removeUser takes the user away and puts the copies of the account files back where only our line made the difference.
func (u *undoing) removeUser(ctx context.Context, s *UserState) error {
	uid, gid, err := host.LookupUser(u, s.Name)
	switch {
	case err == nil && s.had(u):
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
	}
	if err := u.removeGroup(ctx, s); err != nil {
		return err
	}
	return u.restoreCopies(s)
}

// had reports whether the user was there before; the record is only made when not, so this is for broken records.
func (s *UserState) had(u *undoing) bool {
	data, err := u.backup(s.Files[0].Before)
	return err != nil || bytes.Contains(append([]byte("\n"), data...), []byte("\n"+s.Name+":"))
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
		if err := u.restoreCopy(s.Name, s.Files[i], s.Files[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// restoreCopy writes "passwd-" back when it, without the lines of our user, is what passwd or passwd- was before: then
// nobody else has changed an account since.
func (u *undoing) restoreCopy(user string, main, copied Path) error {
	now, f, err := stateAt(u, copied.Path)
	if err != nil || now.equal(copied.Before) || now.Kind != kindFile {
		return err
	}
	rest := hashOf(without(f.Data, user))
	if rest != main.Before.SHA256 && rest != copied.Before.SHA256 {
		return nil
	}
	return u.write(copied.Path, copied.Before)
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

// secureKept takes the keys that stay away from a group that goes: its number may belong to somebody else tomorrow.
func (u *undoing) secureKept(gid int) error {
	var found error
	err := walk(u, steps.CertsDir, func(p string, f host.File) {
		if f.GID != gid || found != nil {
			return
		}
		f.GID = 0
		found = u.WriteFile(p, f)
	})
	if err != nil {
		return err
	}
	return found
}
