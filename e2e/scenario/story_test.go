//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// The site of nearly every story.
const (
	shop    = "shop.example.com"
	www     = "www.shop.example.com"
	answers = "/root/answers.yaml"
)

// kept is what an undo leaves on purpose: certificates, keys and the ACME account, for a CA limits how many it gives
// out, and the record of what was done.
const kept = "/var/lib/sslwizard"

// left is what Debian's own nginx package makes at its installation and leaves behind even at a purge.
const left = "/var/www"

// story is one server with an application on port 3000, in a world whose DNS leads two names to it.
type story struct {
	*testing.T
	w *world.World
	s *world.Server
	c *world.Client

	start world.Manifest // of TestStates: the tree before sslwizard came
}

// begin boots the server; what options change was so before anybody heard of sslwizard.
func begin(t *testing.T, suite string, options ...world.Option) *story {
	t.Helper()
	w := world.New(t)
	options = append([]world.Option{world.With(application("app", "--listen 127.0.0.1:3000"))}, options...)
	s := w.Boot(suite, options...)
	w.CA.Name(shop, s.Addr4(), s.Addr6())
	w.CA.Name(www, s.Addr4(), s.Addr6())
	st := &story{T: t, w: w, s: s, c: w.Client}
	st.trustPebble()
	st.await(3000)
	return st
}

// application has a copy of e2e/app run on the server from boot on.
func application(name, flags string) func(*world.Server) {
	return func(s *world.Server) {
		s.Put("/opt/app", world.Program("app"), 0o755)
		s.Write("/etc/systemd/system/"+name+".service", "[Service]\nExecStart=/opt/app "+flags+
			"\nRestart=always\n[Install]\nWantedBy=multi-user.target\n", 0o644)
		s.Link("/etc/systemd/system/multi-user.target.wants/"+name+".service", "../"+name+".service")
	}
}

// trustPebble puts the roots of the CA where trusted.caRoots names them: that of the directory and that of what it
// issues, which a private CA would have as one.
func (st *story) trustPebble() { st.trust(st.w.CA, "/root/ca.pem") }

func (st *story) trust(ca *world.CA, name string) {
	st.Helper()
	var pem []byte
	for _, file := range []string{ca.DirectoryRoot(), ca.Root()} {
		data, err := os.ReadFile(file)
		if err != nil {
			st.Fatal(err)
		}
		pem = append(pem, data...)
	}
	st.s.Write(name, string(pem), 0o644)
}

// await waits until something listens on the port.
func (st *story) await(port int) {
	st.Helper()
	world.Eventually(st, fmt.Sprintf("port %d open", port), func() bool {
		return st.s.Exec("ss", "-Hltn", fmt.Sprintf("sport = :%d", port)).Stdout != ""
	})
}

// common is the answers file of nearly every story.
const common = `apiVersion: sslwizard/v1
kind: Answers
install: {executor: EXECUTOR, firewall: true}
certs: {domains: [shop.example.com, www.shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted:
  directory: https://acme.test:14000/dir
  caRoots: /root/ca.pem
  email: ops@example.com
  acceptTerms: true
`

// answer writes the answers file; each pair of edits is a text in it and what stands there instead.
func (st *story) answer(executor string, edits ...string) {
	st.Helper()
	text := strings.Replace(common, "EXECUTOR", executor, 1)
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			st.Fatalf("the story is wrong: no %q in the answers\n%s", edits[i], text)
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	st.s.Write(answers, text, 0o644)
}

// sslwizard runs the program under test.
func (st *story) sslwizard(args ...string) world.Result {
	st.Helper()
	return st.s.Exec(append([]string{"/root/sslwizard"}, args...)...)
}

// apply does the main job.
func (st *story) apply() world.Result {
	st.Helper()
	return st.sslwizard("--non-interactive", answers)
}

// must is for what has to go well before the story can go on.
func (st *story) must(r world.Result) world.Result {
	st.Helper()
	if r.Status != 0 {
		st.Fatalf("%s", r)
	}
	return r
}

