package proxy

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// node is one of the upstreams of a test. It listens at a path, where nobody else is when it has ended.
type node struct {
	steps.Upstream
	server *http.Server
}

// nodes are so many upstreams that do not run yet.
func nodes(t *testing.T, n int) []*node {
	t.Helper()
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var all []*node
	for i := range n {
		all = append(all, &node{Upstream: steps.Upstream{Scheme: "unix", Path: filepath.Join(dir, fmt.Sprint(i))}})
	}
	return all
}

func (n *node) listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", n.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// start runs the application.
func (n *node) start(t *testing.T, h http.Handler) {
	t.Helper()
	l := n.listen(t)
	n.server = &http.Server{Handler: h, ReadHeaderTimeout: patience}
	go func() { _ = n.server.Serve(l) }()
	t.Cleanup(n.stop)
}

func (n *node) stop() { _ = n.server.Close() }

// says is an application that says its name.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", name, body)
	})
}

// among has a site with these upstreams.
func among(all []*node, edit ...func(*steps.Site)) Site {
	return testSite("http://x", names("a.test"), append([]func(*steps.Site){func(s *steps.Site) {
		s.Proxy.Upstream = all[0].Upstream
		for _, n := range all[1:] {
			s.Proxy.More = append(s.Proxy.More, n.Upstream)
		}
	}}, edit...)...)
}

func (i *instance) busy() []int {
	var all []int
	for _, u := range i.Status().Upstreams {
		all = append(all, u.Busy)
	}
	return all
}

// rest waits until nothing is in progress: a client has its answer before that.
func (i *instance) rest(t *testing.T) {
	t.Helper()
	waitFor(t, func() bool { return !slices.ContainsFunc(i.busy(), func(n int) bool { return n > 0 }) })
}

func (i *instance) down() []bool {
	var all []bool
	for _, u := range i.Status().Upstreams {
		all = append(all, u.Down)
	}
	return all
}

func TestEqualUpstreamsTakeTurns(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	for n, name := range []string{"a", "b", "c"} {
		all[n].start(t, says(name))
	}
	i := serve(t, Config{Sites: []Site{among(all)}})
	client, got := i.client(t, true), ""
	for range 9 {
		_, body := get(t, client, "https://a.test/")
		got += strings.TrimSpace(string(body))
		i.rest(t)
	}
	if got != "abcabcabc" {
		t.Errorf("the requests went to %s", got)
	}
}

// TestTheLeastBusyUpstreamIsChosen: what an upstream has in progress counts, sockets too.
func TestTheLeastBusyUpstreamIsChosen(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	for _, n := range all {
		n.start(t, echo.Handler())
	}
	i := serve(t, Config{Sites: []Site{among(all)}})
	var sockets []ws
	for n := 1; n <= 6; n++ {
		sockets = append(sockets, socket(t, i.dialTLS(t, "a.test"), "a.test", "/"))
	}
	if b := i.busy(); !slices.Equal(b, []int{2, 2, 2}) {
		t.Fatalf("sockets: %v", b)
	}
	for _, n := range []int{1, 4} { // both of the second
		_ = sockets[n].Close()
	}
	waitFor(t, func() bool { return slices.Equal(i.busy(), []int{2, 0, 2}) })
	for n := range 2 {
		slow := i.dialTLS(t, "a.test")
		if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return slices.Equal(i.busy(), []int{2, n + 1, 2}) })
	}
}

