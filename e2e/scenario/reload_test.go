//go:build e2e

package scenario

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// untaken is a way in which a server does not take its new configuration, although what there is to test says that it is well and
// the reload ends with 0.
type untaken struct {
	name     string // as the page says it
	executor string // nginx where it does not say
	again    bool   // the site is served already, and something of it changes
	trap     string // a shell that sets it
	back     string // and takes it away
	code     string
	says     []string
	slice    bool // in CI
}

// found is how it was found out.
type found struct {
	untaken
	reason string
	took   time.Duration // from the reload to the finding
}

// TestReloadIsProven: each is found out within ten seconds, with its code, and everything is put back: the tree byte for byte, and
// what was served is served as before (P12).
//
//	go test -tags e2e -timeout 30m -run 'TestReloadIsProven$' ./e2e/scenario -full -update
func TestReloadIsProven(t *testing.T) {
	page := &tableRows{}
	t.Cleanup(func() {
		if *full && *update {
			writeReload(t, page)
		}
	})
	for n, u := range untakens {
		if !*full && !u.slice {
			continue
		}
		if u.executor == "" {
			u.executor = nginx
		}
		t.Run(strings.ReplaceAll(u.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			var said found
			suite := world.Suites[n%len(world.Suites)]
			defer func() {
				page.tell(t, u.name, u.executor, suite, u.code, said.reason, fmt.Sprintf("%.1f s", said.took.Seconds()))
			}()
			said = begin(t, suite).findsOut(u)
		})
	}
}

// findsOut has the trap be there, a run fall into it, and everything be as it was.
func (st *story) findsOut(u untaken) found {
	st.Helper()
	visit := st.standing(u)
	st.does(u.trap)
	if u.executor == nginx {
		st.s.Must("nginx", "-t", "-q")
	}
	before, facts, since := st.s.Manifest(), (&life{story: st}).look(), st.cursor()
	r := st.sslwizard("-o", "json", "--non-interactive", answers)
	if r.Status != steps.ExitReverted {
		st.Errorf("exit status %d, want %d\n%s", r.Status, steps.ExitReverted, r)
	}
	st.restored(before)
	st.looksAs(facts)
	st.reloaded(u, since)
	visit()
	st.does(u.back)
	said := st.refusedReload(u, r.Stdout)
	if !st.Failed() { // without the trap it goes well: it was the trap, and nothing of it is left
		st.must(st.apply())
		st.live()
	}
	return said
}

