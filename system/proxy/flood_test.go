package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// attacker is a connection of HTTP/2 on which frames are written by hand.
type attacker struct {
	*http2.Framer
	conn *tls.Conn
	in   *http2.Framer
}

func attack(t *testing.T, i *instance) *attacker {
	t.Helper()
	conn, err := tls.Dial("tcp", i.secure, &tls.Config{RootCAs: i.roots, ServerName: "a.test", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	a := &attacker{Framer: http2.NewFramer(conn, nil), conn: conn, in: http2.NewFramer(nil, conn)}
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

// TestFloods: whatever frames one client sends, another is served meanwhile, the upstream gets no more at once than the
// streams of a connection, nothing piles up, and nothing is left of it afterwards.
func TestFloods(t *testing.T) { //nolint:paralleltest // it measures the heap and the goroutines
	const frames = 20_000
	floods := []struct {
		name string
		ends bool // the server has to end the connection; net/http does not where frames cost it nothing but their reading
		deaf bool // the attacker reads nothing
		one  func(a *attacker, n uint32) error
	}{
		{"rapid reset", false, false, func(a *attacker, n uint32) error {
			if err := a.open(2*n+1, true); err != nil {
				return err
			}
			return a.WriteRSTStream(2*n+1, http2.ErrCodeCancel)
		}},
		{"streams", false, false, func(a *attacker, n uint32) error { return a.open(2*n+1, true) }},
		{"continuation", true, false, func(a *attacker, n uint32) error {
			if n == 0 {
				return a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block()})
			}
			return a.WriteContinuation(1, false, block("x-field", "value"))
		}},
		{"empty continuation", false, false, func(a *attacker, n uint32) error {
			if n == 0 {
				return a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block()})
			}
			return a.WriteContinuation(1, false, nil)
		}},
		{"ping", false, false, func(a *attacker, _ uint32) error { return a.WritePing(false, [8]byte{}) }},
		{"ping, deaf", false, true, func(a *attacker, _ uint32) error { return a.WritePing(false, [8]byte{}) }},
		{"settings", false, false, func(a *attacker, n uint32) error {
			return a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000 + n%2})
		}},
		{"settings, deaf", false, true, func(a *attacker, n uint32) error {
			return a.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: n % 5000})
		}},
		{"empty data", false, false, func(a *attacker, n uint32) error {
			if n == 0 {
				return a.open(1, false, ":method", "POST", ":scheme", "https", ":authority", "a.test", ":path", "/wait")
			}
			return a.WriteData(1, false, nil)
		}},
		{"window update", true, false, func(a *attacker, _ uint32) error { return a.WriteWindowUpdate(0, 1<<31-1) }},
		{"priority", false, false, func(a *attacker, n uint32) error {
			return a.WritePriority(2*n+1, http2.PriorityParam{StreamDep: 2*n + 3})
		}},
	}
	var at, most atomic.Int64
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/wait" {
			return
		}
		for now := at.Add(1); ; {
			if before := most.Load(); now <= before || most.CompareAndSwap(before, now) {
				break
			}
		}
		defer at.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body) // only then net/http sees a client leave
		<-r.Context().Done()
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	go func() {
		for range i.accesses { // else it fills up; it is never closed
		}
	}()
	healthy := i.client(t, true)
	get(t, healthy, "https://a.test/")
	before := runtime.NumGoroutine()
	for _, flood := range floods {
		grown := heapWatch(t)
		most.Store(0)
		a := attack(t, i)
		wrote, ended := make(chan uint32, 1), make(chan error, 1)
		go func() {
			n := uint32(0)
			for ; n < frames && flood.one(a, n) == nil; n++ { //nolint:revive // all is in the condition
			}
			wrote <- n
		}()
		go func() {
			var err error
			for !flood.deaf && (err == nil || isStreamError(err)) {
				_, err = a.in.ReadFrame()
			}
			ended <- err
		}()
		asked, worst, sent := 0, time.Duration(0), uint32(0)
		for flooding := true; flooding || asked < 5; asked++ {
			began := time.Now()
			if response, _ := get(t, healthy, "https://a.test/"); response.StatusCode != 200 {
				t.Errorf("%s: somebody else gets %d: %s", flood.name, response.StatusCode, i.log)
			}
			worst = max(worst, time.Since(began))
			select {
			case sent = <-wrote:
				flooding = false
			default:
			}
		}
		if !flood.ends {
			a.conn.Close()
		}
		if err := <-ended; flood.ends && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection goes on", flood.name)
		}
		a.conn.Close()
		waitFor(t, func() bool { return at.Load() == 0 })
		held := grown()
		t.Logf("%-18s %5d frames; heap at most %5d KiB more; upstream at most %3d at once; others: %d requests, the slowest %v",
			flood.name, sent, held>>10, most.Load(), asked, worst.Round(time.Millisecond))
		if held > 64<<20 || most.Load() > 2*maxStreams {
			t.Errorf("%s: %d MiB, %d requests at once", flood.name, held>>20, most.Load())
		}
	}
	waitFor(t, func() bool { i.closeIdle(); return runtime.NumGoroutine() <= before+10 })
	if n := runtime.NumGoroutine(); n > before+10 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before: %s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

func isStreamError(err error) bool { _, ok := err.(http2.StreamError); return ok } //nolint:errorlint // as the Framer returns it

// TestExtendedConnectIsNotOffered: RFC 8441 is not spoken, so a client has to open its WebSocket over HTTP/1.1; one that
// does not ask gets no tunnel.
func TestExtendedConnectIsNotOffered(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 1)
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) { reached <- r.Method })
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	a := attack(t, i)
	if err := a.open(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a.test", ":path", "/"); err != nil {
		t.Fatal(err)
	}
	for answered := false; !answered; {
		frame, err := a.in.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if on, _ := f.Value(http2.SettingEnableConnectProtocol); on != 0 {
				t.Error("it is offered")
			}
		case *http2.HeadersFrame:
			fields, err := hpack.NewDecoder(4096, nil).DecodeFull(f.HeaderBlockFragment())
			if err != nil || fields[0].Value[0] != '4' {
				t.Errorf("answered with %v", fmt.Sprint(fields, err))
			}
			answered = true
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			answered = true
		}
	}
	if len(reached) > 0 {
		t.Errorf("the upstream got %s", <-reached)
	}
}
