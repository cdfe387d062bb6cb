package apply

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

func userPlan() steps.Plan {
	return steps.Plan{Changes: []steps.Change{steps.EnsureUser{For: steps.For(steps.IDInstall), Name: steps.ProxyUser}}}
}

// The log of runs holds no account and no password hash, and nothing in it is for others to read.
func TestTheLogHoldsNoAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.File("/etc/shadow", "root:$y$secret:19000::::::\n")
	w.File("/etc/shadow-", "root:$y$former:18000::::::\n")
	w.File("/etc/passwd-", "root:$y$oldest:0:0:root:/root:/bin/bash\n")
	w.mustApply(t, nativePlan())
	w.mustApply(t, nginxPlan("server {}\n"))
	files := 0
	if err := walk(w, steps.DoneDir, func(p string, f host.File) {
		want := fs.FileMode(0o600)
		if f.Mode.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if f.Mode.Perm() != want || f.UID != 0 || f.GID != 0 {
			t.Errorf("%s: %v %d:%d", p, f.Mode, f.UID, f.GID)
		}
		for _, secret := range []string{"$y$", "0:root:"} {
			if strings.Contains(string(f.Data), secret) {
				t.Errorf("%s holds %q", p, secret)
			}
		}
	}); err != nil || files < 6 {
		t.Fatal(files, err)
	}
}

