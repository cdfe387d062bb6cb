package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

func TestForwardedHeadersCannotBeSpoofed(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) {
		s.Proxy.Headers = []steps.Header{{Name: "X-Secret", Value: "ours"}}
	})}})
	want := map[string]string{
		"X-Real-Ip": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https",
		"X-Forwarded-Host": "a.test", "X-Forwarded-Port": "443", "X-Secret": "ours",
	}
	for _, forged := range []string{
		"", "X-Real-IP: 6.6.6.6", "x-real-ip: 6.6.6.6", "X_Real_IP: 6.6.6.6", "X-Forwarded-For: 6.6.6.6",
		"X_Forwarded_For: 6.6.6.6", "X-Forwarded_For: 6.6.6.6", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7",
		"X-Forwarded-Proto: 6.6.6.6", "X-Forwarded-Host: 6.6.6.6", "X-Forwarded-Port: 6.6.6.6",
		"X-Forwarded-Prefix: 6.6.6.6", "X-Forwarded-Server: 6.6.6.6", "Forwarded: for=6.6.6.6", "Proxy: 6.6.6.6",
		"X-Secret: 6.6.6.6", "X_Secret: 6.6.6.6", "X.Forwarded.For: 6.6.6.6", "X~Real!IP: 6.6.6.6", "X.Secret: 6.6.6.6",
		"Connection: X-Real-IP, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Secret",
		"Connection: close, X-Forwarded-Port\r\nX-Forwarded-Port: 6.6.6.6",
		"Content_Length: 6.6.6.6", "Transfer_Encoding: 6.6.6.6", "Transfer.Encoding: 6.6.6.6", "Keep_Alive: 6.6.6.6",
		"Keep-Alive: 6.6.6.6", "Proxy-Connection: 6.6.6.6", "Proxy-Authorization: 6.6.6.6", "Connection: Foo\r\nFoo: 6.6.6.6",
	} {
		line := forged
		if line != "" {
			line += "\r\n"
		}
		_, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\n"+line+"\r\n")
		a := echoed(t, body)
		for name, value := range want {
			if got := a.Headers.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%q: %s is %q, want %q", forged, name, got, value)
			}
		}
		if a.Host != "a.test" || strings.Contains(string(body), "6.6.6.6") || strings.Contains(string(body), "7.7.7.7") {
			t.Errorf("%q reached the application: %s", forged, body)
		}
	}
}

func TestOrdinaryHeadersArePassed(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	_, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: A.test.:443\r\nCookie: a=1\r\nAuthorization: Basic x\r\n"+
		"X-Api_Key: 1\r\nAccept-Encoding: br\r\nOrigin: https://a.test\r\nTE: trailers\r\n\r\n")
	a := echoed(t, body)
	for name, want := range map[string]string{
		"Cookie": "a=1", "Authorization": "Basic x", "X-Api_key": "1", "Accept-Encoding": "br", "Origin": "https://a.test", "User-Agent": "",
	} {
		if got := a.Headers.Get(name); got != want && a.Headers[name] == nil {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.Host != "a.test" {
		t.Errorf("Host is %q", a.Host)
	}
}

func TestCustomHostHeader(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{HTTPSPort: 8443, Sites: []Site{
		testSite(app.URL, names("a.test"), func(s *steps.Site) { s.Proxy.Headers = []steps.Header{{Name: "Host", Value: "inner.test"}} }),
		testSite(app.URL, names("b.test")),
	}})
	for host, want := range map[string]string{"a.test": "inner.test", "b.test": "b.test:8443"} {
		_, body := get(t, i.client(t, true), "https://"+host+"/")
		a := echoed(t, body)
		if a.Host != want || a.Headers.Get("X-Forwarded-Host") != host+":8443" || a.Headers.Get("X-Forwarded-Port") != "8443" {
			t.Errorf("%s: Host %q, %v", host, a.Host, a.Headers)
		}
	}
}

func TestTargetsReachTheUpstreamByteForByte(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	for target, want := range map[string]string{
		"/": "", "/a?b=1": "", "//x": "", "//x?a//b": "", "/a%2Fb%2f": "", "/?": "", "/a;b?c;d&%zz": "", "/{x}|^": "", "/..//./a": "",
		"/%e4?%E4": "", "/ä": "", "//a/%2e%2e/%2f": "", "//a/%2e%2e/%2F|ä?|": "//a/%2e%2e/%2F%7C%C3%A4?|", "https://a.test/x?y": "/x?y", "https://A.TEST": "/",
	} {
		if want == "" {
			want = target
		}
		_, body := raw(t, i.dialTLS(t, "a.test"), "GET "+target+" HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if a := echoed(t, body); a.URI != want {
			t.Errorf("%s arrived as %s", target, a.URI)
		}
	}
}

