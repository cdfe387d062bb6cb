package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

const wsKey = "dGhlIHNhbXBsZSBub25jZQ=="

func handshake(host, path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n" +
		"Sec-WebSocket-Key: " + wsKey + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n" +
		"Origin: https://" + host + "\r\n\r\n"
}

// ws is an open WebSocket of a test.
type ws struct {
	net.Conn
	in *bufio.Reader
}

// socket opens a WebSocket.
func socket(t *testing.T, conn net.Conn, host, path string) ws {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, handshake(host, path)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != echo.Accept(wsKey) ||
		response.Header.Get("Sec-WebSocket-Protocol") != "chat" {
		t.Fatalf("handshake on %s: %d %v", path, response.StatusCode, response.Header)
	}
	return ws{conn, in}
}

// exchange sends a masked text and wants it back.
func (s ws) exchange(t *testing.T, text string) {
	t.Helper()
	if err := s.echo(text); err != nil {
		t.Fatalf("the socket does not echo: %v", err)
	}
}

func (s ws) echo(text string) error {
	frame := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	frame = append(append(frame, 0, 0, 0, 0), text...) // a mask of zeros
	if _, err := s.Write(frame); err != nil {
		return err
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(s.in, head); err != nil {
		return err
	}
	if head[1] == 126 {
		if _, err := io.ReadFull(s.in, make([]byte, 2)); err != nil {
			return err
		}
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(s.in, got); err != nil {
		return err
	}
	if head[0] != 0x81 || string(got) != text {
		return errors.New("something else came back")
	}
	return nil
}

func TestWebSocketPassesOnItsPathsOnly(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("a.test"), func(s *steps.Site) { s.WebSockets.Paths = []string{"/ws", "/chat/"} }),
		testSite(app.URL, names("off.test"), func(s *steps.Site) { s.WebSockets.Enabled = false }),
	}})
	for _, path := range []string{"/ws", "/ws/room?x=1", "/wsx", "/chat/", "/chat/a"} {
		s := socket(t, i.dialTLS(t, "a.test"), "a.test", path)
		s.exchange(t, "hello "+path)
	}
	for host, paths := range map[string][]string{
		"a.test": {"/", "/chat", "/w", "/other", "/ws/../other", "/ws/%2e%2e/other"}, "off.test": {"/", "/ws"},
	} {
		for _, path := range paths {
			response, body := raw(t, i.dialTLS(t, host), handshake(host, path))
			if response.StatusCode != 200 || echoed(t, body).Headers.Get("Upgrade") != "" {
				t.Errorf("%s%s: %d, the upgrade reached the application", host, path, response.StatusCode)
			}
		}
	}
}

func TestUpgradesToAnythingElseAreStripped(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	const key = "Sec-WebSocket-Key: " + wsKey + "\r\nSec-WebSocket-Version: 13\r\n"
	for _, lines := range []string{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + key,
		"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n" + key,
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n",
		"Connection: close\r\nUpgrade: websocket\r\n" + key,
		"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n" + key + "\r\nx",
	} {
		response, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\n"+lines+"\r\n")
		a := echoed(t, body)
		if response.StatusCode != 200 || a.Headers.Get("Upgrade") != "" || a.Headers.Get("Http2-Settings") != "" {
			t.Errorf("%q: %d %v", lines, response.StatusCode, a.Headers)
		}
	}
}

func TestSwitchThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"} {
		app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, answer+"HTTP/1.1 200 OK\r\n\r\nsmuggled")
		})
		i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
		response, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if response.StatusCode != 502 || bytes.Contains(body, []byte("smuggled")) {
			t.Errorf("%q: %d", answer, response.StatusCode)
		}
	}
}

func TestWebSocketIdleTime(t *testing.T) {
	t.Parallel()
	const idle = 3 * time.Second // a busy machine may hold a message up for most of it
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) {
		s.WebSockets.Idle = idle
		s.Proxy.Timeout = 2 * time.Second // is for plain requests only; a busy machine may need most of it for the handshake
	})}})
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")
	for began := time.Now(); time.Since(began) < idle*5/4; {
		time.Sleep(idle / 10) // the silence is what is tested
		s.exchange(t, "still here")
	}
	quiet := time.Now()
	first, err := s.in.ReadByte()
	if took := time.Since(quiet); err != nil || first != 0x88 || took < idle*3/4 || took > 10*idle {
		t.Errorf("after %v of silence: %x, %v", took, first, err)
	}
	rest, _ := io.ReadAll(s.in)
	if !bytes.Equal(rest, []byte{2, 0x03, 0xe9}) {
		t.Errorf("not a close frame 1001: % x", rest)
	}
}