// ends checks how a run ended, and that it said each of these.
func (st *story) ends(r world.Result, status int, says ...string) {
	st.Helper()
	failures.MetPrinted(st, r.Text(), r.Status)
	var missing []string
	for _, text := range says {
		if !strings.Contains(strings.ToLower(r.Text()), strings.ToLower(text)) {
			missing = append(missing, text)
		}
	}
	if r.Status != status || len(missing) > 0 {
		st.Errorf("want exit status %d and the words %q (missing: %q)\n%s", status, says, missing, r)
	}
}

// untouched checks that not one byte, mode, owner or time of the server changed.
func (st *story) untouched(before world.Manifest) {
	st.Helper()
	st.same("something changed", before.Diff(st.s.Manifest()))
}

// restored checks that the server is as it was, but for what is kept on purpose.
func (st *story) restored(before world.Manifest) {
	st.Helper()
	st.same("not as it was before", before.Restored(st.s.Manifest(), kept, left))
}

func (st *story) same(what string, lines []string) {
	st.Helper()
	if len(lines) > 0 {
		st.Errorf("%s:\n%s", what, strings.Join(lines, "\n"))
	}
}

// refuses checks that a run ends with a status and words, and that nothing was changed by it.
func (st *story) refuses(status int, says ...string) {
	st.Helper()
	before := st.s.Manifest()
	st.ends(st.apply(), status, says...)
	st.untouched(before)
}

// live checks the finished site from the client, by curl over both address families and by WebSocket.
func (st *story) live() {
	st.Helper()
	st.liveOver("-4", "-6")
}

// liveOver looks at the site over these families of addresses, in curl's words; its WebSocket over whichever there is.
func (st *story) liveOver(families ...string) {
	st.Helper()
	for _, family := range families {
		for _, name := range []string{shop, www} {
			body := st.c.Gets(200, family, "https://"+name+"/a?b=1")
			if !strings.Contains(body, `"uri":"/a?b=1"`) {
				st.Errorf("curl %s %s: the application was asked for something else:\n%s", family, name, body)
			}
		}
	}
	st.c.Echoes("wss://" + shop + "/chat")
	if status, target := st.c.Redirects("http://" + shop + "/a?b=1"); target != "https://"+shop+"/a?b=1" || status != "301" {
		st.Errorf("http is redirected with %s to %q", status, target)
	}
}

// processes lists those of these programs, to see whether any was started anew.
func (st *story) processes() string {
	st.Helper()
	var lines []string
	for _, line := range strings.Split(st.s.Must("ps", "-eo", "pid,comm", "--no-headers"), "\n") {
		if strings.Contains(line, "nginx") || strings.Contains(line, "sslwizard") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// reloadNginx reloads nginx and returns when its old workers are gone: the reload itself returns before it has begun.
func (st *story) reloadNginx() {
	st.Helper()
	workers := func() string {
		return st.s.Must("ps", "--ppid", strings.TrimSpace(st.s.Must("cat", "/run/nginx.pid")), "-o", "pid=")
	}
	was := strings.Fields(workers())
	st.s.Must("systemctl", "reload", "nginx")
	world.Eventually(st, "nginx with new workers alone", func() bool {
		now := strings.Fields(workers())
		return len(now) > 0 && !slices.ContainsFunc(now, func(pid string) bool { return slices.Contains(was, pid) })
	})
}

// onEach tells a story on every suite.
func onEach(t *testing.T, tell func(t *testing.T, suite string)) {
	t.Parallel()
	for _, suite := range world.Suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			tell(t, suite)
		})
	}
}

// withEach tells a story with every executor on every suite.
func withEach(t *testing.T, tell func(t *testing.T, suite, executor string)) {
	t.Parallel()
	for _, executor := range []string{"native", "nginx"} {
		for _, suite := range world.Suites {
			t.Run(executor+"/"+suite, func(t *testing.T) {
				t.Parallel()
				tell(t, suite, executor)
			})
		}
	}
}

// withEither tells a story once with each executor, each on another Debian.
func withEither(t *testing.T, tell func(t *testing.T, suite, executor string)) {
	t.Parallel()
	for suite, executor := range map[string]string{"trixie": steps.ExecutorNative, "bookworm": steps.ExecutorNginx} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			tell(t, suite, executor)
		})
	}
}
