//go:build linux && amd64

package apt

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
)

var full = flag.Bool("full", false, "kill at every call, not at some of them")

// servers are what can be there before the packages are installed.
var servers = map[string]struct {
	before []string // packages that were there, and left their configuration
	older  string   // the same of an older version
	edited bool     // and somebody had worked on it
	away   bool     // the archive is out of reach when they are to go
}{
	"nothing is there":                             {},
	"configuration is left":                        {before: []string{"ngx-common"}},
	"configuration of all is left":                 {before: []string{"ngx-common", "ngx-extra", "ngx"}},
	"configuration of an older version is left":    {older: "ngx"},
	"configuration of somebody and older, is left": {older: "ngx", edited: true},
	"the archive is gone since":                    {away: true},
	"the archive is gone, configuration is left":   {before: []string{"ngx-common"}, away: true},
}

// TestKilledInstallation: wherever apt and dpkg are killed, nothing is left of what they had installed. Where the archive cannot
// be had again, it is said what may be.
func TestKilledInstallation(t *testing.T) {
	for name, c := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			if len(c.before) > 0 {
				s.do(append([]string{"apt-get", "-y", "install"}, c.before...)...)
				s.do(append([]string{"apt-get", "-y", "remove"}, c.before...)...)
			}
			if c.older != "" {
				_, deb := s.build("older", c.older, "", "0")
				s.do("dpkg", "-i", deb)
				s.do("dpkg", "-r", c.older)
			}
			if c.edited {
				s.write("root/etc/"+c.older+"/conf", "mine\n")
			}
			s.keep()
			before := s.seen()
			step, kills := 9, 0
			if *full {
				step = 1
			}
			for n := 2; ; n += step {
				res := s.install(n, c.away)
				if s.hit == "" {
					break
				}
				kills++
				now := differ(before, s.seen())
				if c.older != "" && len(res.Kept) == 1 && strings.HasPrefix(res.Kept[0], "/etc/ngx/conf: ") {
					// dpkg had not noted yet that it is its own: it might be somebody's
					now = slices.DeleteFunc(now, func(line string) bool {
						return strings.TrimSpace(line) == "" || strings.Contains(line, "/etc/ngx/conf")
					})
					res.Kept = nil
				}
				if len(now) > 0 || res.Outcome != steps.OutcomeReverted || len(res.Kept) > 0 && !c.away {
					t.Errorf("killed before %s: %s, kept %q\n%s\n%s", s.hit, res.Outcome, res.Kept, strings.Join(s.said, "\n"), strings.Join(now, "\n"))
				}
			}
			if _, err := s.engine().Undo(t.Context(), "", nil); err != nil { // the last one was not killed
				t.Error(err)
			}
			if now := differ(before, s.seen()); len(now) > 0 {
				t.Errorf("undone:\n%s", strings.Join(now, "\n"))
			}
			t.Logf("%d kills", kills)
			if kills < 40/step {
				t.Errorf("only %d kills", kills)
			}
		})
	}
}

func (s *system) engine() *apply.Engine {
	return apply.New(s, apply.Services{Locker: apply.FileLock{Root: s.path("")}})
}

// install has sslwizard install the packages, kills apt at the n-th call, and has what is there taken back.
func (s *system) install(n int, away bool) steps.Result {
	s.t.Helper()
	s.again()
	s.kill, s.hit, s.away, s.said = n, "", away, nil
	e, in := s.engine(), steps.For(steps.IDInstall)
	shown, err := e.Preview(s.t.Context(), s, steps.Plan{Changes: []steps.Change{
		steps.InstallPackages{For: in, Names: []string{"ngx"}}, steps.Checkpoint{For: in},
	}})
	s.must(err)
	res, err := e.Apply(s.t.Context(), shown, nil)
	if (err == nil) != (s.hit == "") {
		s.t.Fatalf("killed before %q: %v", s.hit, err)
	}
	return res
}

func differ(before, now []string) []string {
	var all []string
	for _, line := range before {
		if !slices.Contains(now, line) {
			all = append(all, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			all = append(all, "+ "+line)
		}
	}
	return all
}