// The copies of the account files are put together again from lines that are still there.
func TestAccountCopiesAreRestored(t *testing.T) {
	t.Parallel()
	const root, daemon, other = "root:$y$a:19000::::::\n", "daemon:*:19000::::::\n", "root:$y$former:18000::::::\n"
	for name, c := range map[string]struct{ before, after string }{
		"a user less":         {root, root},
		"the same":            {root + daemon, root + daemon},
		"in another order":    {daemon + root, daemon + root},
		"a password changed":  {other + daemon, root + daemon}, // what it was is kept nowhere
		"without its newline": {root + strings.TrimSpace(daemon), root + daemon},
	} {
		w := newWorld(t)
		w.File("/etc/shadow", root+daemon)
		w.Put("/etc/shadow-", host.File{Data: []byte(c.before), Mode: 0o640, GID: 42})
		w.mustApply(t, userPlan())
		if _, err := w.Undo(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		f, err := w.ReadFile("/etc/shadow-")
		if err != nil || string(f.Data) != c.after || f.Mode.Perm() != 0o640 || f.GID != 42 {
			t.Errorf("%s: %q %v %d, %v", name, f.Data, f.Mode, f.GID, err)
		}
	}
}

// useradd and userdel write a copy over the one before: killed in that, they leave its beginning.
func TestAccountCopiesThatAreCutOff(t *testing.T) {
	t.Parallel()
	const root, daemon, other = "root:x:0:\n", "daemon:x:1:\n", "staff:x:50:\n"
	for left, want := range map[string]string{
		"":                         root + other, // truncated, and nothing written
		root:                       root + other,
		root + "dae":               root + other,
		root + daemon + "sslwi":    root + other, // userdel copies our line too
		other + root:               other + root, // somebody's
		root + "staff:x:50:":       root + "staff:x:50:",
		root + other + "x:x:60:\n": root + other + "x:x:60:\n",
	} {
		w := newWorld(t)
		w.File("/etc/group", root+daemon)
		w.File("/etc/group-", root+other)
		b, err := userVerb{steps.EnsureUser{Name: steps.ProxyUser}}.record(t.Context(), &recorder{Reader: w.machine, services: &w.services})
		if err != nil {
			t.Fatal(err)
		}
		w.File("/etc/group-", left)
		u := w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
		if err := u.removeUser(t.Context(), b.User); err != nil {
			t.Fatal(err)
		}
		if got := w.Content("/etc/group-"); got != want {
			t.Errorf("%q becomes %q, want %q", left, got, want)
		}
	}
}

// userdel writes one file after the other: what it did not come to when it was killed is taken away all the same, and
// nothing is done where somebody else has such a line.
func TestUserThatIsHalfGone(t *testing.T) {
	t.Parallel()
	const ours = "sslwizard:!:20000::::::\n"
	for before, want := range map[string]int{"root:*:19000::::::\n": 2, "root:*:19000::::::\n" + ours: 0} {
		w := newWorld(t)
		w.File("/etc/shadow", before)
		rec := &recorder{Reader: w.machine, services: &w.services}
		b, err := userVerb{steps.EnsureUser{Name: steps.ProxyUser}}.record(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		w.File("/etc/shadow", "root:*:19000::::::\n"+ours)
		u := w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
		if err := u.removeUser(t.Context(), b.User); err != nil {
			t.Fatal(err)
		}
		done := append(w.ran(0, "run useradd "), w.ran(0, "run userdel ")...)
		if len(done) != want || strings.Contains(w.Content("/etc/passwd"), steps.ProxyUser) {
			t.Errorf("%q: %q", before, w.Mutations())
		}
	}
}

// A user whom somebody added before our turn came is theirs.
func TestForeignUserStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustApply(t, userPlan())
	u := w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
	if err := u.removeUser(t.Context(), &UserState{Name: steps.ProxyUser, There: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.Content("/etc/passwd"), steps.ProxyUser) {
		t.Error("the user is gone")
	}
}

// What is left of a site that somebody edited is not for whoever gets the number of the group next.
func TestWhatStaysIsNotLeftToTheGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := steps.SiteFile(shop.Name)
	plan := userPlan()
	plan.Changes = append(plan.Changes, steps.WriteFile{For: steps.For(steps.IDInstall), Path: site, Content: []byte("kind: Answers\n"), Mode: 0o640, Group: steps.ProxyUser})
	w.mustApply(t, plan)
	f, err := w.ReadFile(site)
	if err != nil || f.GID == 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	f.Data = []byte("kind: Answers\nproxy: {headers: {X-Api-Key: secret}}\n")
	w.Put(site, f)
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	kept, err := w.ReadFile(site + ".sslwizard-kept")
	if err != nil || kept.GID != 0 || kept.Mode.Perm() != 0o640 || string(kept.Data) != string(f.Data) {
		t.Errorf("%+v, %v", kept, err)
	}
}

// Keys are given to a user of a service, never to a person who happens to be called so.
func TestAccountOfSomebodyElse(t *testing.T) {
	t.Parallel()
	const root = "root:x:0:0:root:/root:/bin/bash\n"
	for name, c := range map[string]struct {
		passwd, group string
		severity      steps.Severity // "" for no finding
		says          string
	}{
		"none":                  {root, "root:x:0:\n", "", ""},
		"as we make it":         {root + "sslwizard:x:990:990::/nonexistent:/usr/sbin/nologin\n", "sslwizard:x:990:\n", "", ""},
		"as others make it":     {root + "sslwizard:x:990:990::/:/bin/false\n", "sslwizard:x:990:sslwizard\n", "", ""},
		"a person":              {root + "sslwizard:x:1001:1001::/home/sslwizard:/bin/bash\n", "sslwizard:x:1001:\n", steps.Blocker, "for people (user id 1001, shell /bin/bash)"},
		"a login":               {root + "sslwizard:x:990:990::/:/bin/sh\n", "sslwizard:x:990:\n", steps.Blocker, "for people"},
		"another root":          {root + "sslwizard:x:0:0::/:/usr/sbin/nologin\n", "root:x:0:\nsslwizard:x:990:\n", steps.Blocker, "for people"},
		"another group":         {root + "sslwizard:x:990:100::/:/usr/sbin/nologin\n", "users:x:100:\nsslwizard:x:990:\n", steps.Blocker, "its own group is another one"},
		"a member":              {root + "sslwizard:x:990:990::/:/usr/sbin/nologin\n", "sslwizard:x:990:alice\n", steps.Warning, "alice is in the group"},
		"a group with a member": {root, "sslwizard:x:990:alice,bob\n", steps.Blocker, "bob is in the group"},
		"somebody's group":      {root + "alice:x:1001:990::/home/alice:/bin/bash\n", "sslwizard:x:990:\n", steps.Blocker, "it is the group of alice as well"},
	} {
		w := newWorld(t)
		w.File("/etc/passwd", c.passwd)
		w.File("/etc/group", c.group)
		p := w.preview(t, userPlan())
		var got steps.Severity
		text := ""
		for _, f := range p.Findings {
			if f.Code == "account" {
				got, text = f.Severity, f.Text
			}
		}
		if got != c.severity || !strings.Contains(text, c.says) {
			t.Errorf("%s: %s %q", name, got, text)
		}
	}
}
