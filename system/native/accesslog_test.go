package native

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

func TestCombinedLine(t *testing.T) {
	t.Parallel()
	a := proxy.Access{
		Time: time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", -9000)), Site: "a.test", Remote: "2001:db8::1", Method: "GET", Host: "a.test",
		Path: `/a b"\é`, Proto: "HTTP/2.0", Status: 200, Bytes: 12, Referer: "https://b.test/x", Agent: `curl "8" ` + "\x1b",
	}
	const want = `2001:db8::1 - - [04/Mar/2026:05:06:07 -0230] "GET /a b\x22\x5C\xC3\xA9 HTTP/2.0" 200 12 "https://b.test/x" "curl \x228\x22 \x1B"` + "\n"
	if got := string(combinedLine(nil, &a)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const gone = `- - - [01/Jan/0001:00:00:00 +0000] "  " 499 0 "-" "-"` + "\n"
	if got := string(combinedLine(nil, &proxy.Access{})); got != gone {
		t.Errorf("got  %s\nwant %s", got, gone)
	}
}

// TestJSONLineNamesWhoTold: an address that a peer told is worth what the peer is.
func TestJSONLineNamesWhoTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ remote, peer, want string }{
		{"192.0.2.1", "", `"remote":"192.0.2.1","method"`},
		{"192.0.2.1", "203.0.113.7", `"remote":"192.0.2.1","peer":"203.0.113.7","method"`},
	} {
		if got := string(jsonLine(nil, &proxy.Access{Remote: c.remote, Peer: c.peer})); !strings.Contains(got, c.want) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// stuck is a disk that hangs until it is let go.
type stuck struct {
	free chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.Write(p)
}

// TestAStuckLogHoldsUpNobody: requests go on, what is lost is counted, and the rest is there once the disk is.
func TestAStuckLogHoldsUpNobody(t *testing.T) {
	t.Parallel()
	out := &stuck{free: make(chan struct{})}
	l := newAccessLog(out, t.TempDir(), slog.New(slog.DiscardHandler))
	l.follow(nil)
	const many = 3 * waitingLines
	for range many {
		l.write(proxy.Access{Path: "/x"})
	}
	if lost := l.lost.Load(); lost == 0 || lost >= many {
		t.Errorf("%d of %d are lost", lost, many)
	}
	close(out.free)
	l.end()
	if written := uint64(strings.Count(out.got.String(), "\n")); written+l.lost.Load() != many {
		t.Errorf("%d are written, %d lost", written, l.lost.Load())
	}
}

// TestTheEndDoesNotWaitForAStuckLog: a disk that hangs for ever must not keep the service from ending.
func TestTheEndDoesNotWaitForAStuckLog(t *testing.T) {
	t.Parallel()
	out := &stuck{free: make(chan struct{})}
	defer close(out.free)
	l := newAccessLog(out, t.TempDir(), slog.New(slog.DiscardHandler))
	l.follow(nil)
	l.write(proxy.Access{Path: "/x"})
	ended := make(chan struct{})
	go func() { l.end(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("it waits")
	}
}

// failing is a disk that is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestLinesThatCannotBeWrittenAreCountedAndToldOnce(t *testing.T) {
	t.Parallel()
	var lost atomic.Uint64
	var told atomic.Int32
	w := newLogWriter(standing{failing{}}, &lost, time.Millisecond, func(error) { told.Add(1) })
	for range 50 {
		_, _ = w.Write([]byte("x\n"))
	}
	w.end()
	if lost.Load() != 50 || told.Load() != 1 {
		t.Errorf("%d are lost, told %d times", lost.Load(), told.Load())
	}
	_, _ = w.Write([]byte("late\n"))
	if lost.Load() != 51 {
		t.Error("a line behind the end is not counted")
	}
}

// storeLogged stores a site with this kind of access log.
func (h *tree) storeLogged(domain steps.Domain, log string) {
	h.t.Helper()
	a := steps.Defaults()
	a.Certs.Domains, a.Proxy.Upstream, a.Trusted.Source, a.Proxy.AccessLog = []string{string(domain)}, app(h.t), steps.SourceNone, log
	site, problems := a.Site()
	if len(problems) > 0 {
		h.t.Fatal(problems)
	}
	if err := h.WriteFile(steps.SiteFile(site.Name), host.File{Data: steps.Print(site)}); err != nil {
		h.t.Fatal(err)
	}
}

// logged are the lines of a file that the service has written by now.
func (h *tree) logged(name string) string {
	text, err := os.ReadFile(filepath.Join(h.path(steps.LogDir), name))
	if err != nil {
		return ""
	}
	return string(text)
}

// TestEachSiteIsLoggedAsItSays, and differently after a reload; nothing secret is in any of it.
func TestEachSiteIsLoggedAsItSays(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	if err := os.MkdirAll(h.path(steps.LogDir), 0o755); err != nil {
		t.Fatal(err)
	}
	for domain, log := range map[steps.Domain]string{"a.test": steps.LogCombined, "b.test": steps.LogJSON, "c.test": steps.LogOff, "d.test": steps.LogJournal} {
		h.storeLogged(domain, log)
		h.renew(domain)
	}
	u := h.start().ready()
	for _, name := range []string{"a.test", "b.test", "c.test", "d.test", "nobody.test"} {
		u.asks(name, "/of-"+name+"?secret=1")
	}
	u.wait(func() bool {
		return strings.Contains(h.logged("a.test.log"), `"GET /of-a.test HTTP/1.1" 301 `) && strings.Contains(h.logged("b.test.json"), `"path":"/of-b.test"`) &&
			strings.Contains(u.out.String(), "/of-d.test") && strings.Contains(u.out.String(), "/of-nobody.test")
	})
	h.storeLogged("a.test", steps.LogJournal)
	h.storeLogged("d.test", steps.LogOff)
	h.signals <- syscall.SIGHUP
	u.wait(func() bool { return u.status().Loads == 2 })
	u.asks("d.test", "/later")
	u.asks("a.test", "/later")
	u.wait(func() bool { return strings.Contains(u.out.String(), `"site":"a.test"`) })
	all := u.out.String() + h.logged("a.test.log") + h.logged("b.test.json")
	if strings.Contains(all, "secret") || strings.Contains(all, "c.test") || strings.Count(all, "/later") != 1 {
		t.Errorf("this is logged:\n%s", all)
	}
}

// TestMovedLogIsFollowedByAnother: logrotate renames a file and tells nobody; no line is lost.
func TestMovedLogIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	if err := os.MkdirAll(h.path(steps.LogDir), 0o755); err != nil {
		t.Fatal(err)
	}
	h.storeLogged("a.test", steps.LogCombined)
	h.renew("a.test")
	u := h.start().ready()
	at := h.path(steps.LogDir) + "/a.test.log"
	for n := range 5 {
		path := "/turn" + strconv.Itoa(n)
		u.asks("a.test", path)
		u.wait(func() bool { return strings.Contains(h.logged("a.test.log"), path) })
		if err := os.Rename(at, at+"."+strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		if text := h.logged("a.test.log." + strconv.Itoa(n)); strings.Count(text, "\n") != 1 || !strings.Contains(text, "/turn"+strconv.Itoa(n)) {
			t.Errorf("file %d has %q", n, text)
		}
	}
}

// TestALogThatCannotBeWrittenIsNoReasonNotToServe: it is told of, and counted.
func TestALogThatCannotBeWrittenIsNoReasonNotToServe(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.storeLogged("a.test", steps.LogCombined) // into a folder that is not there
	h.renew("a.test")
	u, ask := h.watched()
	u.asks("a.test", "/")
	u.wait(func() bool {
		_, page := ask("/metrics")
		return strings.Contains(page, "\nsslwizard_access_log_lost_lines_total 1\n")
	})
	u.wait(func() bool { return strings.Contains(u.err.String(), "cannot write the access log") })
}

// TestReferersTellNoSecret: a path may be seen, what is behind it may not.
func TestReferersTellNoSecret(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	if err := os.MkdirAll(h.path(steps.LogDir), 0o755); err != nil {
		t.Fatal(err)
	}
	h.storeLogged("a.test", steps.LogCombined)
	h.renew("a.test")
	u := h.start().ready()
	conn, err := net.Dial("tcp", u.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for referer, want := range map[string]string{
		"https://b.test/x?secret":        "https://b.test/x",
		"https://b.test/x#secret":        "https://b.test/x",
		"https://me:secret@b.test/x":     "https://b.test/x",
		"https://b.test":                 "https://b.test/",
		"https://se:cret@b.test?@c.test": "https://b.test/",
		"/only":                          "/only",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+u.plain+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "a.test"
		request.Header.Set("Referer", referer)
		request.Header.Set("User-Agent", referer)
		response, err := new(http.Transport).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		u.wait(func() bool {
			return strings.Contains(h.logged("a.test.log"), `"`+want+`" "`+referer+"\"\n")
		})
	}
}

// TestAStuckDiaryHoldsUpNobody: who reads what the service says of itself may stand still: requests are answered on each
// engine, and once it is read again, what waited is there, and how much is lost.
func TestAStuckDiaryHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{proxy.EngineStd, proxy.EngineLoop} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := newTree(t)
			h.storeSite("a.test", "http://"+freeAddress(t)) // where nobody is: each request is worth a line
			h.renew("a.test")
			out := &stuck{free: make(chan struct{})}
			u := h.start(func(o *ServeOptions) { o.Err, o.Engine = out, engine }).ready()
			conn, err := tls.Dial("tcp", u.secure, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // it is about the log
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(3 * patience))
			in := bufio.NewReader(conn)
			const many = waitingLines + 200
			for n := range many {
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				response, err := http.ReadResponse(in, nil)
				if err != nil || response.StatusCode != http.StatusBadGateway {
					t.Fatalf("request %d: %v, %v", n, response, err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
			}
			close(out.free)
			u.wait(func() bool { return strings.Contains(out.text(), "lines are lost") })
			if text := out.text(); strings.Count(text, "cannot get an answer") < waitingLines/2 || !strings.Contains(text, errNoRoom.Error()) {
				t.Errorf("%d lines, at the end %.300s", strings.Count(text, "\n"), text[max(0, len(text)-300):])
			}
		})
	}
}