// TestServerSideTrafficKeepsASocketOpen: an application that only sends is not idle.
func TestServerSideTrafficKeepsASocketOpen(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			echo.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
		for range 10 {
			time.Sleep(400 * time.Millisecond)
			_, _ = conn.Write([]byte{0x81, 1, 'x'})
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.WebSockets.Idle = 3 * time.Second })}})
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")
	got, _ := io.ReadAll(s.in)
	if !bytes.Equal(got, bytes.Repeat([]byte{0x81, 1, 'x'}, 10)) {
		t.Errorf("got % x", got)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")
	s.exchange(t, "open")
	slow := make(chan int, 1)
	client := i.client(t, true)
	go func() {
		response, err := client.Get("https://a.test/.echo/wait/300ms")
		if err != nil {
			slow <- 0
			return
		}
		defer response.Body.Close()
		slow <- response.StatusCode
	}()
	waitFor(t, func() bool { return i.Status().Connections == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- i.Shutdown(ctx) }()
	if err := <-i.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", i.secure); err == nil {
		t.Error("a connection was taken while draining")
	}
	s.exchange(t, "sockets live on while the server drains")
	if status := <-slow; status != 200 {
		t.Errorf("the request in flight got %d", status)
	}
	rest, _ := io.ReadAll(s.in)
	if !bytes.Equal(rest, []byte{0x88, 2, 0x03, 0xe9}) {
		t.Errorf("the socket ended with % x, want a close frame 1001", rest)
	}
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if status := i.Status(); status.WebSockets != 0 || status.Connections != 0 {
		t.Errorf("left open: %+v", status)
	}
}

func TestDrainEndsWhenNothingIsOpen(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	get(t, i.client(t, true), "https://a.test/")
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")
	go func() {
		waitFor(t, func() bool { return i.Status().WebSockets == 1 })
		_, _ = s.Write([]byte{0x88, 0x80, 0, 0, 0, 0})
		_, _ = io.ReadAll(s.in)
		s.Close()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := i.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	waitUpTo(t, patience, so)
}

func waitUpTo(t *testing.T, limit time.Duration, so func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("this never came to be")
			return
		}
	}
}

func TestFramesEndWhereTheyEnd(t *testing.T) {
	t.Parallel()
	stream := []byte{0x81, 0, 0x82, 0x83, 1, 2, 3, 4, 'a', 'b', 'c', 0x88, 2, 3, 0xe8}
	long := binary.BigEndian.AppendUint16([]byte{0x82, 126}, 300)
	long = append(long, make([]byte, 300)...)
	huge := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 70_000)
	huge = append(huge, make([]byte, 4+70_000)...)
	stream = append(append(stream, long...), huge...)
	want := []int{2, 11, 15, 319, 319 + 14 + 70_000}
	for _, step := range []int{1, 2, 3, 7, 1000, len(stream)} {
		var f frames
		var ends []int
		for at := 0; at < len(stream); {
			n := f.follow(stream[at:min(at+step, len(stream))])
			at += n
			if f.between() {
				ends = append(ends, at)
			}
		}
		if len(ends) != len(want) {
			t.Fatalf("steps of %d: ends at %v, want %v", step, ends, want)
		}
		for k := range want {
			if ends[k] != want[k] {
				t.Errorf("steps of %d: ends at %v, want %v", step, ends, want)
			}
		}
	}
}

// TestLaneClosesBetweenFrames: the close frame never lands inside a frame that is under way.
func TestLaneClosesBetweenFrames(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := lane{out: &out}
	for _, part := range []string{"\x81\x03a", "CLOSE", "b", "c\x81\x01z", "later"} {
		if part == "CLOSE" {
			l.close()
			continue
		}
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "\x81\x03abc\x88\x02\x03\xe9"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
