//go:build e2e

package scenario

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

var (
	full   = flag.Bool("full", false, "tell every state, not the few that CI tells")
	update = flag.Bool("update", false, "with -full: write docs/states.md")
)

// TestStates goes through the whole life of sslwizard on servers as people have them: install, edits by the user, a newer
// sslwizard, more edits, a renewal, undo, uninstall. Nothing that was there before is lost, no edit is written over, and
// at the end the server is as it was. Where sslwizard refuses, it says why and changes nothing.
//
//	go test -tags e2e -timeout 60m -run 'TestStates$' ./e2e/scenario -full -update
func TestStates(t *testing.T) {
	page := &statesPage{}
	t.Cleanup(func() {
		if *full && *update && !t.Failed() {
			page.write(t)
		}
	})
	for n, state := range hostStates {
		if !*full && !state.slice {
			continue
		}
		t.Run(strings.ReplaceAll(state.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			state.choose(n)
			row := state.tell(t, uint64(n))
			page.add(n, row)
		})
	}
}

// choose fills in what alternates.
func (h *hostState) choose(n int) {
	if h.executor == "" {
		h.executor = []string{native, nginx}[n/2%2]
	}
	if h.suite == "" {
		h.suite = world.Suites[n%2]
	}
}

// life is a state that is being told.
type life struct {
	*story
	hostState
	seed     uint64
	facts    []string
	packages []string
	edited   []edited
	row      stateRow
}

func (h hostState) tell(t *testing.T, seed uint64) stateRow {
	var options []world.Option
	if h.boot != nil {
		options = append(options, world.With(h.boot))
	}
	l := &life{story: begin(t, h.suite, options...), hostState: h, seed: seed}
	l.row = stateRow{state: h.name, executor: h.executor, suite: h.suite}
	l.s.Put("/root/next", nextVersion(t), 0o755)
	l.prepare()
	if h.refused != "" {
		l.refusal()
		return l.row
	}
	l.installs()
	l.grows()
	l.leaves()
	return l.row
}

// prepare makes the state and looks at it.
func (l *life) prepare() {
	l.Helper()
	if l.nginx {
		l.s.Install("nginx")
	}
	if l.shell != "" {
		if r := l.s.Exec("bash", "-c", l.shell); r.Status != 0 && !strings.Contains(l.shell, "broken") {
			l.Fatalf("cannot make the state: %s", r)
		}
	}
	if l.more != nil {
		l.more(l.story)
	}
	l.answer(l.executor)
	l.start, l.facts, l.packages = l.s.Manifest(), l.look(), l.s.Packages()
}

// look asks what a tree does not tell: units, listeners, mounts, names, and what the state has of its own.
func (l *life) look() []string {
	l.Helper()
	r := l.s.Exec("bash", "-c", `ss -Hltun | awk '{print $1, $5}' | sort -u; getent passwd; getent group; systemctl list-unit-files --no-legend --no-pager --plain | awk '{print $1, $2}' | grep -v '^run-\|\.mount ';
systemctl is-active nginx apache2 ssh cron; awk '{print $1, $2, $3}' /proc/mounts | grep -v ' /run\| /proc\| /sys\| /dev'; hostname; cat /proc/sys/net/ipv6/conf/all/disable_ipv6;
`+l.also)
	return strings.Split(r.Stdout, "\n")
}

// runs starts a program as the state has it.
func (l *life) runs(argv ...string) world.Result {
	l.Helper()
	if l.as != "" {
		argv = append([]string{"bash", "-c", l.as, "bash"}, argv...)
	}
	return l.s.Exec(argv...)
}

// refusal is a state in which nothing can be done: that is said, with a way out, and nothing is changed.
func (l *life) refusal() {
	l.Helper()
	r := l.runs("/root/sslwizard", "--non-interactive", answers)
	if r.Status == 0 || !strings.Contains(r.Text(), l.refused) {
		l.Errorf("want a refusal with %q\n%s", l.refused, r)
	}
	l.same("a refusal changed the tree", l.start.Diff(l.s.Manifest()))
	l.asBefore()
	l.row.outcome, l.row.status = "refused, nothing changed", r.Status
}

// asBefore compares what a tree does not tell.
func (l *life) asBefore() {
	l.Helper()
	l.same("units, listeners, users or mounts differ", difference(l.facts, l.look()))
	l.same("packages differ", difference(l.packages, l.s.Packages()))
}

// installs has the site come up beside all that was there.
func (l *life) installs() {
	l.Helper()
	l.must(l.runs("/root/sslwizard", "--non-interactive", answers))
	l.intact("the installation", l.start)
	l.edited = append(l.edited, l.edits(l.some(theirEdits(l.executor, l.nginx), 4))...)
}

// intact checks that nothing that was there before is another, but for what has its copy in the record of the run.
func (l *life) intact(what string, before world.Manifest) {
	l.Helper()
	now := l.s.Manifest()
	for name := range now {
		if l.s.Had(before, name) && before[name] != now[name] && !changedOnPurpose(name) {
			l.Errorf("%s changed %s: %s → %s", what, name, before[name], now[name])
		}
	}
	for name, entry := range before {
		if _, still := now[name]; !still && !changedOnPurpose(name) {
			l.Errorf("%s took %s away, which was %s", what, name, entry)
		}
	}
}