// TestWhoIsDownIsPassedOver: of two upstreams one does not run. No request fails, whatever its method, and the one that
// comes back gets its share.
func TestWhoIsDownIsPassedOver(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	all[1].start(t, says("up"))
	i := serve(t, Config{Sites: []Site{among(all)}})
	for _, http2 := range []bool{true, false} {
		client := i.client(t, http2)
		for n := range 20 {
			text := strings.Repeat("x", n*5000)
			response, err := client.Post("https://a.test/", "text/plain", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != 200 || string(body) != "up "+text {
				t.Fatalf("%d: %d bytes came back, sent %d", response.StatusCode, len(body), len(text))
			}
		}
	}
	if s := i.Status().Upstreams; !s[0].Down || s[1].Down || s[0].Failures == 0 || s[1].Failures > 0 {
		t.Errorf("the upstreams are %+v", s)
	}
	if log := i.log.String(); strings.Count(log, "an upstream is down") != 1 || !strings.Contains(log, all[0].Path) {
		t.Errorf("the log says %s", log)
	}
	all[0].start(t, says("back"))
	client := i.client(t, true)
	waitUpTo(t, mostPause+patience, func() bool {
		_, body := get(t, client, "https://a.test/")
		return strings.HasPrefix(string(body), "back")
	})
	if d := i.down(); d[0] || d[1] {
		t.Errorf("down: %v", d)
	}
	if log := i.log.String(); strings.Count(log, "an upstream answers again") != 1 {
		t.Errorf("the log says %s", log)
	}
}

// TestNobodyWaitsForAMark: when all upstreams are down, every request tries, and the first one after one has come back
// is answered.
func TestNobodyWaitsForAMark(t *testing.T) {
	t.Parallel()
	for _, several := range []int{1, 2, 3} {
		all := nodes(t, several)
		i := serve(t, Config{Sites: []Site{among(all)}})
		client := i.client(t, true)
		for range 5 {
			response, _ := get(t, client, "https://a.test/")
			if response.StatusCode != http.StatusBadGateway || response.Header.Get("Retry-After") == "" {
				t.Fatalf("%d upstreams are down: %d %v", several, response.StatusCode, response.Header)
			}
		}
		if slices.Contains(i.down(), false) {
			t.Errorf("down: %v", i.down())
		}
		all[several-1].start(t, says("back"))
		if response, body := get(t, client, "https://a.test/"); response.StatusCode != 200 {
			t.Errorf("%d upstreams: the first request after one is back: %d %s", several, response.StatusCode, body)
		}
	}
}

// rude takes requests and ends the connection without an answer, or after some of one.
func (n *node) rude(t *testing.T, answer string) (asked *atomic.Int64) {
	t.Helper()
	l := n.listen(t)
	asked = new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					asked.Add(1)
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return asked
}

// TestOnlyWhatIsSafeIsSentTwice: the first upstream takes a request and breaks off. Another one gets it only where that
// changes nothing.
func TestOnlyWhatIsSafeIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer, request string
		want                  int
		down                  bool // is the rude one then
	}{
		{"GET", "", "GET / HTTP/1.1\r\n", 200, true},
		{"HEAD", "", "HEAD / HTTP/1.1\r\n", 200, true},
		{"DELETE", "", "DELETE / HTTP/1.1\r\n", 200, true},
		{"POST", "", "POST / HTTP/1.1\r\nContent-Length: 1\r\n", 502, true},
		{"POST without a body", "", "POST / HTTP/1.1\r\nContent-Length: 0\r\n", 502, true},
		{"PUT with a body", "", "PUT / HTTP/1.1\r\nContent-Length: 1\r\n", 502, true},
		{"GET with a body", "", "GET / HTTP/1.1\r\nContent-Length: 1\r\n", 502, true},
		{"PATCH", "", "PATCH / HTTP/1.1\r\n", 502, true},
		{"a socket", "", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\n", 200, true},
		{"after a byte of the answer", "H", "GET / HTTP/1.1\r\n", 502, false},
		{"after a head that is none", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\n", 502, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := nodes(t, 2)
			asked := all[0].rude(t, c.answer)
			all[1].start(t, says("second"))
			i := serve(t, Config{Sites: []Site{among(all)}})
			conn := i.dialTLS(t, "a.test")
			_ = conn.SetDeadline(time.Now().Add(patience))
			text := c.request + "Host: a.test\r\nConnection: close\r\n\r\n"
			if strings.Contains(c.request, "Upgrade") {
				text = c.request + "Host: a.test\r\n\r\n"
			}
			if strings.Contains(c.request, "Content-Length: 1") {
				text += "x"
			}
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.Fields(c.request)[0]})
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != c.want || asked.Load() != 1 {
				t.Errorf("status %d, want %d; the first upstream was asked %d times", response.StatusCode, c.want, asked.Load())
			}
			if s := i.Status().Upstreams[0]; s.Down != c.down || s.Failures != 1 {
				t.Errorf("the first upstream is %+v", s)
			}
		})
	}
}

