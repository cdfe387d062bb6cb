package proxy

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestConnectionCaps: what is beyond is closed at once, whoever is in goes on, and what ends makes room.
func TestConnectionCaps(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	limits := i.onHTTP().caps
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
			s := New(Options{})
			c := newCaps(s.options.Log, s.shared)
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

// TestCapsAtTheListener: with many sockets at once exactly as many are served as may be of an address, whatever the rest do;
// others get in, and every one that ends makes room.
func TestCapsAtTheListener(t *testing.T) {
	t.Parallel()
	const most, many = 20, 60
	s := New(Options{})
	if err := s.Swap(Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}}); err != nil {
		t.Fatal(err)
	}
	limits := s.onHTTP().caps
	limits.ofAddress = most
	l := &elsewhere{Listener: listen(t)}
	l.from.Store(&net.TCPAddr{IP: net.ParseIP("203.0.113.9"), Port: 1})
	go func() { _ = s.Serve([]net.Listener{l}, nil) }()
	t.Cleanup(s.Stop)
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	served := func(conn net.Conn) bool {
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	var in []net.Conn
	all := make([]net.Conn, many)
	for n := range all {
		all[n] = dial()
	}
	for _, conn := range all {
		if served(conn) {
			in = append(in, conn)
		}
	}
	if refused := s.Status().Refused; len(in) != most || refused != many-most {
		t.Fatalf("%d of %d served, %d refused", len(in), many, refused)
	}
	l.from.Store(&net.TCPAddr{IP: net.ParseIP("198.51.100.1"), Port: 1})
	if !served(dial()) {
		t.Error("another address is kept out")
	}
	l.from.Store(&net.TCPAddr{IP: net.ParseIP("203.0.113.9"), Port: 1})
	in[0].Close()
	waitFor(t, func() bool { limits.mu.Lock(); defer limits.mu.Unlock(); return limits.open == most })
	if !served(dial()) || served(dial()) {
		t.Error("the one that ended made no room, or too much")
	}
}

// elsewhere is a listener whose connections are of another address.
type elsewhere struct {
	net.Listener
	from atomic.Pointer[net.TCPAddr]
}

// Accept implements net.Listener.
func (e *elsewhere) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return fromConn{conn, e.from.Load()}, nil
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
