package proxy

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// What goes wrong in the loops themselves, and in what they call.

// loops are those of an instance.
func (i *instance) loops(t *testing.T) []*worker {
	t.Helper()
	all := i.plane.(*loopPlane)
	waitFor(t, func() bool { return len(all.all()) > 0 })
	return all.all()
}

// in has a loop do something, and waits until it is done.
func (w *worker) in(do func()) {
	done := make(chan struct{})
	w.loop.Post(func() { defer close(done); do() })
	<-done
}

// TestAFaultEndsItsConnection: what panics in a request, wherever the loop calls it from, ends that client's connection and
// nothing else; nothing of it stays.
func TestAFaultEndsItsConnection(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fault-silent" {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	site := testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = 300 * time.Millisecond })
	gone := testSite("http://"+freePort(t), names("b.test"))
	i := &instance{served: make(chan error, 1), Server: New(Options{Engine: EngineLoop, Log: slog.New(slog.NewTextHandler(&syncBuffer{}, nil)), Access: func(a Access) {
		if strings.HasPrefix(a.Path, "/fault") {
			panic("a fault")
		}
	}}), roots: pool}
	i.start(t, Config{Sites: []Site{site, gone}})
	good := i.dialTLS(t, "a.test")
	for _, c := range []struct{ host, path string }{
		{"a.test", "/fault"},        // in what has come of the upstream
		{"a.test", "/fault-silent"}, // in a timer
		{"b.test", "/fault"},        // in what was posted
	} {
		for range 3 {
			conn := i.dialTLS(t, c.host)
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conn, "GET "+c.path+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
			if _, err := io.ReadAll(conn); os.IsTimeout(err) {
				t.Errorf("%s%s: the connection stays", c.host, c.path)
			}
		}
	}
	if response, _ := raw(t, good, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode != http.StatusNoContent {
		t.Errorf("another connection got %d", response.StatusCode)
	}
	for _, path := range []string{"/fault", "/fault-silent"} {
		client := i.client(t, true)
		if response, err := client.Get("https://a.test" + path); err == nil { // the fault comes behind the answer, which may get through
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}
	good.Close()
	waitFor(t, func() bool {
		s := i.Status()
		return s.Connections == 0 && !slices.ContainsFunc(s.Upstreams, func(u UpstreamStatus) bool { return u.Busy != 0 }) && i.onHTTP().caps.count() == 0
	})
}

// count is how many connections are admitted.
func (c *caps) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// freePort is an address at which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// TestAFaultBeforeTheAnswer: the client is told.
func TestAFaultBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	asked := make(chan bool)
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) { asked <- true; <-r.Context().Done() })
	i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(app, names("a.test"))}}, nil, ordinary)
	conn := i.dialTLS(t, "a.test")
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	<-asked
	for _, w := range i.loops(t) {
		w.in(func() {
			for g := range w.callers {
				g.arrived().stream.Post(func() { panic("a fault") })
			}
		})
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusInternalServerError || !response.Close {
		t.Errorf("%v, %v", response, err)
	}
	waitFor(t, func() bool { return i.Status().Connections == 0 && i.Status().Upstreams[0].Busy == 0 })
}

// TestALoopThatEnds by itself is told of by Serve, and what it had is closed.
func TestALoopThatEnds(t *testing.T) {
	t.Parallel()
	i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}}, nil, ordinary)
	var conns []net.Conn
	for range 2 * len(i.loops(t)) {
		conn := i.dialTLS(t, "a.test")
		raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		conns = append(conns, conn)
	}
	broken := i.loops(t)[0]
	broken.in(func() {
		for g := range broken.callers {
			breakSet(t, g.arrived().stream.FD())
			return
		}
	})
	select {
	case err := <-i.served:
		if err == nil || !strings.Contains(err.Error(), "an event loop has ended") {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Serve goes on")
	}
	waitFor(t, func() bool {
		return i.plane.(*loopPlane).guests.Load() == int64(len(conns)/2) && i.onHTTP().caps.count() == len(conns)/2
	})
	for range 2 { // who comes in spite of all comes to one that runs
		raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	}
	if !strings.Contains(i.log.String(), "the proxy cannot go on") {
		t.Errorf("it says %s", i.log)
	}
}

