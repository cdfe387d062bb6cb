package native

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

func withHTTP3(a *steps.Answers) { a.SSL.HTTP3 = true }

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// over3 is a client of a site over HTTP/3.
func over3(t *testing.T, at net.Addr) *http.Client {
	t.Helper()
	transport := &quic.Transport{Conn: listenUDP(t)}
	h := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the leaf is compared elsewhere
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			return transport.Dial(ctx, at, tlsConfig, config)
		},
	}
	t.Cleanup(func() { h.Close(); transport.Close() })
	return &http.Client{Transport: h, Timeout: patience}
}

func status(c *http.Client) (int, error) {
	response, err := c.Get("https://a.test/")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// TestAnnouncedIsPartOfWhatIsServed: a reload takes it, and a reload without it is seen not to be what is stored.
func TestAnnouncedIsPartOfWhatIsServed(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.storeSite("a.test", app(t), withHTTP3)
	h.renew("a.test")
	u := h.start(func(o *ServeOptions) { o.HTTP3 = []string{"127.0.0.1:0"} }).ready()
	announced := func() string {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", u.secure)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the leaf is compared elsewhere
		}}
		defer client.CloseIdleConnections()
		response, err := client.Get("https://a.test/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return strings.Join(response.Header.Values("Alt-Svc"), "|")
	}
	if got := announced(); got != "" {
		t.Errorf("before it is proven: %q", got)
	}
	if err := h.WriteFile(steps.HTTP3Dir, host.File{Mode: os.ModeDir | 0o755}); err != nil {
		t.Fatal(err)
	}
	for _, proven := range []bool{true, false} {
		if err := h.WriteFile(steps.AltSvcFile("native", "a.test"), host.File{Data: steps.AltSvcText("native", proven), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		before := u.status().Hash
		if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err != nil {
			t.Fatal(err)
		}
		if got := announced(); got != steps.AltSvc(proven) || u.status().Hash == before {
			t.Errorf("proven %t: %q, the same configuration: %t", proven, got, u.status().Hash == before)
		}
	}
}

// TestNewProgramTakesOverHTTP3: connections of QUIC end with the old program, and clients make new ones with the new
// program at once; HTTP/1.1 and HTTP/2 notice nothing.
func TestNewProgramTakesOverHTTP3(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.storeSite("a.test", app(t), withHTTP3)
	h.renew("a.test")
	socket := listenUDP(t)
	u := upgradableTree(t, h, socket)
	ws := u.socket()
	u.echoes(ws, "before")
	c := over3(t, socket.LocalAddr())
	if got, err := status(c); got != http.StatusOK {
		t.Fatalf("before: %d, %v", got, err)
	}
	key, err := os.ReadFile(filepath.Join(h.root, quicKeyName))
	if err != nil || len(key) != 32 {
		t.Fatalf("the key: %v", err)
	}

	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() { // a client over TCP never fails
		client := &http.Client{Timeout: patience, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", u.secure)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, //nolint:gosec // the leaf is compared elsewhere
		}}
		defer client.CloseIdleConnections()
		for {
			if got, err := status(client); got != http.StatusOK {
				t.Errorf("over TCP meanwhile: %d, %v", got, err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	old := u.status().PID
	u.put(u.copied())
	if err := u.reloads(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	asking.Wait()
	if u.status().PID == old {
		t.Fatal("the old program goes on")
	}
	for range 3 {
		if got, err := status(c); got != http.StatusOK {
			t.Errorf("after: %d, %v", got, err)
		}
	}
	if n := u.status().Connections; n != 1 {
		t.Errorf("the new program has %d connections", n)
	}
	if after, _ := os.ReadFile(filepath.Join(h.root, quicKeyName)); !bytes.Equal(after, key) {
		t.Error("the new program has another key")
	}
	u.echoes(ws, "after")
	ws.Close()
	if err := u.first.Wait(); err != nil {
		t.Errorf("the old program ended with %v", err)
	}
}

func TestChangesForHTTP3(t *testing.T) {
	t.Parallel()
	const dir = "file:/etc/systemd/system/sslwizard-proxy"
	with := shop()
	with.SSL.HTTP3 = true
	f := steps.Facts{Services: "systemd", IPv6: true}
	f.Managed.Files = map[string]string{}
	serve := func(s steps.Site) []string {
		stages, err := Executor{}.Changes([]steps.Site{s}, f)
		if err != nil {
			t.Fatal(err)
		}
		return keysOf(stages.Serve)
	}
	if got := serve(with); !slices.Equal(got[:7], []string{dir + "-http3.socket", dir + "-http.socket", dir + "-https.socket", dir + ".service",
		"daemon-reload:install", "unit:sslwizard-proxy-http3.socket", "unit:sslwizard-proxy-http.socket"}) {
		t.Errorf("on a new server: %q", got)
	}
	f.Managed.Files[service(f, nil).path()] = "as it was"
	if got := serve(with); !slices.Equal(got[len(got)-3:], []string{"restart:sslwizard-proxy.service", "unit:sslwizard-proxy-http3.socket", "reload:sslwizard-proxy.service:websockets"}) {
		t.Errorf("a service that runs gets the socket by a restart: %q", got)
	}
	if strings.Contains(strings.Join(serve(shop()), " "), "http3") {
		t.Errorf("without: %q", serve(shop()))
	}
	f.Managed.Files[socket3(f).path()] = "as it was"
	if got := serve(shop()); !slices.Equal(got[:2], []string{"unit:sslwizard-proxy-http3.socket", dir + "-http3.socket"}) || slices.Contains(got, "restart:sslwizard-proxy-http3.socket") {
		t.Errorf("no longer: %q", got)
	}

	other := shop()
	other.Name = "other.test"
	f.Managed.Sites = []steps.Site{with, other}
	removal := func(last bool) string {
		changes, err := Executor{}.Removal([]steps.Site{with}, last, f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(keysOf(changes), " ")
	}
	if got := removal(false); !strings.HasPrefix(got, "unit:sslwizard-proxy-http3.socket "+dir+"-http3.socket "+dir+".service daemon-reload:install restart:") {
		t.Errorf("the last site with HTTP/3 goes: %q", got)
	}
	if got := removal(true); !strings.Contains(got, dir+"-http3.socket") {
		t.Errorf("all goes: %q", got)
	}
	f.Managed.Sites[1].SSL.HTTP3 = true
	if got := removal(false); strings.Contains(got, "http3") {
		t.Errorf("another site has it: %q", got)
	}
	if !strings.Contains(string(service(f, f.Managed.Sites).content), assets.ProxyHTTP3Socket) {
		t.Error("the service does not get the socket")
	}
}
