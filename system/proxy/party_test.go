package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
)

// narrow has a client, and the connections of a listener, hold little of what is not read.
func narrow(t *testing.T, i *instance) *net.Dialer {
	t.Helper()
	raw, err := i.listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	small := func(raw syscall.RawConn, buffer int) error {
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, buffer, 4<<10) })
	}
	if err := small(raw, unix.SO_SNDBUF); err != nil {
		t.Fatal(err)
	}
	return &net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { return small(raw, unix.SO_RCVBUF) }}
}

// TestManyHeads: heads that are not read yet wait for it where they are, and none is lost.
func TestManyHeads(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("\xff", 30_000))
		_, _ = io.WriteString(w, "x")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	a := attackBy(t, i, narrow(t, i))
	for n := range uint32(maxStreams) {
		if err := a.open(2*n+1, true); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	a.in.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	a.in.MaxHeaderListSize = 1 << 20
	answers := 0
	for answers < maxStreams {
		frame, err := a.in.ReadFrame()
		if err != nil {
			t.Fatalf("%d of %d answers, then %v", answers, maxStreams, err)
		}
		if f, ok := frame.(*http2.DataFrame); ok && f.StreamEnded() {
			answers++
		}
	}
}

// TestSlowStreams: answers that a client does not take are held in little memory, whoever comes meanwhile is served, and
// when it goes nothing of it is left.
func TestSlowStreams(t *testing.T) { //nolint:paralleltest // it measures the heap
	block := make([]byte, 64<<10)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		for n := 0; n < 8 && r.URL.Path == "/wait"; n++ { // what is not read of that is the kernel's
			_, _ = w.Write(block)
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	others := i.client(t, true)
	get(t, others, "https://a.test/")
	before := runtime.NumGoroutine()
	grown := heapWatch(t)
	const clients = 2
	var all []*attacker
	for range clients {
		a := attack(t, i)
		all = append(all, a)
		if err := a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000}); err != nil {
			t.Fatal(err)
		}
		for n := range uint32(maxStreams) {
			if err := a.open(2*n+1, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(2 * time.Second)
	get(t, others, "https://a.test/")
	held := grown()
	if most := uint64(clients * maxStreams * (256 << 10)); held > most {
		t.Errorf("%d KiB are held for each answer", held>>10/clients/maxStreams)
	}
	t.Logf("%d KiB for each answer that is not taken", held>>10/clients/maxStreams)
	for _, a := range all {
		a.conn.Close()
	}
	waitFor(t, func() bool { return i.Status().Connections == 1 && runtime.NumGoroutine() <= before+10 })
}

// TestGoingAway: a client is told in time that its connection ends, what it has asked is answered, and the end is clean.
func TestGoingAway(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "at last")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	a := attack(t, i)
	if err := a.open(1, true); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return i.Status().Connections == 1 })
	time.Sleep(50 * time.Millisecond) // until it is asked
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- i.Shutdown(ctx) }()
	told, body := false, bytes.Buffer{}
	for {
		frame, err := a.in.ReadFrame()
		if err != nil {
			break
		}
		switch f := frame.(type) {
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				t.Errorf("it is told %v", f.ErrCode)
			}
			if !told {
				told = true
				close(release)
			}
		case *http2.PingFrame:
			_ = a.WritePing(true, f.Data)
		case *http2.DataFrame:
			body.Write(f.Data())
		}
	}
	if !told || body.String() != "at last" {
		t.Errorf("told: %t, and the answer is %q", told, body.String())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestNoBeginning: who agrees on HTTP/2 and then says nothing is not waited for.
func TestNoBeginning(t *testing.T) {
	t.Parallel()
	i := serveWithin(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}}, nil, brief())
	for _, said := range []string{"", http2.ClientPreface[:10], http2.ClientPreface} {
		conn := i.dialProtocol(t, "a.test", "h2")
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, said)
		began := time.Now()
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %v", said, err)
		}
		if took := time.Since(began); took > patience/2 {
			t.Errorf("%q: ended after %v", said, took)
		}
	}
}
