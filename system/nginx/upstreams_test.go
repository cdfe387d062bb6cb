package nginx

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// at is an upstream at the listener's address.
func at(l net.Listener) steps.Upstream {
	a := netip.MustParseAddrPort(l.Addr().String())
	return steps.Upstream{Scheme: "http", Host: a.Addr().String(), Port: int(a.Port())}
}

// rude takes requests and ends the connection without an answer; it counts them.
func rude(t *testing.T) (steps.Upstream, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var asked atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				asked.Add(1)
			}
			_ = c.Close()
		}
	}()
	return at(l), &asked
}

// several has nginx serve the shop with these upstreams.
func several(t *testing.T, all ...steps.Upstream) live {
	t.Helper()
	site := with(func(s *steps.Site) { s.Proxy.Upstream, s.Proxy.More = all[0], all[1:] })
	return serve(t, all[0], func(g *target) { g.upstreams = func(s steps.Site) []steps.Upstream { return s.Proxy.Upstreams() } }, site)
}

// closedPort is an upstream where nobody listens, for the address is of this test alone.
func closedPort(t *testing.T) steps.Upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.77.77.77:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return at(l)
}

// TestWhoIsDownIsPassedOver: of three upstreams two do not run. No request fails, whatever its method.
func TestWhoIsDownIsPassedOver(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := several(t, closedPort(t), app, closedPort(t))
	for n := range 20 {
		body := strings.Repeat("x", 5000*n)
		r, err := l.try("POST", "https://shop.example.com/", "", nil, []byte(body))
		if err != nil || r.StatusCode != 200 || answer(t, r).Body.Bytes != int64(len(body)) {
			t.Fatalf("%d bytes: %v %s", len(body), err, r.body)
		}
		if r := l.ask("GET", "https://shop.example.com/", nil); r.StatusCode != 200 {
			t.Fatalf("%d: %s", r.StatusCode, r.body)
		}
	}
	if status, _, _ := l.handshake("/ws", "websocket"); status != 101 {
		t.Errorf("a socket gives %d", status)
	}
}

// TestUpstreamsShareTheLoad: with open sockets at one of them, the other one gets the next.
func TestUpstreamsShareTheLoad(t *testing.T) {
	t.Parallel()
	one, ofOne := echoApp(t)
	two, ofTwo := echoApp(t)
	l := several(t, one, two)
	for range 6 {
		if status, _, _ := l.handshake("/ws", "websocket"); status != 101 {
			t.Fatalf("a socket gives %d", status)
		}
	}
	if ofOne.Load() != 3 || ofTwo.Load() != 3 {
		t.Errorf("%d and %d sockets", ofOne.Load(), ofTwo.Load())
	}
}

// TestOnlyWhatIsSafeIsSentTwice: what one upstream took without an answer goes to another only where that changes nothing.
func TestOnlyWhatIsSafeIsSentTwice(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int{"GET": 200, "DELETE": 200, "POST": 502, "PATCH": 502} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			first, asked := rude(t)
			app, _ := echoApp(t)
			l := several(t, first, app)
			if r := l.ask(method, "https://shop.example.com/", nil); r.StatusCode != want || asked.Load() != 1 {
				t.Errorf("%s, want %d; the first upstream was asked %d times", r.Status, want, asked.Load())
			}
		})
	}
}

// TestAllDown: the page comes at once, and the site as soon as one upstream is back and was left alone for its second.
func TestAllDown(t *testing.T) {
	t.Parallel()
	back := closedPort(t)
	l := several(t, closedPort(t), back)
	for range 5 {
		if r := l.ask("GET", "https://shop.example.com/", nil); r.StatusCode != 502 || r.Header.Get("Retry-After") == "" {
			t.Fatalf("%s %v", r.Status, r.Header)
		}
	}
	listener, err := net.Listen("tcp", back.Address())
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "back") })}
	go func() { _ = app.Serve(listener) }()
	t.Cleanup(func() { _ = app.Close() })
	began := time.Now()
	for l.ask("GET", "https://shop.example.com/", nil).body != "back" {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it does not come back")
		}
	}
	t.Logf("it was back after %s", time.Since(began))
}
