//go:build e2e

package scenario

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// rival is a way to give a site of nginx a certificate, which is killed at points spread over its calls.
type rival struct {
	name    string
	prepare func(st *story)
	command []string
	reset   func(st *story) // the server as it was before the command

	start, asked world.Manifest // of nginx's configuration
	seen         [len(looks)]int
	kills        int
	certificates int // that the CA gave out
}

// looks is what is counted, each of kills.
var looks = [...]string{
	"at once: nginx -t fails",
	"at once: nginx's configuration is neither as before nor as asked",
	"after a reboot: nginx does not run, or another site does not answer",
	"after a reboot: nginx's configuration is neither as before nor as asked",
	"the same command again fails",
	"after it: the site has no certificate of the CA, or nginx's configuration is not as asked",
}

// TestKillsBeside kills certbot's nginx plug-in and sslwizard in the same way, on equal servers with an nginx and a site in it, and
// has each server start again and the same command be typed once more.
func TestKillsBeside(t *testing.T) {
	t.Parallel()
	rivals := []*rival{certbotNginx(), ourNginx()}
	versions := make([]string, len(rivals))
	t.Run("rivals", func(t *testing.T) {
		for n, r := range rivals {
			if !*full && r != rivals[1] {
				continue // the comparison is for the page alone
			}
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				versions[n] = r.isKilled(t)
			})
		}
	})
	ours := rivals[1]
	if slices.Max(ours.seen[2:]) > 0 {
		t.Errorf("sslwizard: %v of %d", ours.seen, ours.kills)
	}
	if *full && *update && !t.Failed() {
		writeBeside(t, rivals, versions)
	}
}

func certbotNginx() *rival {
	return &rival{name: "certbot",
		prepare: func(st *story) {
			st.s.Install("certbot", "python3-certbot-nginx")
			st.s.Write("/etc/nginx/conf.d/shop.conf", `server {
	listen 80; listen [::]:80;
	server_name `+shop+`;
	location / { proxy_pass http://127.0.0.1:3000; proxy_set_header Host $host; }
}
`, 0o644)
			st.reloadNginx()
			st.s.Must("tar", "-cf", "/opt/nginx.tar", "/etc/nginx")
		},
		command: []string{"env", "REQUESTS_CA_BUNDLE=/root/ca.pem", "certbot", "--nginx", "--non-interactive", "--agree-tos", "--redirect",
			"--server", world.Directory, "--email", "ops@example.com", "--no-eff-email", "--domain", shop},
		reset: func(st *story) {
			st.s.Must("rm", "-rf", "/etc/nginx", "/etc/letsencrypt", "/var/lib/letsencrypt")
			st.s.Must("tar", "-C", "/", "-xf", "/opt/nginx.tar")
			st.s.Must("systemctl", "restart", "nginx")
		}}
}

func ourNginx() *rival {
	return &rival{name: "sslwizard",
		prepare: func(st *story) { st.answer("nginx", ", "+www, "") },
		command: []string{"/root/sslwizard", "--non-interactive", answers},
		reset: func(st *story) {
			st.sslwizard("uninstall")    // 3: there is nothing
			st.s.Must("rm", "-rf", kept) // what an uninstall keeps would spare the next run a certificate
		}}
}