// looksAs waits for what a tree does not tell to be as it was: an nginx that was told to reload takes a moment.
func (st *story) looksAs(before []string) {
	st.Helper()
	var differs []string
	for range 10 {
		if differs = difference(before, (&life{story: st}).look()); len(differs) == 0 {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
	st.same("units, listeners, users or mounts differ", differs)
}

// standing makes the server on which it happens, and returns what looks whether all that it serves is served.
func (st *story) standing(u untaken) (visit func()) {
	st.Helper()
	blog := func() {}
	if u.executor == nginx {
		st.w.CA.Name("blog.example.com", st.s.Addr4(), st.s.Addr6())
		st.s.Install("nginx")
		st.s.Write("/etc/nginx/conf.d/blog.conf", "server { listen 80; listen [::]:80; server_name blog.example.com; return 200 \"the blog\\n\"; }\n", 0o644)
		st.reloadNginx()
		blog = func() {
			for _, family := range []string{"-4", "-6"} {
				if body := st.c.Gets(200, family, "http://blog.example.com/"); !strings.Contains(body, "the blog") {
					st.Errorf("the other site answers %q", body)
				}
			}
		}
	}
	st.answer(u.executor)
	if !u.again {
		return blog
	}
	st.must(st.apply())
	st.answer(u.executor, another...)
	return func() { blog(); st.live() }
}

// does runs what a situation is made by.
func (st *story) does(text string) {
	st.Helper()
	if r := st.s.Exec("bash", "-ec", text+"\ntrue"); r.Status != 0 {
		st.Fatalf("%s", r)
	}
}

// cursor is where the log of the server ends now.
func (st *story) cursor() string {
	st.Helper()
	_, cursor, _ := strings.Cut(st.s.Must("journalctl", "-n", "0", "--show-cursor"), "cursor: ")
	return strings.TrimSpace(cursor)
}

// reloaded checks that a reload ended well, as systemd sees it: one that fails is nothing to find out.
func (st *story) reloaded(u untaken, since string) {
	st.Helper()
	unit := map[string]string{nginx: "nginx.service", native: "sslwizard-proxy.service"}[u.executor]
	log := st.s.Must("journalctl", "--after-cursor", since, "-o", "cat", "_PID=1", "UNIT="+unit)
	if !strings.Contains(log, "Reloaded") || strings.Contains(log, "Reload failed") {
		st.Errorf("the reload did not end with 0:\n%s", log)
	}
}

// refusedReload is the change that failed, which is to be the reload.
func (st *story) refusedReload(u untaken, out string) found {
	st.Helper()
	said := found{untaken: u}
	var code string
	for line := range strings.Lines(out) {
		var l struct {
			Type, Key, Error, Code string
			Status                 any // of an event a word, of the summary the exit status
			Elapsed                float64
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			st.Errorf("not JSON: %s", line)
		}
		switch {
		case l.Type == "event" && l.Status == any(string(steps.Failed)) && strings.HasPrefix(l.Key, "reload"):
			said.reason, said.took = l.Error, time.Duration(l.Elapsed*float64(time.Second))
		case l.Type == "summary":
			code = l.Code
		}
	}
	lacks := slices.DeleteFunc(slices.Clone(u.says), func(word string) bool { return strings.Contains(said.reason, word) })
	if said.reason == "" || code != u.code || len(lacks) > 0 {
		st.Errorf("want the reload refused with %s and the words %q: %q, code %s\n%s", u.code, u.says, said.reason, code, out)
	}
	st.Logf("%s: found after %s: %s", u.name, said.took.Round(time.Millisecond), said.reason)
	return said
}

// dropIn gives a unit of systemd more lines; those of a sandbox count from its next start on.
func dropIn(unit string, restart bool, lines ...string) (trap, back string) {
	dir := "/etc/systemd/system/" + unit + ".d"
	trap = fmt.Sprintf("mkdir -p %s; printf '%%s\\n' '[Service]' '%s' >%s/own.conf; systemctl daemon-reload", dir, strings.Join(lines, "' '"), dir)
	back = fmt.Sprintf("rm -r %s; systemctl daemon-reload", dir)
	if restart {
		trap += "; systemctl restart " + unit
		back += "; systemctl restart " + unit
	}
	return trap, back
}

// with is a way in which a drop-in of the user's has part.
func (u untaken) with(unit string, restart bool, lines ...string) untaken {
	trap, back := dropIn(unit, restart, lines...)
	u.trap, u.back = u.trap+"\n"+trap, back+"\n"+u.back
	return u
}

const proxyUnit = "sslwizard-proxy.service"

// untakens are the ways; see docs/reload.md.
var untakens = []untaken{
	{name: "a zone of shared memory has another key", trap: fmt.Sprintf("echo '%s' >%s; systemctl reload nginx; sleep 1; echo '%s' >%[2]s", strings.TrimSpace(fmt.Sprintf(zone, "binary_remote_addr")), zoneFile, strings.TrimSpace(fmt.Sprintf(zone, "server_name"))),
		back: "rm " + zoneFile + "; systemctl restart nginx", code: "N05", says: []string{"visitors"}, slice: true},
	{name: "another program has a port that the user wrote and never reloaded", trap: "systemd-run --quiet --unit=other /opt/app --listen :8443; for n in $(seq 100); do ss -Hltn sport = :8443 | grep -q . && break; sleep 0.05; done; echo 'server { listen 8443; server_name other.example.com; }' >/etc/nginx/conf.d/other.conf",
		back: "rm /etc/nginx/conf.d/other.conf; systemctl stop other", code: "N05", says: []string{"8443"}},
	untaken{name: "the unit's ExecReload does nothing", code: "N05"}.with("nginx.service", false, "ExecReload=", "ExecReload=/bin/true"),
	untaken{name: "the unit's ExecReload has the logs opened anew, and no more", code: "N05"}.with("nginx.service", false, "ExecReload=", "ExecReload=/bin/kill -USR1 $MAINPID"),
	{name: "the pid file names another process", trap: `(trap "" HUP; exec sleep 1000) >/dev/null 2>&1 & cp /run/nginx.pid /run/was.pid; echo $! >/run/nginx.pid`, back: "kill -9 $(cat /run/nginx.pid); cp /run/was.pid /run/nginx.pid", code: "N05"},
	untaken{name: "the unit starts nginx with another configuration", code: "N06", trap: `sed '/conf\.d/d; s,include /etc/nginx/sites-enabled.*,include /etc/nginx/conf.d/blog.conf;,' /etc/nginx/nginx.conf >/etc/nginx/own.conf`, back: "rm /etc/nginx/own.conf"}.with("nginx.service", true, "ExecStart=", `ExecStart=/usr/sbin/nginx -c /etc/nginx/own.conf -g "daemon on; master_process on;"`),
	untaken{name: "the unit's sandbox hides the certificates", code: "N05", says: []string{"/var/lib/sslwizard"}}.with("nginx.service", true, "TemporaryFileSystem=/var/lib", "BindPaths=/var/lib/nginx", "ExecReload=", "ExecReload=/bin/kill -HUP $MAINPID"),
	untaken{name: "the unit's sandbox has another /etc/nginx", code: "N06", trap: "cp -a /etc/nginx /srv/nginx", back: "rm -r /srv/nginx"}.with("nginx.service", true, "BindReadOnlyPaths=/srv/nginx:/etc/nginx"),
	untaken{name: "a name that the unit's nginx cannot look up", code: "N05", says: []string{"app.internal"}, trap: "cp /etc/hosts /srv/hosts",
		back: "rm /etc/nginx/conf.d/app.conf /srv/hosts; sed -i /app.internal/d /etc/hosts"}.with("nginx.service", true, "BindReadOnlyPaths=/srv/hosts:/etc/hosts", "ExecReload=", "ExecReload=/bin/kill -HUP $MAINPID").then(`printf '127.0.0.1 app.internal\n' >>/etc/hosts; echo 'server { listen 80; server_name app.example.com; location / { proxy_pass http://app.internal:3000; } }' >/etc/nginx/conf.d/app.conf`),
	{name: "nginx is in the middle of an exchange of its program", trap: "kill -USR2 $(cat /run/nginx.pid); for n in $(seq 100); do test -s /run/nginx.pid.oldbin -a -s /run/nginx.pid && break; sleep 0.05; done; sleep 0.5", back: "kill -QUIT $(cat /run/nginx.pid); for n in $(seq 200); do test -e /run/nginx.pid.oldbin || break; sleep 0.05; done; systemctl restart nginx", code: "N05"},
	untaken{name: "nginx dies of the reload", code: "N14"}.with("nginx.service", false, "ExecReload=", `ExecReload=/bin/systemd-run --quiet --collect /bin/sh -c "sleep 0.3; kill -KILL ${MAINPID}"`),
	{name: "nginx may open no more files", trap: `m=$(cat /run/nginx.pid); prlimit --pid $m --nofile=$(ls /proc/$m/fd | wc -l):1024`, back: `prlimit --pid $(cat /run/nginx.pid) --nofile=1024:1024`, code: "N05", says: []string{"open files"}},
	untaken{name: "a site that is served changes, and ExecReload does nothing", again: true, code: "N05"}.with("nginx.service", false, "ExecReload=", "ExecReload=/bin/true"),

	untaken{name: "native: the unit's ExecReload does nothing", executor: native, again: true, code: "N05", says: []string{"not read its configuration again"}}.with(proxyUnit, false, "ExecReload=", "ExecReload=/bin/true"),
	untaken{name: "native: the unit's sandbox has other sites", executor: native, again: true, code: "N05", says: []string{"another configuration"}, trap: "cp -a /etc/sslwizard/sites /srv/sites", back: "rm -r /srv/sites"}.with(proxyUnit, true, "BindReadOnlyPaths=/srv/sites:/etc/sslwizard/sites"),
}

// then has something more happen, after the drop-in.
func (u untaken) then(shell string) untaken {
	u.trap += "\n" + shell
	return u
}
