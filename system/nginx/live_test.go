package nginx

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// live is a running nginx with sites in front of an application.
type live struct {
	t     *testing.T
	h     testHost
	stage stage
	dir   string
	s     scratch
}

// serve runs the real nginx until the test ends. app is where requests go; change may alter the target.
func serve(t *testing.T, app steps.Upstream, change func(*target), sites ...steps.Site) live {
	t.Helper()
	h, version := realNginx(t)
	dir := scratchDir(t, h)
	g, err := newStage("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	g.upstream = app
	s, err := newScratch(t.Context(), h, dir+"/run")
	t.Cleanup(func() {
		if err := s.remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l := live{t, h, g, dir, s}
	target := g.target(CapsOf(version), s.dir, dir)
	if change != nil {
		change(&target)
	}
	l.write(target, sites)
	put(t, h.chroot+s.dir+"/"+clientsFile, g.clientCA, 0o644)
	if err := s.start(t.Context(), argument(Runtime{}.withDefaults().mainConfig(h), "user", "")); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l live) write(target target, sites []steps.Site) {
	l.t.Helper()
	for _, s := range sites {
		certify(l.t, l.h, l.dir, s)
	}
	changes, err := files(sorted(sites), layout{include: l.s.dir + "/conf.d"}, target)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range changes {
		f := c.(steps.WriteFile)
		if err := l.h.WriteFile(f.Path, host.File{Data: f.Content, Mode: f.Mode}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	body string
}

// ask sends a request to a name and reads the answer; redirects are not followed.
func (l live) ask(method, url string, header http.Header) reply {
	l.t.Helper()
	r, err := l.try(method, url, "", header, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// try sends a request over a connection of its own. sni is the name in the handshake, that of the URL when empty.
func (l live) try(method, url, sni string, header http.Header, body []byte) (reply, error) {
	return l.send(l.transport(sni), method, url, header, body)
}

// send is over this transport.
func (l live) send(over http.RoundTripper, method, url string, header http.Header, body []byte) (reply, error) {
	request, err := http.NewRequestWithContext(l.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := over.RoundTrip(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return reply{response, string(read)}, err
}

func (l live) transport(sni string) *http.Transport {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{ServerName: sni, InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.at(address).String())
		},
	}
	l.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func (l live) at(address string) netip.AddrPort {
	if strings.HasSuffix(address, ":443") {
		return l.stage.https[0]
	}
	return l.stage.http[0]
}

// echoApp runs the echo application and counts its connections.
func echoApp(t *testing.T) (steps.Upstream, *atomic.Int32) {
	t.Helper()
	var connections atomic.Int32
	app := httptest.NewUnstartedServer(echo.Handler())
	app.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	at := netip.MustParseAddrPort(app.Listener.Addr().String())
	return steps.Upstream{Scheme: "http", Host: at.Addr().String(), Port: int(at.Port())}, &connections
}

func answer(t *testing.T, r reply) echo.Answer {
	t.Helper()
	var a echo.Answer
	if err := json.Unmarshal([]byte(r.body), &a); err != nil {
		t.Fatalf("%s: %q is no answer of the application", r.Status, r.body)
	}
	return a
}

// handshake asks for a WebSocket over TLS 1.3 and HTTP/1.1 and returns the status line's code and the open connection.
func (l live) handshake(path, upgrade string) (int, *tls.Conn, *bufio.Reader) {
	l.t.Helper()
	c, err := tls.Dial("tcp", l.stage.https[0].String(), &tls.Config{ServerName: "shop.example.com", InsecureSkipVerify: true})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example.com\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, upgrade)
	if err != nil {
		l.t.Fatal(err)
	}
	in := bufio.NewReader(c)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if response.StatusCode == 101 && response.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		l.t.Errorf("the accept key is %q", response.Header.Get("Sec-Websocket-Accept"))
	}
	return response.StatusCode, c, in
}

// rejects reports whether this nginx can refuse a handshake; before 1.19.4 it cannot.
func (l live) rejects() bool {
	caps, err := capsOf(l.t.Context(), l.h)
	return err == nil && caps.RejectHandshake
}