// breakSet makes the set of descriptors in which this one is useless.
func breakSet(t *testing.T, fd int) {
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Error(err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info)
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "tfd:" && words[1] == strconv.Itoa(fd) {
				set, _ := strconv.Atoi(filepath.Base(info))
				null, err := os.Open(os.DevNull)
				if err == nil {
					defer null.Close()
					err = unix.Dup3(int(null.Fd()), set, unix.O_CLOEXEC)
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	}
	t.Error("the set was not found")
}

// held is an application whose connections the test has in its hands.
func held(t *testing.T) (address string, conns chan net.Conn) {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	conns = make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			conns <- conn
		}
	}()
	return "http://" + l.Addr().String(), conns
}

// takeRequest reads a request with its body.
func takeRequest(t *testing.T, in *bufio.Reader) (method, body string) {
	t.Helper()
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Error(err)
		return "", ""
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.Method, string(text)
}

// TestAStaleConnection: a connection on which nothing can be sent any more costs no request, whatever that is.
func TestAStaleConnection(t *testing.T) {
	t.Parallel()
	const host = " / HTTP/1.1\r\nHost: a.test\r\n"
	for _, text := range []string{
		"GET" + host + "\r\n", "POST" + host + "Content-Length: 5\r\n\r\nwhole", "POST" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
		"DELETE" + host + "\r\n", "POST" + host + "Content-Length: 0\r\n\r\n",
	} {
		address, conns := held(t)
		i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(address, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false })}}, nil, ordinary)
		client := i.dialPlain(t)
		go func() {
			for conn := range conns {
				in := bufio.NewReader(conn)
				method, body := takeRequest(t, in)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(method+body))+"\r\n\r\n"+method+body)
			}
		}()
		raw(t, client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		for _, w := range i.loops(t) {
			w.in(func() {
				for _, some := range w.idle {
					for _, b := range some {
						_ = unix.Shutdown(b.stream.FD(), unix.SHUT_WR) // as after a reset of which the kernel has not told yet
					}
				}
			})
		}
		method, _, _ := strings.Cut(text, " ")
		want := method
		if strings.Contains(text, "whole") {
			want += "whole"
		}
		if response, body := raw(t, client, text); response.StatusCode != http.StatusOK || string(body) != want {
			t.Errorf("%q: %d %q", text, response.StatusCode, body)
		}
	}
}

// TestAnAnswerBeforeTheReset: an upstream that answers in the middle of a body, and closes, has answered, also when the
// loop finds out by writing to it.
func TestAnAnswerBeforeTheReset(t *testing.T) {
	t.Parallel()
	address, conns := held(t)
	i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(address, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false })}}, nil, ordinary)
	for range 5 {
		client := i.dialPlain(t)
		_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nbegin")
		conn := <-conns
		if _, err := io.ReadFull(conn, make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		var owner *worker
		for _, w := range i.loops(t) {
			w.in(func() {
				if len(w.callers) > 0 {
					owner = w
				}
			})
		}
		first, second, sent := make(chan bool), make(chan bool), make(chan bool)
		owner.loop.Post(func() { first <- true; <-sent })
		<-first // the loop stands
		owner.loop.Post(func() { second <- true; <-sent })
		_, _ = io.WriteString(client, strings.Repeat("x", 1000)) // which is in the next turn, with the second post
		time.Sleep(20 * time.Millisecond)
		sent <- true
		<-second
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		time.Sleep(20 * time.Millisecond)
		sent <- true
		_ = client.SetDeadline(time.Now().Add(patience))
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%v, %v", response, err)
		}
		client.Close()
	}
}

