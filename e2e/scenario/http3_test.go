//go:build e2e

package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// withHTTP3 are the edits of the answers that ask for it.
var withHTTP3 = []string{"proxy: {", "ssl: {http3: true}\nproxy: {"}

// TestHTTP3 is off until it is asked for, is announced when it was reached, goes on through reloads and new programs, is
// taken back when the firewall drops it, and leaves nothing.
func TestHTTP3(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.raise(walls[2])
		before, rules := st.s.Manifest(), st.rules(walls[2])
		st.answer("native")
		st.must(st.apply())
		st.noQUIC("")

		st.answer("native", withHTTP3...)
		st.ends(st.sslwizard("--dry-run", answers), 0, "ListenDatagram=0.0.0.0:443", "reach "+shop+" over HTTP/3", "udp dport 443")
		st.noQUIC("")
		st.ends(st.apply(), 0, shop+" was reached over HTTP/3: browsers are told of it", "are live")
		st.overQUIC()
		st.live()
		st.again()
		t.Log(lastLine(st.s.Must("systemd-analyze", "security", "--no-pager", "--threshold=15", "sslwizard-proxy.service")))

		load := st.c.Load("https://"+shop+"/a?b=1", "wss://"+shop+"/chat")
		st.s.Must("systemctl", "reload", "sslwizard-proxy.service")
		st.overQUIC()
		first := st.mainPID()
		st.s.Must("sh", "-c", "cp /root/sslwizard /root/next && echo of another version >>/root/next")
		st.must(st.s.Exec("/root/next", "--non-interactive", answers))
		if st.mainPID() == first {
			t.Error("the old program goes on")
		}
		st.overQUIC()
		st.must(st.sslwizard("renew", "--force"))
		st.overQUIC()
		load.StopClean()

		st.s.Must("nft", "insert", "rule", "inet", "filter", "input", "udp", "dport", "443", "drop")
		st.ends(st.sslwizard("renew"), 0, "no longer reached over HTTP/3 (nftables keeps 443/udp closed)")
		st.noReach("clear")
		st.live()
		st.s.Must("nft", "delete", "rule", "inet", "filter", "input", "handle", st.handle("udp dport 443 drop"))
		st.ends(st.sslwizard("renew"), 0, "reached over HTTP/3")
		st.overQUIC()

		st.s.Reboot()
		st.await(443)
		st.overQUIC()
		if t.Failed() {
			return
		}
		st.ends(st.sslwizard("undo"), 0) // of the new program
		st.overQUIC()
		st.ends(st.sslwizard("undo"), 0, "Undone: ") // of HTTP/3
		st.noQUIC("")
		st.live()
		st.ends(st.sslwizard("undo"), 0)
		if now := st.rules(walls[2]); now != rules {
			t.Errorf("the rules are not as they were:\n%s\nwere\n%s", now, rules)
		}
		st.same("not as it was before", before.Restored(st.s.Manifest(), kept, answers, "/root/next"))
	})
}

