package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// attacker is a connection of HTTP/2 on which frames are written by hand.
type attacker struct {
	*http2.Framer
	t    *testing.T
	conn *tls.Conn
	in   *http2.Framer
}

func attack(t *testing.T, i *instance) *attacker {
	t.Helper()
	return attackBy(t, i, &net.Dialer{})
}

func attackBy(t *testing.T, i *instance, dialer *net.Dialer) *attacker {
	t.Helper()
	conn, err := tls.DialWithDialer(dialer, "tcp", i.secure, &tls.Config{RootCAs: i.roots, ServerName: "a.test", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(4 * patience))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	a := &attacker{Framer: http2.NewFramer(conn, nil), t: t, conn: conn, in: http2.NewFramer(nil, conn)}
	a.AllowIllegalWrites = true
	if err := a.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return a
}

// open begins a stream with a request.
func (a *attacker) open(stream uint32, end bool, fields ...string) error {
	return a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block(fields...), EndHeaders: true, EndStream: end})
}

// block is a header block: a GET unless other fields are given.
func block(fields ...string) []byte {
	if fields == nil {
		fields = []string{":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/wait"}
	}
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for n := 0; n < len(fields); n += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[n], Value: fields[n+1]})
	}
	return b.Bytes()
}

// flood is frames that one client sends, one piece after the other.
type flood struct {
	name   string
	reason string // that we end the connection with; empty when HTTP/2 itself has one
	deaf   bool   // the attacker reads nothing
	one    func(a *attacker, n uint32) error
}

func floods() []flood {
	opened := func(then func(a *attacker, stream uint32) error) func(a *attacker, n uint32) error {
		return func(a *attacker, n uint32) error {
			if err := a.open(2*n+1, true); err != nil {
				return err
			}
			return then(a, 2*n+1)
		}
	}
	continued := func(fragment []byte) func(a *attacker, n uint32) error {
		return func(a *attacker, n uint32) error {
			if n == 0 {
				return a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block()})
			}
			return a.WriteContinuation(1, false, fragment)
		}
	}
	ping := func(a *attacker, _ uint32) error { return a.WritePing(false, [8]byte{}) }
	return []flood{
		{"rapid reset", cutResets, false, opened(func(a *attacker, stream uint32) error { return a.WriteRSTStream(stream, http2.ErrCodeCancel) })},
		{"rapid reset, deaf", cutResets, true, opened(func(a *attacker, stream uint32) error { return a.WriteRSTStream(stream, http2.ErrCodeCancel) })},
		{"streams", cutResets, false, opened(func(*attacker, uint32) error { return nil })},
		{"made you reset: data after the end", cutResets, false, opened(func(a *attacker, stream uint32) error { return a.WriteData(stream, false, []byte("x")) })},
		{"made you reset: a window of nothing", cutResets, false, opened(func(a *attacker, stream uint32) error { return a.WriteWindowUpdate(stream, 0) })},
		{"made you reset: a window too wide", cutResets, false, opened(func(a *attacker, stream uint32) error { return a.WriteWindowUpdate(stream, 1<<31-1) })},
		{"made you reset: behind itself", cutResets, false, opened(func(a *attacker, stream uint32) error {
			return a.WritePriority(stream, http2.PriorityParam{StreamDep: stream})
		})},
		{"continuation", "", false, continued(block("x-field", "value"))},
		{"empty continuation", cutFrames, false, continued(nil)},
		{"ping", cutFrames, false, ping},
		{"ping, deaf", cutFrames, true, ping},
		{"settings", cutFrames, false, func(a *attacker, n uint32) error {
			return a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000 + n%2})
		}},
		{"settings, deaf", cutFrames, true, func(a *attacker, n uint32) error {
			return a.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: n % 5000})
		}},
		{"empty data", cutFrames, false, func(a *attacker, n uint32) error {
			if n == 0 {
				return a.open(1, false, ":method", "POST", ":scheme", "https", ":authority", "a.test", ":path", "/wait")
			}
			return a.WriteData(1, false, nil)
		}},
		{"window update", "", false, func(a *attacker, _ uint32) error { return a.WriteWindowUpdate(0, 1<<31-1) }},
		{"priority", cutFrames, false, func(a *attacker, n uint32) error {
			return a.WritePriority(2*n+1, http2.PriorityParam{StreamDep: 2*n + 3})
		}},
		{"unknown", cutFrames, false, func(a *attacker, n uint32) error { return a.WriteRawFrame(0xbb, 0, n, nil) }},
	}
}