// grows is an upgrade, which goes on beside the edits, a user who edits even what is ours, the same upgrade again, which
// leaves those alone, and a renewal.
func (l *life) grows() {
	l.Helper()
	l.ends(l.runs("/root/next", "--non-interactive", answers), 0, "are live")
	l.stand("after the upgrade", l.edited)
	own := l.edits(l.some(ourEdits(l.executor), 2))
	l.edited = append(l.edited, own...)
	before := l.s.Manifest()
	r := l.runs("/root/sslwizard", "--non-interactive", answers)
	switch r.Status {
	case 0:
	case 1:
		l.same("a refused run changed something", before.Diff(l.s.Manifest(), kept+"/notify.lock")) // whoever sends holds it
	default:
		l.Errorf("neither done nor refused: %s", r)
	}
	l.stand("after the downgrade", l.edited)
	if r := l.runs("/root/next", "renew", "--force", shop); r.Status != 0 && r.Status != 3 {
		l.Errorf("the renewal: %s", r)
	}
	l.stand("after the renewal", l.edited)
	l.row.edits, l.row.status = len(l.edited), r.Status
}

// leaves takes the last run back, then everything.
func (l *life) leaves() {
	l.Helper()
	r := l.runs("/root/sslwizard", "undo")
	if r.Status != 0 && r.Status != 3 { // 3: it is done, but a site whose file the user deleted or edited is not proven
		l.Errorf("the undo: %s", r)
	}
	l.standOrNamed(r, l.edited)
	r = l.runs("/root/sslwizard", "uninstall")
	if r.Status != 0 {
		l.Errorf("the uninstall: %s", r)
	}
	l.standOrNamed(r, l.edited)
	l.row.named = strings.Count(r.Text(), ".sslwizard-kept")
	if l.Failed() {
		return
	}
	l.takeBack(l.edited)
	if strings.Contains(r.Text(), "you use them since") { // the user edited the configuration of the nginx that we brought
		l.s.Must("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq", "purge", "nginx", "nginx-common")
		l.row.stays = "; nginx stayed until the user purged it"
	}
	if l.nginx && l.s.Exec("systemctl", "is-active", "nginx").Status == 0 {
		l.reloadNginx()
	}
	now := l.s.Manifest()
	l.same("the tree is not as it was before", l.start.Restored(now, expected(l.hostState)...))
	l.same("written again, without need", l.start.Diff(now, slices.Concat(expected(l.hostState), rewritten, moved(rewritten), l.purged())...))
	l.asBefore()
	l.row.outcome = "came up, and left no trace" + l.row.stays
}

// changedOnPurpose are files of the system that an installation has to change: their bytes before are in the record of the
// run (/var/lib/sslwizard/done), or the tool that changes them takes the change back.
func changedOnPurpose(name string) bool {
	if below, moved := strings.CutPrefix(name, "/srv/etc/"); moved { // a state has /etc there
		name = "/etc/" + below
	}
	for _, one := range slices.Concat(rewritten, []string{
		kept + "/certs", "/etc/sslwizard/sites", // the mode of what is ours by its name
		"/etc/init.d/nginx", "/etc/rc0.d", "/etc/rc1.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d", "/etc/rc6.d", // nginx starts at boot, as dpkg and systemd write it
	}) {
		if name == one || strings.HasPrefix(one, "/etc/rc") && strings.HasPrefix(name, one+"/") {
			return true
		}
	}
	return false
}

// rewritten are those that hold what they held, but were written again since.
var rewritten = []string{
	"/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/shadow-", "/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-", // by useradd and userdel
	"/etc/ufw/user.rules", "/etc/ufw/user6.rules", // by ufw
	"/etc/iptables/rules.v4", "/etc/iptables/rules.v6", // the saved rules
	"/etc/nftables.conf", // the same
}

// purged are files that were where Debian's nginx has its own: its purge took them, and they were put back.
func (l *life) purged() []string {
	if l.spared == "" {
		return nil
	}
	return []string{l.spared, "/etc/default/nginx", "/etc/init.d/nginx", "/etc/logrotate.d/nginx", "/etc/ufw/applications.d/nginx"}
}

// moved are the same files where a state has /etc on another mount.
func moved(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, "/srv"+name)
	}
	return all
}

// expected are the differences that have to be: each with its reason.
func expected(h hostState) []string {
	if h.executor == nginx && !h.nginx {
		return append([]string{left}, h.differs...) // Debian's nginx makes its default page, and leaves it even at a purge
	}
	return h.differs
}

var nextBuild struct {
	sync.Once
	file string
	err  error
}

// nextVersion is a newer sslwizard: another version, and other units to write.
func nextVersion(t *testing.T) string {
	t.Helper()
	nextBuild.Do(func() { nextBuild.file, nextBuild.err = buildNext() })
	if nextBuild.err != nil {
		t.Fatal(nextBuild.err)
	}
	return nextBuild.file
}

func buildNext() (string, error) {
	top, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("/run/sslwizard-e2e", "next-")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	units, _ := filepath.Glob(filepath.Join(top, "assets/systemd/*.service"))
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			return "", err
		}
		replace[unit] = filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(replace[unit], append(text, "# of the next version\n"...), 0o644); err != nil {
			return "", err
		}
	}
	if len(replace) == 0 {
		return "", fmt.Errorf("there are no units below %s", top)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "sslwizard")
	cmd := exec.Command("go", "build", "-trimpath", "-overlay", filepath.Join(dir, "overlay.json"), "-ldflags", "-s -w -X main.version=99.0.0", "-o", file, ".")
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the next version: %w\n%s", err, out)
	}
	return file, nil
}