func TestUpstreamKinds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	unix := &http.Server{Handler: echo.Handler(), ReadHeaderTimeout: patience}
	go func() { _ = unix.Serve(l) }()
	t.Cleanup(func() { unix.Close() })
	secure := httptest.NewTLSServer(echo.Handler())
	t.Cleanup(secure.Close)
	verified := func(s *steps.Site) { s.Proxy.Upstream.Verify = true }
	i := serve(t, Config{Sites: []Site{
		testSite("http://x", names("unix.test"), func(s *steps.Site) { s.Proxy.Upstream = steps.Upstream{Scheme: "unix", Path: path} }),
		testSite(secure.URL, names("tls.test")),
		testSite(secure.URL, names("verified.test"), verified),
	}})
	for host, want := range map[string]int{"unix.test": 200, "tls.test": 200, "verified.test": 502} {
		response, body := get(t, i.client(t, true), "https://"+host+"/x")
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, response.StatusCode, want)
		} else if want == 200 && echoed(t, body).Host != host {
			t.Errorf("%s: Host is %q", host, echoed(t, body).Host)
		}
	}
}

func TestUpstreamConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(echo.Handler())
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	one := testSite(server.URL, names("a.test"))
	i := serve(t, Config{Sites: []Site{one}})
	for range 10 {
		get(t, i.client(t, true), "https://a.test/")
		if err := i.Swap(Config{Sites: []Site{one}}); err != nil { // a swap keeps them too
			t.Fatal(err)
		}
	}
	most := int32(1)
	if *engine == EngineLoop {
		most = int32(runtime.GOMAXPROCS(0)) // each loop has its own
	}
	if n := opened.Load(); n > most {
		t.Errorf("10 requests used %d upstream connections", n)
	}
}

func TestEnvironmentProxyIsIgnored(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	transport, err := newTransport(steps.Upstream{Scheme: "http", Host: "192.0.2.1", Port: 80}, dialTimeout)
	if err != nil || transport.round.Proxy != nil {
		t.Errorf("a proxy of the environment would be used: %v", err)
	}
}

func TestHSTS(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		w.WriteHeader(http.StatusTeapot)
	})
	long := func(s *steps.Site) { s.SSL.HSTS = steps.HSTS{MaxAge: 63072000 * time.Second, IncludeSubDomains: true} }
	i := serve(t, Config{Sites: []Site{
		testSite(app, names("a.test"), long),
		testSite("http://127.0.0.1:1", names("dead.test"), long),
		testSite(app, names("none.test")),
	}})
	for host, want := range map[string]string{
		"a.test": "max-age=63072000; includeSubDomains", "dead.test": "max-age=63072000; includeSubDomains", "none.test": "max-age=1",
	} {
		response, _ := get(t, i.client(t, true), "https://"+host+"/")
		if got := response.Header.Values("Strict-Transport-Security"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("a.test"), func(s *steps.Site) { s.Proxy.MaxBody = 1000 }),
		testSite(app.URL, names("free.test"), func(s *steps.Site) { s.Proxy.MaxBody = 0 }),
	}})
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		for _, c := range []struct {
			host    string
			size    int
			chunked bool
			want    int
		}{
			{"a.test", 1000, false, 200}, {"a.test", 1001, false, 413}, {"a.test", 1000, true, 200}, {"a.test", 1001, true, 413},
			{"a.test", 500_000, true, 413}, {"free.test", 3_000_000, false, 200}, {"free.test", 3_000_000, true, 200},
		} {
			var body io.Reader = bytes.NewReader(make([]byte, c.size))
			if c.chunked {
				body = io.MultiReader(body)
			}
			response, err := client.Post("https://"+c.host+"/", "text/plain", body)
			if err != nil {
				t.Errorf("%+v: %v", c, err)
				continue
			}
			got, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != c.want || c.want == 200 && echoed(t, got).Body.Bytes != int64(c.size) {
				t.Errorf("http2 %t, %+v: %d", http2, c, response.StatusCode)
			}
		}
	}
	i.logged(t, "W13")
}