// TestTheEndSaysWhatWaits: what the service has said of itself is written before it ends.
func TestTheEndSaysWhatWaits(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.storeSite("a.test", "http://"+freeAddress(t))
	h.renew("a.test")
	out := &stuck{free: make(chan struct{})}
	u := h.start(func(o *ServeOptions) { o.Err = out }).ready()
	h.signals <- syscall.SIGHUP
	u.wait(func() bool { return u.status().Loads == 2 })
	time.AfterFunc(300*time.Millisecond, func() { close(out.free) })
	h.signals <- syscall.SIGTERM
	if err := <-u.ended; err != nil || !strings.Contains(out.text(), "new configuration") {
		t.Errorf("%v, it says %q", err, out.text())
	}
}

func (s *stuck) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// accessLine is a line of the access log.
type accessLine struct {
	Time   string  `json:"time"`
	Site   string  `json:"site,omitempty"`
	Remote string  `json:"remote"`
	Peer   string  `json:"peer,omitempty"`
	Method string  `json:"method"`
	Scheme string  `json:"scheme"`
	Host   string  `json:"host"`
	Path   string  `json:"path"`
	Proto  string  `json:"proto"`
	Status int     `json:"status"`
	Bytes  int64   `json:"bytes"`
	Millis float64 `json:"ms"`
}