// TestIdleUpstreamConnectionsAreCountedOnce: all loops together keep no more than net/http does.
func TestIdleUpstreamConnectionsAreCountedOnce(t *testing.T) {
	t.Parallel()
	gate, came := make(chan bool), make(chan bool, 1000)
	app := appServer(t, func(http.ResponseWriter, *http.Request) { came <- true; <-gate })
	i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false })}}, nil, ordinary)
	const many = maxIdleUpstream + 50
	var conns []net.Conn
	for range many {
		conn := i.dialPlain(t)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		conns = append(conns, conn)
	}
	for range many {
		<-came
	}
	close(gate)
	for _, conn := range conns {
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
	}
	idle := func() (n int) {
		for _, w := range i.loops(t) {
			w.in(func() {
				for _, some := range w.idle {
					n += len(some)
				}
			})
		}
		return n
	}
	if n := idle(); n != maxIdleUpstream {
		t.Errorf("%d are kept", n)
	}
	i.closeIdle()
	if n, counted := idle(), i.table().transports()[0].idle.Load(); n != 0 || counted != 0 {
		t.Errorf("%d are left, %d counted", n, counted)
	}
}

// TestAFreshConnectionIsQuiet: one that came too late for who asked serves the next, at once.
func TestAFreshConnectionIsQuiet(t *testing.T) {
	t.Parallel()
	address, conns := held(t)
	i := serveOn(t, EngineLoop, Config{Sites: []Site{testSite(address, names("a.test"))}}, nil, ordinary)
	w, to := i.loops(t)[0], i.table().transports()[0]
	taken := make(chan bool)
	w.loop.Post(func() {
		w.dial(to, func(b *backend, err error) {
			if err != nil {
				t.Error(err)
			}
			w.keep(b)
			taken <- w.take(to, false) == b
		})
	})
	if !<-taken {
		t.Error("it is not taken")
	}
	<-conns
}

// TestAnUploadThatIsNotTaken ends, on each engine, also for a site whose upstream may be silent for ever; who takes it slowly,
// or has taken it, may be.
func TestAnUploadThatIsNotTaken(t *testing.T) {
	t.Parallel()
	l := ordinary
	l.taking = time.Second
	address, conns := held(t)
	i := serveWithin(t, Config{Sites: []Site{testSite(address, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = 0; s.Redirect.Enabled = false })}}, nil, l)
	for _, c := range []struct {
		size, takes, status int
	}{{32 << 20, 0, http.StatusGatewayTimeout}, {1000, 1000, http.StatusOK}, {8 << 20, 8 << 20, http.StatusOK}} {
		client := i.dialPlain(t)
		_ = client.SetDeadline(time.Now().Add(patience))
		go func() {
			_, _ = fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n", c.size)
			_, _ = client.Write(make([]byte, c.size))
		}()
		conn := <-conns
		if c.takes > 0 {
			in := bufio.NewReader(slowly{conn})
			takeRequest(t, in)
			time.Sleep(2 * l.taking)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine")
		}
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != c.status {
			t.Errorf("%d bytes, %d taken: %v, %v", c.size, c.takes, response, err)
		}
		client.Close()
	}
}

// slowly takes a megabyte in 300 milliseconds.
type slowly struct{ net.Conn }

func (s slowly) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	time.Sleep(time.Duration(n) * 300 * time.Millisecond >> 20)
	return n, err
}

// TestWhatIsHandedOnIsSentFirst: a client that is slow to take an answer has as long for that as on a loop, when its next
// request is for net/http.
func TestWhatIsHandedOnIsSentFirst(t *testing.T) {
	t.Parallel()
	const size = 60 << 10
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) })
	l := ordinary
	l.take = 4 * time.Second
	i := serveWithin(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false; s.Proxy.Timeout = l.take })}}, nil, l)
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 16384) })
	}}
	conn, err := dialer.Dial("tcp", i.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\nPOST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")
	slow := &crawling{Conn: conn}
	in := bufio.NewReader(slow)
	for range 2 {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); err != nil || len(body) != size {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		slow.walks = true
	}
}

// crawling takes a kilobyte in a twelfth of a second, until it walks.
type crawling struct {
	net.Conn
	walks bool
}

func (c *crawling) Read(p []byte) (int, error) {
	if !c.walks {
		time.Sleep(time.Second / 12)
	}
	return c.Conn.Read(p[:min(len(p), 1<<10)])
}
