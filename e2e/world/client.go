package world

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Client is a stranger on the internet: a host that trusts Pebble's root and nothing else.
type Client struct {
	w    *World
	host host
}

func (w *World) newClient() *Client {
	w.t.Helper()
	c := &Client{w: w, host: w.join("client", clientNumber)}
	etc := filepath.Join("/etc/netns", c.host.netns) // ip-netns(8) puts it over /etc for what runs in there
	err := os.MkdirAll(etc, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver 203.0.113.2\n"), 0o644)
	}
	if err != nil {
		w.t.Fatalf("world: %v", err)
	}
	w.t.Cleanup(func() { w.part(c.host) })
	return c
}

// Exec runs a program of this machine as the client.
func (c *Client) Exec(argv ...string) Result {
	c.w.t.Helper()
	r, err := run(argv, "", c.host.in(argv...)...)
	if err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	return r
}

// Curl asks with curl, trusting Pebble's root only.
func (c *Client) Curl(args ...string) Result {
	c.w.t.Helper()
	return c.Exec(append([]string{"curl", "--silent", "--show-error", "--max-time", "8", "--cacert", c.w.CA.Root()},
		args...)...)
}

// Gets is Curl that has to end with this status; it returns the body.
func (c *Client) Gets(status int, args ...string) string {
	c.w.t.Helper()
	r := c.Curl(append([]string{"--write-out", "\n%{http_code}"}, args...)...)
	body, code, _ := cutLast(r.Stdout, "\n")
	if r.Status != 0 || code != fmt.Sprint(status) {
		c.w.t.Errorf("client: want status %d: %s", status, r)
	}
	return body
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Redirects asks url over plain http and returns status and target, following nothing.
func (c *Client) Redirects(url string) (status, target string) {
	c.w.t.Helper()
	r := c.Curl("--output", "/dev/null", "--write-out", "%{http_code} %header{location}", url)
	status, target, _ = strings.Cut(r.Stdout, " ")
	return status, target
}

// WSS opens a WebSocket over TLS, sends a few messages, large ones among them, and checks what comes back. The result
// is what e2e/client said; its status is 0 only when every message was echoed.
func (c *Client) WSS(url string, flags ...string) Result {
	c.w.t.Helper()
	return c.Exec(append(append([]string{Program("client"), "wss", "--ca", c.w.CA.Root()}, flags...), url)...)
}

// Program is argv of e2e/client, for Exec.
func (c *Client) Program(args ...string) []string {
	return append([]string{Program("client")}, args...)
}

// Echoes is WSS that has to succeed.
func (c *Client) Echoes(url string, flags ...string) {
	c.w.t.Helper()
	if r := c.WSS(url, flags...); r.Status != 0 {
		c.w.t.Errorf("client: %s", r)
	}
}

// Load is a client that keeps asking until it is told to stop.
type Load struct {
	c     *Client
	cmd   *exec.Cmd
	stdin io.Closer
	out   *strings.Builder
	over  bool
}

// Tally is what came of a load.
type Tally struct {
	Requests int      `json:"requests"`
	Sockets  int      `json:"sockets"` // messages echoed over the open WebSockets
	Closed   int      `json:"closed"`  // WebSockets that the server ended
	Failed   int      `json:"failed"`
	Failures []string `json:"failures"` // the first few
}

// Load starts asking the URLs from a few workers, half of them with a new connection for every request, and keeps a
// WebSocket open on each of the wss ones. It is bounded: some hundred requests a second, two minutes.
func (c *Client) Load(urls ...string) *Load {
	c.w.t.Helper()
	return c.LoadWith([]string{"--ca", c.w.CA.Root()}, urls...)
}

// LoadWith is Load with flags of e2e/client: other roots (--ca FILE), another pause of each worker (--pause 1ms) and another end
// (--for 10m).
func (c *Client) LoadWith(flags []string, urls ...string) *Load {
	c.w.t.Helper()
	argv := c.host.in(slices.Concat([]string{Program("client"), "load"}, flags, urls)...)
	l := &Load{c: c, cmd: exec.Command(argv[0], argv[1:]...), out: &strings.Builder{}}
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.out
	stdin, err := l.cmd.StdinPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		c.w.t.Fatalf("client: cannot start the load: %v", err)
	}
	l.stdin = stdin
	c.w.t.Cleanup(func() { l.end() })
	return l
}

func (l *Load) end() {
	if !l.over {
		l.over = true
		_ = l.stdin.Close()
		timer := time.AfterFunc(20*time.Second, func() { _ = l.cmd.Process.Kill() })
		defer timer.Stop()
		_ = l.cmd.Wait()
	}
}

// Stop ends the load and says what came of it.
func (l *Load) Stop() Tally {
	l.c.w.t.Helper()
	l.end()
	var tally Tally
	if err := json.Unmarshal([]byte(l.out.String()), &tally); err != nil {
		l.c.w.t.Fatalf("client: the load did not report: %v\n%s", err, l.out)
	}
	return tally
}

// StopClean is Stop of a load of which not one request may have failed.
func (l *Load) StopClean() Tally {
	l.c.w.t.Helper()
	tally := l.Stop()
	if tally.Failed > 0 || tally.Requests == 0 {
		l.c.w.t.Errorf("client: %d of %d requests failed:\n%s", tally.Failed, tally.Requests, strings.Join(tally.Failures, "\n"))
	}
	return tally
}

// Through reports whether packets to that port get through to the server, whether or not anybody listens there: a
// refused connection has come through, one that nobody answers has been dropped.
func (c *Client) Through(address string, port int) bool {
	c.w.t.Helper()
	r := c.Exec("curl", "--silent", "--show-error", "--insecure", "--max-time", "2", "--output", "/dev/null",
		fmt.Sprintf("http://%s:%d/", address, port))
	const cannotConnect, timedOut = 7, 28 // curl(1), exit codes
	switch r.Status {
	case timedOut: // a firewall drops
		return false
	case cannotConnect: // a firewall rejects with an ICMP message (firewalld does), or nobody listens
		return strings.Contains(r.Stderr, "refused")
	}
	return true
}
