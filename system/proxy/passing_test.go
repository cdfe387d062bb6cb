package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestAnswersArePassedAsTheyAre: HEAD, ranges, answers without a body, trailers and what the upstream says of itself.
func TestAnswersArePassedAsTheyAre(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 100)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "theirs")
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/trailers":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		default:
			w.Header().Set("ETag", `"1"`)
			http.ServeContent(w, r, "x.bin", time.Unix(1e9, 0), bytes.NewReader(content))
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		for _, c := range []struct {
			method, path string
			header       http.Header
			status       int
			length       string
			body         string
			trailer      string
		}{
			{"GET", "/", nil, 200, "1000", string(content), ""},
			{"HEAD", "/", nil, 200, "1000", "", ""},
			{"GET", "/", http.Header{"Range": {"bytes=5-9"}}, 206, "5", "56789", ""},
			{"GET", "/", http.Header{"Range": {"bytes=-3"}}, 206, "3", "789", ""},
			{"GET", "/", http.Header{"Range": {"bytes=5000-"}}, 416, "", "invalid range: failed to overlap\n", ""},
			{"GET", "/", http.Header{"If-None-Match": {`"1"`}}, 304, "", "", ""},
			{"GET", "/none", nil, 204, "", "", ""},
			{"GET", "/trailers", http.Header{"Te": {"trailers"}}, 200, "", "body", "1 0"},
		} {
			request, _ := http.NewRequest(c.method, "https://a.test"+c.path, nil)
			request.Header = c.header
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != c.status || string(body) != c.body || response.Header.Get("Server") != "theirs" ||
				c.length != "" && response.Header.Get("Content-Length") != c.length {
				t.Errorf("http2 %t, %s %s %v: %d %.40q %v, %v", http2, c.method, c.path, c.header, response.StatusCode, body, response.Header, err)
			}
			if got := strings.TrimSpace(response.Trailer.Get("X-Sum") + " " + response.Trailer.Get("Grpc-Status")); got != c.trailer {
				t.Errorf("http2 %t, %s: trailers %v, want %q", http2, c.path, response.Trailer, c.trailer)
			}
		}
	}
}

// TestInformationalAnswers: 103 is passed when it comes, with its own fields, and is never the answer.
func TestInformationalAnswers(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		select {
		case <-heard: // the client has it before the answer is begun
		case <-r.Context().Done():
		}
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "page")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		request, _ := http.NewRequest(http.MethodGet, "https://a.test/", nil)
		request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				if code != http.StatusEarlyHints || header.Get("Link") != "</a.css>; rel=preload" {
					t.Errorf("http2 %t: %d %v", http2, code, header)
				}
				heard <- struct{}{}
				return nil
			},
		}))
		response, err := i.client(t, http2).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || string(body) != "page" || response.Header.Get("Link") != "" {
			t.Errorf("http2 %t: %d %q %v", http2, response.StatusCode, body, response.Header)
		}
	}
}

// TestExpectContinue: a client that asks first is answered by the upstream, and sends nothing that it does not want. On
// HTTP/2 net/http hides that it asked, and says yes to it when the body is first read.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuses" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		body, _ := io.ReadAll(r.Body) // says 100
		_, _ = w.Write(body)
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		client.Transport.(*http.Transport).ExpectContinueTimeout = patience
		for path, want := range map[string]int{"/takes": 200, "/refuses": 403} {
			var read atomic.Bool
			request, _ := http.NewRequest(http.MethodPost, "https://a.test"+path, &noted{Reader: strings.NewReader("body"), read: &read})
			request.ContentLength = 4
			request.Header.Set("Expect", "100-continue")
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != want || read.Load() != (want == 200) && !http2 || want == 200 && string(got) != "body" {
				t.Errorf("http2 %t %s: %d %q, the body was sent: %t", http2, path, response.StatusCode, got, read.Load())
			}
		}
	}
}

type noted struct {
	io.Reader
	read *atomic.Bool
}

func (n *noted) Read(p []byte) (int, error) {
	n.read.Store(true)
	return n.Reader.Read(p)
}