// TestABodyGoesToTheSecondUpstreamWhole: with nobody at the first, nothing of it was lost there.
func TestABodyGoesToTheSecondUpstreamWhole(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	all[2].start(t, echo.Handler())
	i := serve(t, Config{Sites: []Site{among(all, func(s *steps.Site) { s.Proxy.MaxBody = 8 << 20 })}})
	text := strings.Repeat("body", 1<<20)
	sum := sha256.Sum256([]byte(text))
	for _, http2 := range []bool{true, false} {
		i.table().transports()[0].health.succeed() // so that every request tries them first
		i.table().transports()[1].health.succeed()
		response, err := i.client(t, http2).Post("https://a.test/", "text/plain", io.MultiReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if a := echoed(t, body); a.Body.Bytes != int64(len(text)) || a.Body.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%d bytes arrived", a.Body.Bytes)
		}
	}
	if s := i.Status().Upstreams; s[0].Failures == 0 && s[1].Failures == 0 {
		t.Errorf("nobody was asked in vain: %+v", s)
	}
}

// TestSwapsKeepWhatIsKnownOfUpstreams: a swap that adds one and takes another away forgets nothing of the third.
func TestSwapsKeepWhatIsKnownOfUpstreams(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	all[1].start(t, echo.Handler())
	i := serve(t, Config{Sites: []Site{among(all[:2])}})
	client := i.client(t, true)
	get(t, client, "https://a.test/")
	get(t, client, "https://a.test/")
	i.rest(t)
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")
	before := i.Status().Upstreams
	if !before[0].Down || before[1].Busy != 1 {
		t.Fatalf("the upstreams are %+v", before)
	}
	if err := i.Swap(Config{Sites: []Site{among([]*node{all[2], all[1], all[0]})}}); err != nil {
		t.Fatal(err)
	}
	after := i.Status().Upstreams
	if after[2] != before[0] || after[1] != before[1] || after[0].Failures > 0 {
		t.Errorf("the upstreams were %+v and are %+v", before, after)
	}
	s.exchange(t, "through the swap")
	if err := i.Swap(Config{Sites: []Site{among(all[:1])}}); err != nil {
		t.Fatal(err)
	}
	s.exchange(t, "to one that is none any more")
}

// TestWhoLeavesBlamesNobody: a client that leaves says nothing of the upstream.
func TestWhoLeavesBlamesNobody(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	for _, n := range all {
		n.start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	}
	i := serve(t, Config{Sites: []Site{among(all)}})
	conn := i.dialTLS(t, "a.test")
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return slices.Equal(i.busy(), []int{1, 0}) })
	_ = conn.Close()
	waitFor(t, func() bool { return slices.Equal(i.busy(), []int{0, 0}) })
	if s := i.Status().Upstreams; s[0].Failures > 0 || s[1].Failures > 0 {
		t.Errorf("the upstreams are %+v", s)
	}
}

// TestUpstreamsComeAndGo: one upstream after the other is killed and comes back, under load. Who asks notices nothing.
func TestUpstreamsComeAndGo(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	for _, n := range all {
		n.start(t, says("up"))
	}
	i := serve(t, Config{Sites: []Site{among(all)}})
	var load sync.WaitGroup
	var served atomic.Int64
	stop := make(chan struct{})
	for n := range 4 {
		client := i.client(t, n%2 == 0)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-i.accesses: // else it fills up
				default:
				}
				response, err := client.Get("https://a.test/")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || response.StatusCode != 200 || string(body) != "up " {
					t.Errorf("%d %q %v", response.StatusCode, body, err)
				}
				served.Add(1)
			}
		})
	}
	for n := range 9 {
		before := served.Load()
		all[n%3].stop()
		waitFor(t, func() bool { return served.Load() > before+50 })
		all[n%3].start(t, says("up"))
	}
	close(stop)
	load.Wait()
	t.Logf("%d requests, %+v", served.Load(), i.Status().Upstreams)
}

// TestUpstreamsOfHTTP2: all requests to one share a connection; one that is reset there says nothing of the others.
func TestUpstreamsOfHTTP2(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	for _, n := range all {
		n.Scheme = "h2c"
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	l := all[1].listen(t)
	app := &http.Server{Protocols: protocols, ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/reset" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.Copy(w, r.Body)
	})}
	go func() { _ = app.Serve(l) }()
	t.Cleanup(func() { _ = app.Close() })
	i := serve(t, Config{Sites: []Site{among(all)}})
	client := i.client(t, true)
	for range 3 {
		response, err := client.Post("https://a.test/", "text/plain", strings.NewReader("whole"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != 200 || string(body) != "whole" {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
	}
	if response, _ := get(t, client, "https://a.test/reset"); response.StatusCode != 502 {
		t.Errorf("what is reset gives %d", response.StatusCode)
	}
	if d := i.down(); !d[0] || d[1] {
		t.Errorf("down: %v", d)
	}
}
