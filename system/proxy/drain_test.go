package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
)

// A connection that was taken before the drain began gets its answer, even if its request comes only afterwards: at a
// switch of executors, a stranger's request is on its way just then.
func TestDrainAnswersWhatComesLate(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	conn := i.dialTLS(t, "a.test")
	waitFor(t, func() bool { return i.Status().Connections == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- i.Shutdown(ctx) }()
	if err := <-i.served; err != nil { // nothing more is taken from here on
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("status %d, the connection goes on: %t", response.StatusCode, !response.Close)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// The same of HTTP/2: a client that has just connected is not told to go away before its first request.
func TestDrainAnswersWhatComesLateOverHTTP2(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	conn, err := tls.Dial("tcp", i.secure, &tls.Config{RootCAs: i.roots, ServerName: "a.test", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	waitFor(t, func() bool { return i.Status().Connections == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- i.Shutdown(ctx) }()
	if err := <-i.served; err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{ForceAttemptHTTP2: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	t.Cleanup(client.CloseIdleConnections)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://a.test/late", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Errorf("status %d over %s", response.StatusCode, response.Proto)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