// isKilled does the whole with one of them, and returns its version.
func (r *rival) isKilled(t *testing.T) string {
	st := begin(t, "trixie")
	st.w.CA.Name("blog.example.com", st.s.Addr4(), st.s.Addr6())
	st.s.Install("nginx")
	st.s.Write("/var/www/blog/index.html", "the blog\n", 0o644)
	st.s.Write("/etc/nginx/sites-enabled/blog", blog, 0o644)
	st.reloadNginx()
	r.prepare(st)
	r.start = nginxTree(st)
	done, calls := st.tracesAny(0, r.command...)
	st.must(done)
	r.asked = nginxTree(st)
	calls = slices.DeleteFunc(calls, func(line string) bool { return permitted(line, []string{"/var/log/", "/tmp/", "/run/"}) })
	times := 1
	if *full {
		times = 30
	}
	given := st.w.CA.Certificates()
	for n := range times {
		r.reset(st)
		st.same(r.name+": not as it was before", r.start.Restored(nginxTree(st)))
		call := calls[(n*len(calls)+len(calls)/2)/times]
		at, _ := strconv.Atoi(strings.Fields(call)[0])
		if k, _ := st.tracesAny(at, r.command...); k.Status != 137 {
			continue
		}
		r.kills++
		seen := r.looksAfter(st)
		t.Logf("killed before %s: %v", call, seen)
		if t.Failed() {
			t.FailNow()
		}
	}
	r.certificates = st.w.CA.Certificates() - given
	if r.kills < times*9/10 {
		t.Errorf("%s: only %d of %d kills hit", r.name, r.kills, times)
	}
	return strings.TrimSpace(st.s.Must("sh", "-c", map[string]string{"certbot": "certbot --version", "sslwizard": "echo sslwizard"}[r.name]))
}

// looksAfter looks at once, after a reboot, and after the same command again.
func (r *rival) looksAfter(st *story) (seen []int) {
	note := func(look int, bad bool) {
		if bad {
			r.seen[look]++
			seen = append(seen, look)
		}
	}
	note(0, st.s.Exec("nginx", "-t").Status != 0)
	note(1, r.between(st))
	st.s.Reboot()
	st.await(3000)
	note(2, st.s.Exec("systemctl", "is-active", "nginx").Status != 0 || st.c.Curl("http://blog.example.com/").Stdout != "the blog\n")
	note(3, r.between(st))
	again := st.s.Exec(r.command...)
	note(4, again.Status != 0)
	note(5, st.c.Curl("https://"+shop+"/a").Status != 0 || len(r.asked.Restored(nginxTree(st))) > 0)
	return seen
}

// between reports whether nginx's configuration is neither as before nor as asked.
func (r *rival) between(st *story) bool {
	now := nginxTree(st)
	return len(r.start.Restored(now)) > 0 && len(r.asked.Restored(now)) > 0
}

// nginxTree is nginx's configuration.
func nginxTree(st *story) world.Manifest {
	st.Helper()
	m := maps.Clone(st.s.Manifest())
	maps.DeleteFunc(m, func(name string, _ world.Entry) bool { return !strings.HasPrefix(name, "/etc/nginx") })
	return m
}

const besideFile = "../../docs/certbot.md"

func writeBeside(t *testing.T, rivals []*rival, versions []string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `# Killed, beside certbot

Made by `+"`go test -tags e2e -timeout 60m -run 'TestKillsBeside$' ./e2e/scenario -full -update`"+`.

Two equal servers (Debian 13, systemd, an nginx with a site, a CA of the test) are asked for a certificate for one name and for the
redirect: by %s with its nginx plug-in, for a site that was written by hand, and by sslwizard with the executor nginx, which writes the
site. Each is killed, with all that it started, before a system call that changes a file, at points spread evenly over all these calls
but those of logs and scratch files; then the server is started again, and the same command is typed once more. Nothing else is done:
neither certbot's "rollback" nor sslwizard's "undo".

| | %s | %s |
| --- | --- | --- |
`, versions[0], rivals[0].name, rivals[1].name)
	row := func(what string, figure func(*rival) string) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", what, figure(rivals[0]), figure(rivals[1]))
	}
	row("kills", func(r *rival) string { return strconv.Itoa(r.kills) })
	for n, what := range looks {
		row(what, func(r *rival) string { return strconv.Itoa(r.seen[n]) })
	}
	row("certificates that the CA gave out meanwhile", func(r *rival) string { return strconv.Itoa(r.certificates) })
	if err := os.WriteFile(besideFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