// TestJSONLineIsJSON, whatever is in it: as encoding/json writes it.
func TestJSONLineIsJSON(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "", "/a<b>&c", `/"\\`, "/é\u2028\xff", "/\x00\n\x7f", strings.Repeat("/x", 500)} {
		for _, elapsed := range []time.Duration{0, time.Microsecond, 1234567, time.Hour + 1, 90 * time.Hour} {
			a := proxy.Access{Time: time.Unix(1e9, int64(elapsed)), Site: path, Remote: "192.0.2.1", Method: "GET", Host: path, Path: path, Proto: "HTTP/1.1",
				Secure: elapsed > 0, Status: 200, Bytes: int64(elapsed), Elapsed: elapsed}
			want, err := json.Marshal(accessLine{a.Time.UTC().Format(time.RFC3339Nano), a.Site, a.Remote, a.Peer, a.Method, scheme(a), a.Host, a.Path, a.Proto, a.Status, a.Bytes,
				float64(a.Elapsed.Microseconds()) / 1000})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(jsonLine(nil, &a)); got != string(want)+"\n" {
				t.Errorf("got  %swant %s", got, want)
			}
		}
	}
}

func BenchmarkJSONLine(b *testing.B) {
	a := proxy.Access{Time: time.Unix(1e9, 5), Site: "a.test", Remote: "192.0.2.1", Method: "GET", Host: "a.test", Path: "/x", Proto: "HTTP/1.1", Secure: true, Status: 200, Bytes: 1024, Elapsed: 1234567}
	b.ReportAllocs()
	var line []byte
	for b.Loop() {
		line = jsonLine(line[:0], &a)
	}
}