// TestHTTP3OfAClosedPort is asked for where the firewall is somebody else's: it is not announced, the site works, and
// turning it off again closes its socket.
func TestHTTP3OfAClosedPort(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.raise(walls[2])
		st.s.Must("nft", "add", "rule", "inet", "filter", "input", "tcp", "dport", "{", "80,", "443", "}", "accept")
		st.answer("native", append([]string{"firewall: true", "firewall: false"}, withHTTP3...)...)
		st.ends(st.apply(), 0, "N16", "nobody reaches HTTP/3", shop+" was not reached over HTTP/3 (nftables keeps 443/udp closed)", "are live")
		st.noReach("")
		st.live()
		st.s.Must("nft", "add", "rule", "inet", "filter", "input", "udp", "dport", "443", "accept")
		st.ends(st.apply(), 0, shop+" was reached over HTTP/3")
		st.overQUIC()

		st.answer("native", "firewall: true", "firewall: false")
		st.ends(st.apply(), 0, "are live")
		st.noQUIC("clear")
		st.live()
		st.again()
		st.must(st.sslwizard("remove", shop))
		if left := st.s.Must("find", "/var/lib/sslwizard/http3", "/etc/systemd/system", "-mindepth", "1", "-name", "*alt-svc", "-o", "-name", "*http3*"); left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

// TestHTTP3OfNginx is the same with nginx, where it has the module, and refused before anything changes where not.
func TestHTTP3OfNginx(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.raise(walls[2])
		st.answer("nginx", withHTTP3...)
		if suite == "bookworm" {
			st.refuses(1, "it has no ngx_http_v3_module", "ssl.http3: false")
			return
		}
		before, rules := st.s.Manifest(), st.rules(walls[2])
		st.answer("nginx")
		st.must(st.apply())
		st.noQUIC("")

		st.answer("nginx", withHTTP3...)
		st.ends(st.apply(), 0, shop+" was reached over HTTP/3: browsers are told of it", "are live")
		st.overQUICOfNginx()
		st.live()
		st.again()
		load := st.c.Load("https://"+shop+"/a?b=1", "wss://"+shop+"/chat")
		st.must(st.sslwizard("renew", "--force"))
		load.StopClean()
		st.overQUICOfNginx()

		st.s.Must("nft", "insert", "rule", "inet", "filter", "input", "udp", "dport", "443", "drop")
		st.ends(st.sslwizard("renew"), 0, "no longer reached over HTTP/3 (nftables keeps 443/udp closed)")
		st.noReach("clear")
		st.live()
		st.s.Must("nft", "delete", "rule", "inet", "filter", "input", "handle", st.handle("udp dport 443 drop"))
		st.ends(st.sslwizard("renew"), 0, "reached over HTTP/3")
		st.overQUICOfNginx()

		st.answer("native", withHTTP3...)
		st.ends(st.apply(), 0, shop+" was reached over HTTP/3", "are live")
		st.overQUIC()
		st.ends(st.sslwizard("undo"), 0)
		st.overQUICOfNginx()
		st.answer("nginx")
		st.ends(st.apply(), 0, "are live")
		st.noQUIC("clear")
		st.again()
		for range 3 {
			st.ends(st.sslwizard("undo"), 0)
		}
		if now := st.rules(walls[2]); now != rules {
			t.Errorf("the rules are not as they were:\n%s\nwere\n%s", now, rules)
		}
		st.same("not as it was before", before.Restored(st.s.Manifest(), kept, left, answers))
	})
}

// overQUICOfNginx waits for the end of old workers: nginx leaves them the sockets of QUIC, from which they take handshakes
// that they do not answer (its issue 425).
func (st *story) overQUICOfNginx() {
	st.Helper()
	world.Eventually(st, "end of nginx's old workers", func() bool {
		return !strings.Contains(st.s.Must("ps", "-eo", "args"), "worker process is shutting down")
	})
	st.overQUIC()
}

// overQUIC checks that the site answers over HTTP/3, and says so.
func (st *story) overQUIC() {
	st.Helper()
	r := st.c.Exec(st.c.Program("http3", "--ca", st.w.CA.Root(), "https://"+shop+"/a?b=1")...)
	if r.Status != 0 || !strings.HasPrefix(r.Stdout, "HTTP/3.0 200\n") || !strings.Contains(r.Stdout, `"uri":"/a?b=1"`) {
		st.Errorf("over HTTP/3: %s", r)
	}
	st.announces(`h3=":443"; ma=86400`)
	st.ends(st.sslwizard("probe", "--http3", "--ca", "/root/ca.pem", "https://"+shop), 0, "http3")
}

// noQUIC checks that nothing listens for it either.
func (st *story) noQUIC(announced string) {
	st.Helper()
	// Old workers of nginx have their sockets until what they serve has ended, and then nobody.
	world.Within(st, "nobody listens on UDP 443", time.Minute, func() bool { return st.s.Must("ss", "-Hlun", "sport = :443") == "" })
	st.noReach(announced)
}

// noReach checks that the client gets no answer over HTTP/3, and what it is told.
func (st *story) noReach(announced string) {
	st.Helper()
	if r := st.c.Exec(st.c.Program("http3", "--ca", st.w.CA.Root(), "https://"+shop+"/")...); r.Status == 0 {
		st.Errorf("over HTTP/3: %s", r)
	}
	st.announces(announced)
}

func (st *story) announces(want string) {
	st.Helper()
	got := st.c.Curl("--output", "/dev/null", "--write-out", "%header{alt-svc}", "https://"+shop+"/")
	if got.Status != 0 || got.Stdout != want {
		st.Errorf("Alt-Svc %q, want %q: %s", got.Stdout, want, got)
	}
}

// handle is how nft calls the rule that ends so.
func (st *story) handle(rule string) string {
	st.Helper()
	for line := range strings.Lines(st.s.Must("nft", "--handle", "list", "chain", "inet", "filter", "input")) {
		if text, handle, found := strings.Cut(strings.TrimSpace(line), " # handle "); found && strings.HasSuffix(text, rule) {
			return handle
		}
	}
	st.Fatalf("there is no rule %q", rule)
	return ""
}