// TestLargeBodiesInLittleMemory passes much more than may be held, up and down; SSLWIZARD_BODY_MIB=10240 for once.
func TestLargeBodiesInLittleMemory(t *testing.T) {
	size := int64(96 << 20)
	if asked, err := strconv.ParseInt(os.Getenv("SSLWIZARD_BODY_MIB"), 10, 32); err == nil {
		size = asked << 20
	}
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body)
		w.Header().Set("X-Sum", hex.EncodeToString(sum.Sum(nil)))
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		_, _ = io.CopyN(w, zeros{}, n)
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.MaxBody = 0; s.Proxy.Timeout = time.Minute })}})
	sum := sha256.New()
	_, _ = io.CopyN(sum, zeros{}, size)
	want := hex.EncodeToString(sum.Sum(nil))
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		client.Timeout = time.Hour
		most := heapWatch(t)
		response, err := client.Post("https://a.test/", "application/octet-stream", io.LimitReader(zeros{}, size))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if got := response.Header.Get("X-Sum"); n != size || err != nil || got != want {
			t.Errorf("http2 %t: %d bytes back, %v; sum %s", http2, n, err, got)
		}
		held := most()
		t.Logf("http2 %t: %d MiB each way, heap at most %d KiB more", http2, size>>20, held>>10)
		if held > 24<<20 {
			t.Errorf("http2 %t: %d MiB were held", http2, held>>20)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// heapWatch looks at the live heap until the function that it returns is called, which says by how much it grew at most.
func heapWatch(t *testing.T) func() uint64 {
	t.Helper()
	percent := debug.SetGCPercent(10) // garbage that may stay is no memory that is held
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, most := m.HeapAlloc, m.HeapAlloc
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return most - base
	}
}

// TestASlowReaderHoldsTheUpstreamBack: what a client does not take is not read from the upstream either, and a client that
// takes nothing at all is cut.
func TestASlowReaderHoldsTheUpstreamBack(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	cut := make(chan struct{}, 2)
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 64<<10); ; {
			n, err := w.Write(block)
			if written.Add(int64(n)); err != nil {
				cut <- struct{}{}
				return
			}
		}
	})
	within := ordinary
	within.take = time.Second
	i := serveWithin(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = time.Second })}}, nil, within)
	for _, http2 := range []bool{false, true} {
		written.Store(0)
		response, err := i.client(t, http2).Get("https://a.test/")
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-cut:
		case <-time.After(patience):
			t.Fatalf("http2 %t: a client that takes nothing is not cut", http2)
		}
		if n := written.Load(); n > 64<<20 { // the buffers of four sockets of the kernel, and 4 MiB of HTTP/2's window
			t.Errorf("http2 %t: the upstream was let write %d MiB", http2, n>>20)
		}
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("http2 %t: half an answer looks whole", http2)
		}
		response.Body.Close()
	}
}

// TestTheUpstreamComesBack: a site is served again with the first request after its upstream has returned, and an upstream
// that dies in the middle of an answer is seen by the client.
func TestTheUpstreamComesBack(t *testing.T) {
	t.Parallel()
	half := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		_ = conn.Close()
	}
	l := listen(t)
	address := l.Addr().String()
	i := serve(t, Config{Sites: []Site{testSite("http://"+address, names("a.test"))}})
	client := i.client(t, true)
	for round := range 5 {
		server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/half" {
				half(w, r)
				return
			}
			fmt.Fprint(w, round)
		})}
		ended := make(chan struct{})
		go func() { _ = server.Serve(l); close(ended) }()
		if response, body := get(t, client, "https://a.test/"); response.StatusCode != 200 || string(body) != strconv.Itoa(round) {
			t.Fatalf("round %d: %d %s", round, response.StatusCode, body)
		}
		response, err := client.Get("https://a.test/half")
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		if err == nil {
			t.Errorf("half an answer looks whole")
		}
		server.Close()
		<-ended
		response, _ = get(t, client, "https://a.test/")
		if response.StatusCode != 502 || response.Header.Get("Retry-After") == "" {
			t.Errorf("without an upstream: %d", response.StatusCode)
		}
		if l, err = net.Listen("tcp", address); err != nil {
			t.Skipf("somebody else took %s meanwhile: %v", address, err)
		}
	}
	l.Close()
}