func TestSilentUpstreamIs504(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = 150 * time.Millisecond })}})
	for _, http2 := range []bool{false, true} {
		response, body := get(t, i.client(t, http2), "https://a.test/")
		if response.StatusCode != 504 || response.Header.Get("Retry-After") == "" || bytes.Contains(body, []byte("127.0.0.1")) {
			t.Errorf("http2 %t: %d %v", http2, response.StatusCode, response.Header)
		}
		waitFor(t, func() bool { // a slow machine may be silent before the first half already
			response, err := i.client(t, http2).Get("https://a.test/half")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode == 504 {
				return false
			}
			if _, err := io.ReadAll(response.Body); err == nil {
				t.Error("half an answer looks whole")
			}
			return true
		})
	}
}

// TestSlowButSpeakingUpstreamIsLeftAlone: the timeout is for silence, not for the whole.
func TestSlowButSpeakingUpstreamIsLeftAlone(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = time.Second })}})
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			t.Parallel()
			_, body := get(t, i.client(t, http2), "https://a.test/.echo/events?n=6&every=250ms")
			if n := bytes.Count(body, []byte("data: ")); n != 6 {
				t.Errorf("%d events of 6", n)
			}
			// A slow upload is the client's time, not the upstream's.
			reader, writer := io.Pipe()
			go func() {
				for range 6 {
					time.Sleep(250 * time.Millisecond)
					_, _ = writer.Write(make([]byte, 100))
				}
				writer.Close()
			}()
			response, err := i.client(t, http2).Post("https://a.test/", "text/plain", reader)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != 200 || echoed(t, got).Body.Bytes != 600 {
				t.Errorf("slow upload: %d", response.StatusCode)
			}
		})
	}
}

func TestStalledClientIsCut(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = 150 * time.Millisecond })}})
	response, _ := raw(t, i.dialTLS(t, "a.test"), "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhalf")
	if response.StatusCode != 408 {
		t.Errorf("a client that stalls gets %d", response.StatusCode)
	}
}

func TestDeadUpstreamIs502(t *testing.T) {
	t.Parallel()
	l := listen(t)
	dead := "http://" + l.Addr().String()
	l.Close()
	i := serve(t, Config{Sites: []Site{testSite(dead, names("a.test"))}})
	response, body := get(t, i.client(t, true), "https://a.test/")
	if response.StatusCode != 502 || response.Header.Get("Retry-After") == "" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	for _, inside := range []string{"127.0.0.1", "refused", "dial", "sslwizard", "upstream", "Go"} {
		if bytes.Contains(body, []byte(inside)) {
			t.Errorf("the page tells %q", inside)
		}
	}
	if !strings.Contains(i.log.String(), "cannot get an answer from the upstream") {
		t.Errorf("the log does not tell: %s", i.log)
	}
}

func TestEventsAreNotBuffered(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		response, err := i.client(t, http2).Get("https://a.test/")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 { // the next event is sent only when this one has arrived
			got := make([]byte, 9)
			if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != fmt.Sprintf("data: %d\n\n", n) {
				t.Fatalf("http2 %t: %q, %v", http2, got, err)
			}
			next <- struct{}{}
		}
		response.Body.Close()
	}
}

func TestClientThatLeavesCancelsTheUpstreamRequest(t *testing.T) {
	t.Parallel()
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(cancelled)
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	ctx, leave := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://a.test/", nil)
	client := i.client(t, true)
	go func() {
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
	leave()
	select {
	case <-cancelled:
	case <-time.After(patience):
		t.Error("the upstream still works for a client that has left")
	}
}

func TestAccessTellsNothingSecret(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	raw(t, i.dialTLS(t, "a.test"), "GET /p\u202e?token=secret HTTP/1.1\r\nHost: a.test\r\nCookie: secret\r\n\r\n")
	a := <-i.accesses
	if a.Path != "/p␛" || a.Status != 200 || a.Site != "a.test" || a.Remote != "127.0.0.1" || a.Bytes == 0 || !a.Secure {
		t.Errorf("%+v", a)
	}
	if strings.Contains(fmt.Sprintf("%+v", a), "secret") {
		t.Errorf("a secret is in the log: %+v", a)
	}
}
