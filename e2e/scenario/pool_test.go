//go:build e2e

package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// pooled is the application three times over.
func pooled(s *world.Server) {
	for n, name := range []string{"app", "second", "third"} {
		application(name, fmt.Sprintf("--listen 127.0.0.1:%d --name %s", 3000+n, name))(s)
	}
}

const threeUpstreams = `{upstream: "http://127.0.0.1:3000", moreUpstreams: [3001, "http://127.0.0.1:3002"]}`

// TestPool has one application after the other killed and started again while strangers keep asking: not one request
// fails, and who comes back gets its share. With a cookie each visitor stays with one of them.
func TestPool(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite, world.With(pooled))
		for port := 3000; port < 3003; port++ {
			st.await(port)
		}
		before := `{upstream: "http://127.0.0.1:3000"}`
		for _, executor := range []string{"native", "nginx"} {
			st.answer(executor, before, threeUpstreams)
			st.must(st.apply())
			st.live()
			st.killsEach()
			st.downWhileApplied(executor, before)
		}
		st.answer("nginx", before, strings.Replace(threeUpstreams, "}", ", sticky: true}", 1))
		st.refuses(1, "cannot keep visitors at one upstream with nginx", "install.executor: native")
		st.answer("native", before, strings.Replace(threeUpstreams, "}", ", sticky: true}", 1))
		st.must(st.apply())
		st.sticks()
	})
}

// killsEach kills every application once under load.
func (st *story) killsEach() {
	st.Helper()
	load := st.c.Load("https://"+shop+"/a?b=1", "wss://"+shop+"/chat")
	for n, name := range []string{"app", "second", "third"} {
		st.s.Must("systemctl", "kill", "-s", "KILL", name)
		st.s.Must("systemctl", "stop", name)
		st.c.Gets(200, "https://"+shop+"/")
		st.c.Gets(200, "--data", "x=1", "https://"+shop+"/")
		st.s.Must("systemctl", "start", name)
		world.Eventually(st, name+" gets its share again", func() bool {
			return st.s.Exec("ss", "-Htn", "state", "established", fmt.Sprintf("dport = :%d", 3000+n)).Stdout != ""
		})
	}
	tally := load.StopClean()
	st.Logf("%d requests, %d messages, %d failed", tally.Requests, tally.Sockets, tally.Failed)
}

// downWhileApplied sets the site up anew while the first application does not run: that is told, and no obstacle.
func (st *story) downWhileApplied(executor, before string) {
	st.Helper()
	st.s.Must("systemctl", "stop", "app")
	defer st.s.Must("systemctl", "start", "app")
	st.answer(executor, before, strings.Replace(threeUpstreams, "}", ", timeout: 50s}", 1))
	st.ends(st.apply(), 0, "nothing listens on 127.0.0.1:3000 now; requests go to the other upstreams", "are live")
	st.live()
	if executor == "native" {
		st.ends(st.sslwizard("status"), 0, "http://127.0.0.1:3000, down, ", "http://127.0.0.1:3002, 0 in progress")
		if page := st.s.Must("perl", "-e", askMetrics, "/metrics"); !strings.Contains(page, `sslwizard_upstream_down{site="`+shop+`",upstream="http://127.0.0.1:3000"} 1`) {
			st.Errorf("the metrics do not tell who is down:\n%s", page)
		}
	}
}

// sticks has a visitor stay with an application, and go on with another when that one is gone.
func (st *story) sticks() {
	st.Helper()
	jar := st.w.Scratch("")
	visit := func() string {
		st.Helper()
		head := st.c.Gets(200, "--cookie", jar, "--cookie-jar", jar, "--dump-header", "-", "--output", "/dev/null", "https://"+shop+"/")
		_, rest, _ := strings.Cut(strings.ToLower(head), "x-app: ")
		name, _, _ := strings.Cut(rest, "\r\n")
		return name
	}
	for range 2 { // with the first, and with the one after it
		name := visit()
		for range 12 {
			if again := visit(); again != name || name == "" {
				st.Fatalf("the visitor came to %q, and then to %q", name, again)
			}
		}
		st.s.Must("systemctl", "stop", name)
		defer st.s.Must("systemctl", "start", name)
	}
	if last := visit(); last == "" {
		st.Error("the third application does not answer")
	}
}
