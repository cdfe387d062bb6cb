package probe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// fakeApp is a WebSocket server with faults to choose.
type fakeApp struct {
	refuse    string                             // answers this instead of 101
	proto     string                             // of the status line; HTTP/1.1 when empty
	header    func(key string) map[string]string // instead of the right headers
	deaf      bool                               // never answers a ping
	frame     []byte                             // sent at once after the handshake
	lives     time.Duration                      // closes after this time, whatever comes; 0: never
	goodbye   bool                               // with a close frame
	changes   bool                               // echoes something else
	noClose   bool                               // hangs up instead of answering a close
	greetings bool                               // sends messages and pings that nobody asked for
}

func rightHeaders(key string) map[string]string {
	return map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept(key)}
}

func but(name, value string) func(string) map[string]string {
	return func(key string) map[string]string {
		h := rightHeaders(key)
		if h[name] = value; value == "" {
			delete(h, name)
		}
		return h
	}
}

// serve answers one connection.
func (f fakeApp) serve(c net.Conn) {
	in := bufio.NewReader(c)
	if _, err := in.ReadString('\n'); err != nil {
		return
	}
	head, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return
	}
	if head.Get("Upgrade") == "" { // the plain page
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	if f.refuse != "" {
		_, _ = io.WriteString(c, f.refuse)
		return
	}
	if f.header == nil {
		f.header = rightHeaders
	}
	var reply strings.Builder
	fmt.Fprintf(&reply, "%s 101 Switching Protocols\r\n", orElse(f.proto, "HTTP/1.1"))
	for name, value := range f.header(head.Get("Sec-Websocket-Key")) {
		fmt.Fprintf(&reply, "%s: %s\r\n", name, value)
	}
	_, _ = io.WriteString(c, reply.String()+"\r\n"+string(f.frame))
	if f.greetings {
		_, _ = c.Write([]byte{0x81, 2, 'h', 'i', 0x89, 1, 'p'})
	}
	if f.lives > 0 {
		_ = c.SetReadDeadline(time.Now().Add(f.lives))
	}
	f.talk(c, in)
}

func (f fakeApp) talk(c net.Conn, in *bufio.Reader) {
	for {
		first, payload, err := clientFrame(in)
		switch opcode := first & 0x0f; {
		case err != nil:
			if f.goodbye {
				_, _ = c.Write([]byte{0x88, 2, 3, 0xe9}) // 1001
			}
			return
		case opcode == opPing && !f.deaf:
			_, _ = c.Write(serverFrame(0x80|opPong, payload))
		case opcode == opClose && f.noClose:
			return
		case opcode == opClose:
			_, _ = c.Write(serverFrame(0x80|opClose, payload))
			return
		case opcode < opClose && f.changes:
			_, _ = c.Write(serverFrame(first, append(payload, '!')))
		case opcode < opClose:
			_, _ = c.Write(serverFrame(first, payload))
		}
	}
}

// clientFrame reads a masked frame; first is its first byte.
func clientFrame(in *bufio.Reader) (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	size, err := (&socket{in: in}).readSize(head[1])
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, 4+size)
	if _, err := io.ReadFull(in, body); err != nil {
		return 0, nil, err
	}
	for i := range body[4:] {
		body[4+i] ^= body[i%4]
	}
	return head[0], body[4:], nil
}

func serverFrame(first byte, payload []byte) []byte {
	out := []byte{first}
	switch n := len(payload); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(n))
	}
	return append(out, payload...)
}

// only is a target whose site is this application; nothing is known of an upstream.
func only(f fakeApp, change ...func(*Target)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		target := at(rawTLS(t, f.serve))
		target.WSPath = "/ws"
		for _, c := range change {
			c(&target)
		}
		return target
	}
}

// both is a target whose site does one thing and whose application another.
func both(site, app fakeApp, change ...func(*Target)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		target := only(site, change...)(t)
		target.Upstream = upstreamOf(rawServer(t, func(c *net.TCPConn) { app.serve(c) }))
		return target
	}
}

func refusing(statusLine string) fakeApp {
	return fakeApp{refuse: "HTTP/1.1 " + statusLine + "\r\nContent-Length: 0\r\n\r\n"}
}

func code(n int) string { return fmt.Sprintf("Unexpected response code: %d", n) }

func noPath(target *Target) {
	target.WSPath, target.Expect = "", expected(steps.Intermediate)
}