// TestFloods: whatever frames one client sends, its connection is ended, others are served meanwhile, the upstream gets few
// requests, nothing piles up, and nothing is left of it afterwards.
func TestFloods(t *testing.T) { //nolint:paralleltest // it measures the heap and the goroutines
	before := runtime.NumGoroutine()
	for _, f := range floods() {
		t.Run(f.name, func(t *testing.T) { f.hits(t) }) // each has a server and an upstream of its own
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before+10 })
	if n := runtime.NumGoroutine(); n > before+10 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before: %s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

func (f flood) hits(t *testing.T) {
	var reached atomic.Int64
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			reached.Add(1)
			_, _ = io.Copy(io.Discard, r.Body) // only then net/http sees a client leave
			<-r.Context().Done()
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-i.accesses: // else it fills up
			case <-over:
				return
			}
		}
	}()
	others := i.client(t, true)
	get(t, others, "https://a.test/")
	grown := heapWatch(t)
	a := attack(t, i)
	sent := make(chan uint32, 1)
	go func() { sent <- f.flow(a) }()
	asked, worst, wrote := 0, time.Duration(0), uint32(0)
	for flowing := true; flowing || asked < 5; asked++ {
		began := time.Now()
		if response, _ := get(t, others, "https://a.test/"); response.StatusCode != 200 {
			t.Errorf("somebody else gets %d: %s", response.StatusCode, i.log)
		}
		worst = max(worst, time.Since(began))
		select {
		case wrote = <-sent:
			flowing = false
		default:
		}
	}
	held := grown()
	t.Logf("%5d pieces; heap at most %5d KiB more; %3d requests reached the upstream; others: %d requests, the slowest %v",
		wrote, held>>10, reached.Load(), asked, worst.Round(time.Millisecond))
	if held > 64<<20 || reached.Load() > 2*vainRequests {
		t.Errorf("%d MiB, %d requests", held>>20, reached.Load())
	}
	if cut := i.Status().Cut; f.reason != "" && cut[f.reason] != 1 {
		t.Errorf("ended: %v, want %s", cut, f.reason)
	}
}

// flow sends the flood until the connection is ended, and returns how many pieces that took.
func (f flood) flow(a *attacker) (n uint32) {
	const enough = 20 * vainFrames
	defer a.conn.Close()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		if !f.deaf {
			a.listen()
		}
	}()
	for ; n < enough && f.one(a, n) == nil; n++ { //nolint:revive // all is in the condition
	}
	<-heard
	return n
}

// listen reads until the connection is ended, and returns what the server said of the reason.
func (a *attacker) listen() http2.ErrCode {
	said := http2.ErrCodeNo
	for {
		frame, err := a.in.ReadFrame()
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			said = away.ErrCode
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			a.t.Error("the connection goes on")
			return said
		case err != nil && !isStreamError(err):
			return said
		}
	}
}

// TestAFloodIsToldWhy: a client that reads learns that it was too much.
func TestAFloodIsToldWhy(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	a := attack(t, i)
	var frames bytes.Buffer // sent at once: nothing may be under way when the server has had enough
	for w := http2.NewFramer(&frames, nil); frames.Len() < 9*(vainFrames+vainFrames/5); {
		_ = w.WriteRawFrame(0xbb, 0, 0, nil)
	}
	if _, err := a.conn.Write(frames.Bytes()); err != nil {
		t.Fatal(err)
	}
	if said := a.listen(); said != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("it is told %v", said)
	}
	if !strings.Contains(i.log.String(), "reason=frames") {
		t.Error(i.log)
	}
}

func isStreamError(err error) bool { _, ok := err.(http2.StreamError); return ok } //nolint:errorlint // as the Framer returns it

// TestExtendedConnectIsOffered: a client may open its WebSocket over HTTP/2 (RFC 8441 section 3). Should net/http come to do
// this otherwise, this is where it shows.
func TestExtendedConnectIsOffered(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	a := attack(t, i)
	for {
		frame, err := a.in.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := frame.(*http2.SettingsFrame); ok && !f.IsAck() {
			if on, _ := f.Value(http2.SettingEnableConnectProtocol); on != 1 {
				t.Errorf("it is not offered: %v", f)
			}
			return
		}
	}
}

// statusOf is the status in the head of an answer.
func statusOf(t *testing.T, f *http2.HeadersFrame) string {
	t.Helper()
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(f.HeaderBlockFragment())
	if err != nil || fields[0].Name != ":status" {
		t.Fatalf("%v, %v", fields, err)
	}
	return fields[0].Value
}
