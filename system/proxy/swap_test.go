package proxy

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSwapUnderLoadDropsNothing swaps certificates while requests run over HTTP/1.1, HTTP/2 and a WebSocket: none may
// fail, and new connections get the new certificate.
func TestSwapUnderLoadDropsNothing(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	one := testSite(app.URL, names("a.test"))
	i := serve(t, Config{Sites: []Site{one}})
	long := socket(t, i.dialTLS(t, "a.test"), "a.test", "/")

	var served, failed atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for n := range 4 {
		client := i.client(t, n%2 == 0)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := client.Get("https://a.test/x")
				if err != nil {
					failed.Add(1)
					t.Errorf("a request failed: %v", err)
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != 200 {
					failed.Add(1)
				}
				served.Add(1)
			}
		})
	}
	const swaps = 20
	for n := range swaps {
		one.Certificate = certificate("a.test")
		if err := i.Swap(Config{Sites: []Site{one}}); err != nil {
			t.Fatal(err)
		}
		goal := int64(10 * (n + 1))
		waitFor(t, func() bool { return served.Load() >= goal || failed.Load() > 0 })
		long.exchange(t, "the socket lives through every swap")
		sum := sha256.Sum256(one.Certificate.Certificate[0])
		got := sha256.Sum256(i.dialTLS(t, "a.test").ConnectionState().PeerCertificates[0].Raw)
		if got != sum || i.Status().Leaves["a.test"] != hex.EncodeToString(sum[:]) {
			t.Fatal("a new connection got an old certificate")
		}
	}
	close(stop)
	load.Wait()
	if failed.Load() != 0 || i.Status().Generation != swaps+1 || i.Status().WebSockets != 1 {
		t.Errorf("%d of %d requests failed; %+v", failed.Load(), served.Load(), i.Status())
	}
}

func TestSwapTakesASiteAway(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	a, b := testSite(app.URL, names("a.test")), testSite(app.URL, names("b.test"))
	i := serve(t, Config{Sites: []Site{a, b}})
	client := i.client(t, true)
	if response, _ := get(t, client, "https://b.test/"); response.StatusCode != 200 {
		t.Fatal(response.StatusCode)
	}
	if err := i.Swap(Config{Sites: []Site{a}}); err != nil {
		t.Fatal(err)
	}
	if response, _ := get(t, client, "https://b.test/"); response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("on the open connection: %d", response.StatusCode)
	}
	if conn, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: "b.test", InsecureSkipVerify: true}); err == nil {
		conn.Close()
		t.Error("a new connection is taken")
	}
}

// TestQueuedConnectionsAreTakenBeforeTheEnd: what the kernel had queued when the drain began is answered.
func TestQueuedConnectionsAreTakenBeforeTheEnd(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	s := New(Options{})
	if err := s.Swap(Config{Sites: []Site{testSite(app.URL, names("a.test"))}}); err != nil {
		t.Fatal(err)
	}
	l := &gate{TCPListener: listen(t).(*net.TCPListener), entered: make(chan struct{}, 9), stopped: make(chan struct{}, 9)}
	i := &instance{Server: s, plain: l.Addr().String()}
	served := make(chan error, 1)
	go func() { served <- s.Serve([]net.Listener{l}, nil) }()
	<-l.entered
	queued := make([]net.Conn, 5)
	for n := range queued { // the accept loop stands still
		queued[n] = i.dialPlain(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(ctx) }()
	for _, conn := range queued {
		response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
		if response.StatusCode != 301 {
			t.Errorf("a queued connection got %d", response.StatusCode)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// gate is a listener that takes nothing before it is told to stop.
type gate struct {
	*net.TCPListener
	entered, stopped chan struct{}
	once             sync.Once
}

func (g *gate) Accept() (net.Conn, error) {
	g.once.Do(func() {
		g.entered <- struct{}{}
		<-g.stopped
	})
	return g.TCPListener.Accept()
}

func (g *gate) SetDeadline(d time.Time) error {
	defer func() { g.stopped <- struct{}{} }()
	return g.TCPListener.SetDeadline(d)
}
