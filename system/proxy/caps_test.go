package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
)

// TestConnectionCaps: what is beyond is closed at once, whoever is in goes on, and what ends makes room.
func TestConnectionCaps(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	limits := i.plane.(*httpPlane).caps
	limits.mu.Lock()
	limits.all = 3 - reserved // these clients are of this machine
	limits.mu.Unlock()
	asked := func(conn net.Conn) {
		t.Helper()
		if response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode != 301 {
			t.Errorf("%d", response.StatusCode)
		}
	}
	first := i.dialPlain(t)
	asked(first)
	s := socket(t, i.dialTLS(t, "a.test"), "a.test", "/") // counts too
	asked(i.dialPlain(t))
	if got, _ := io.ReadAll(i.dialPlain(t)); len(got) != 0 {
		t.Errorf("a connection too many got %q", got)
	}
	asked(first)
	s.exchange(t, "still here")
	if status := i.Status(); status.Refused != 1 || !strings.Contains(i.log.String(), "too many connections") {
		t.Errorf("%+v; %s", status, i.log)
	}
	s.Close()
	waitFor(t, func() bool { return i.Status().WebSockets == 0 })
	waitFor(t, func() bool { limits.mu.Lock(); defer limits.mu.Unlock(); return limits.open == 2 })
	asked(i.dialPlain(t))
}

// TestCapOfAnAddress: IPv6 by the network of a customer, and not what many clients may come from.
func TestCapOfAnAddress(t *testing.T) {
	t.Parallel()
	for first, others := range map[string]map[string]bool{
		"192.0.2.1":          {"192.0.2.1": false, "192.0.2.2": true, "::ffff:192.0.2.1": false},
		"2001:db8::1":        {"2001:db8::2": false, "2001:db8:0:1::1": true, "192.0.2.1": true},
		"127.0.0.1":          {"127.0.0.1": true},
		"10.1.2.3":           {"10.1.2.3": true},
		"::ffff:203.0.113.9": {"203.0.113.9": false},
	} {
		for other, want := range others {
			c := newCaps(New(Options{}).options.Log)
			c.ofAddress = 1
			held := c.admit(from(first))
			if got := c.admit(from(other)); (got != nil) != want {
				t.Errorf("%s after %s: admitted %t, want %t", other, first, got != nil, want)
			} else if got != nil {
				_ = got.Close()
			}
			_, _ = held.Close(), held.Close() // twice counts once
			if again := c.admit(from(other)); again == nil {
				t.Errorf("%s does not get in again", other)
			} else if _ = again.Close(); c.open != 0 || len(c.of) != 0 {
				t.Errorf("%d still counted, %v", c.open, c.of)
			}
		}
	}
}

// fromConn is a connection from somewhere else.
type fromConn struct {
	net.Conn
	remote *net.TCPAddr
}

func (c fromConn) RemoteAddr() net.Addr { return c.remote }

func from(ip string) net.Conn {
	one, other := net.Pipe()
	_ = other.Close()
	return fromConn{one, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
}