func TestBrokenUpgrades(t *testing.T) {
	t.Parallel()
	fine := fakeApp{}
	const name = "ws.handshake"
	const ws = steps.IDWebSockets
	runBroken(t, []broken{
		{"200, by whom cannot be told", only(refusing("200 OK")), name, ws, steps.Fail, "W03", code(200), ""},
		{"200 by the application", both(refusing("200 OK"), refusing("200 OK")), name, ws, steps.Fail, "W03", code(200), blameApp},
		{"400 by the application", both(refusing("400 Bad Request"), refusing("400 Bad Request")), name, ws, steps.Fail, "W03", code(400), blameApp},
		{"400 by the proxy", both(refusing("400 Bad Request"), fine), name, ws, steps.Fail, "W04", code(400), blameProxy},
		{"502 by the proxy", both(refusing("502 Bad Gateway"), fine), name, ws, steps.Fail, "W01", code(502), blameProxy},
		{"403 by the application", both(refusing("403 Forbidden"), refusing("403 Forbidden")), name, ws, steps.Fail, "W07", code(403), blameApp},
		{"403, seen from outside", only(refusing("403 Forbidden")), name, ws, steps.Fail, "W07", code(403), blameApp},
		{"502, seen from outside", only(refusing("502 Bad Gateway")), name, ws, steps.Fail, "W01", code(502), blameApp},
		{"504, seen from outside", only(refusing("504 Gateway Timeout")), name, ws, steps.Fail, "W02", code(504), blameApp},
		{"421", only(refusing("421 Misdirected Request")), name, ws, steps.Fail, "W10", code(421), blameProxy},
		{"a CDN takes it", only(refusing("400 Bad Request\r\nCF-RAY: 8f")), name, ws, steps.Fail, "W04", code(400), blameNetwork},
		{"nobody said that there is one", only(refusing("404 Not Found"), noPath), name, ws, steps.Skip, "", "", ""},
		{"nobody said, and the application has none", both(refusing("404 Not Found"), refusing("404 Not Found"), noPath), name, ws, steps.Warn, "W03", "", blameApp},
		{"nobody said, but the proxy breaks it", both(refusing("404 Not Found"), fine, noPath), name, ws, steps.Fail, "W04", code(404), blameProxy},
		{"not asked for", only(fine, noPath, func(t *Target) { t.Expect.WebSockets.Enabled = false }), name, ws, steps.Skip, "", "", ""},
		{"application down", func(t *testing.T) Target {
			target := both(refusing("502 Bad Gateway"), fine)(t)
			target.Upstream = upstreamOf(closedPort(t))
			return target
		}, name, ws, steps.Fail, "W01", "", blameApp},
		{"the application speaks TLS", func(t *testing.T) Target {
			target := toTLSApp(t)
			target.WSPath = "/ws"
			return target
		}, name, ws, steps.Fail, "W11", "", blameApp},
		{"hangs up", only(fakeApp{refuse: "\r"}), name, ws, steps.Fail, "U07", "ERR_EMPTY_RESPONSE", blameProxy},
		{"hangs up, and the application does not", both(fakeApp{refuse: "\r"}, fine), name, ws, steps.Fail, "U07", "ERR_EMPTY_RESPONSE", blameProxy},
		{"no HTTP", only(fakeApp{refuse: "SMTP\r\n\r\n"}), name, ws, steps.Fail, "U01", "ERR_INVALID_HTTP_RESPONSE", blameProxy},
		{"headers without end", only(fakeApp{refuse: "HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 100<<10)}),
			name, ws, steps.Fail, "U02", "ERR_RESPONSE_HEADERS_TOO_BIG", blameApp},
		{"a line without end", only(fakeApp{refuse: strings.Repeat("x", 100<<10)}), name, ws, steps.Fail, "U02", "ERR_RESPONSE_HEADERS_TOO_BIG", blameApp},
	})
}

// TestWebSocketOfTheEchoApplication wants the plain page and the WebSocket of one real application judged side by side.
func TestWebSocketOfTheEchoApplication(t *testing.T) {
	t.Parallel()
	target := between(echo.Handler(), nil)(t)
	target.WSPath, target.Echo = "/socket?room=1", true
	report := run(t, target)
	for _, name := range []string{"ws.handshake", "ws.accept", "ws.ping", "ws.echo", "ws.close", "ws.version"} {
		if c := find(t, report, name); c.Verdict != steps.OK {
			t.Errorf("%s is %s: %s", name, c.Verdict, c.Detail)
		}
	}
}

func TestAnUpgradeIsAskedAsBrowsersDo(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	addr := serve(t, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r; w.WriteHeader(404) }))
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p := &prober{target: Target{Name: siteName, WSPath: "/ws?a=b", Subprotocols: []string{"a", "b"}}.withDefaults()}
	if _, r, err := upgrade(conn, p.request()); err != nil || r.status != 404 || r.line != "HTTP/1.1 404 Not Found" {
		t.Fatalf("the reply is %+v (%v)", r, err)
	}
	got := <-asked
	for name, want := range map[string]string{
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Version": "13",
		"Sec-Websocket-Protocol": "a, b", "Origin": "https://shop.test",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, not %q", name, got.Header.Get(name), want)
		}
	}
	if got.Host != siteName || got.RequestURI != "/ws?a=b" || len(got.Header.Get("Sec-Websocket-Key")) != 24 {
		t.Errorf("asked for %s of %s with key %q", got.RequestURI, got.Host, got.Header.Get("Sec-Websocket-Key"))
	}
}

// TestAcceptOfTheRFC is the example of RFC 6455 section 1.3.
func TestAcceptOfTheRFC(t *testing.T) {
	t.Parallel()
	if got := accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("the accept key is %s", got)
	}
}

func FuzzServerFrames(f *testing.F) {
	f.Add([]byte{0x81, 2, 'h', 'i', 0x88, 2, 3, 0xe8})
	f.Add([]byte{0x82, 126, 0, 3, 1, 2, 3})
	f.Add([]byte{0x8a, 0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := &socket{in: bufio.NewReader(bytes.NewReader(raw))}
		for {
			if fr, err := s.readFrame(); err != nil {
				return
			} else if len(fr.payload) > len(raw) {
				t.Fatalf("a frame of %d bytes out of %d", len(fr.payload), len(raw))
			}
		}
	})
}
