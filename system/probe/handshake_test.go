package probe

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// readHello takes the first record, so that what follows happens in the handshake.
func readHello(c net.Conn) { _, _, _ = readRecord(c) }

// rawAt is a target whose server does this with every connection.
func rawAt(handle func(*net.TCPConn)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		return at(rawServer(t, handle))
	}
}

// sendsAlert refuses every hello with this alert.
func sendsAlert(description byte) func(*testing.T) Target {
	return rawAt(func(c *net.TCPConn) {
		readHello(c)
		_, _ = c.Write([]byte{recordAlert, 3, 3, 0, 2, 2, description})
	})
}

func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return addrOf(l)
}

// blackHole is a port whose queue is full: the kernel drops what else comes.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 8 {
		c, err := net.DialTimeout("tcp", addr.String(), 150*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the queue did not fill")
	return addr
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	shortly := func(target Target) Target { target.Timeout = 300 * time.Millisecond; return target }
	runBroken(t, []broken{
		{"refused", func(t *testing.T) Target { return at(closedPort(t)) },
			"tcp.https", steps.IDInstall, steps.Fail, "T01", "ERR_CONNECTION_REFUSED", blameProxy},
		{"black hole", func(t *testing.T) Target { return shortly(at(blackHole(t))) },
			"tcp.https", steps.IDInstall, steps.Fail, "T02", "ERR_CONNECTION_TIMED_OUT", blameNetwork},
		{"plain HTTP", func(t *testing.T) Target { return at(serve(t, nil, http.NotFoundHandler())) },
			"tls.handshake", steps.IDSSL, steps.Fail, "T05", "ERR_SSL_PROTOCOL_ERROR", blameProxy},
		{"SSH", rawAt(func(c *net.TCPConn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\x1b[31m\r\n"); readHello(c) }),
			"tls.handshake", steps.IDSSL, steps.Fail, "T05", "ERR_SSL_PROTOCOL_ERROR", blameProxy},
		{"RST", rawAt(func(c *net.TCPConn) { readHello(c); _ = c.SetLinger(0) }),
			"tls.handshake", steps.IDSSL, steps.Fail, "T03", "ERR_CONNECTION_RESET", blameProxy},
		{"FIN", rawAt(func(c *net.TCPConn) { readHello(c) }),
			"tls.handshake", steps.IDSSL, steps.Fail, "T04", "ERR_CONNECTION_CLOSED", blameProxy},
		{"FIN of a server that speaks HTTP", rawAt(hangsUpOnTLS),
			"tls.handshake", steps.IDSSL, steps.Fail, "T04", "ERR_CONNECTION_CLOSED", blameProxy},
		{"silence", func(t *testing.T) Target {
			return shortly(at(rawServer(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })))
		}, "tls.handshake", steps.IDSSL, steps.Fail, "T10", "ERR_TIMED_OUT", blameProxy},
		{"unrecognized_name", sendsAlert(alertUnrecognizedName),
			"tls.handshake", steps.IDSSL, steps.Fail, "T08", "ERR_SSL_UNRECOGNIZED_NAME_ALERT", blameProxy},
		{"handshake_failure", sendsAlert(alertHandshakeFailure),
			"tls.handshake", steps.IDSSL, steps.Fail, "T07", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", blameProxy},
		{"protocol_version", sendsAlert(alertProtocolVersion),
			"tls.handshake", steps.IDSSL, steps.Fail, "T07", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", blameProxy},
		{"internal_error", sendsAlert(80),
			"tls.handshake", steps.IDSSL, steps.Fail, "T06", "ERR_SSL_PROTOCOL_ERROR", blameProxy},
		{"noise after a record head", rawAt(func(c *net.TCPConn) { readHello(c); _, _ = c.Write([]byte{22, 3, 3, 0, 4, 9, 9, 9, 9}) }),
			"tls.handshake", steps.IDSSL, steps.Fail, "T06", "ERR_SSL_PROTOCOL_ERROR", blameProxy},
		{"no plain port", func(t *testing.T) Target {
			target := newGoodSite(t, steps.Intermediate).target
			target.HTTPAddresses = []netip.AddrPort{closedPort(t)}
			return target
		}, "tcp.http", steps.IDInstall, steps.Fail, "A05", "ERR_CONNECTION_REFUSED", blameProxy},
	})
}

// hangsUpOnTLS is a plain server that closes when it does not understand, as many do.
func hangsUpOnTLS(c *net.TCPConn) {
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line[0] == 'H' {
		_, _ = fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
	_ = c.CloseWrite()
}

func TestForeignNames(t *testing.T) {
	t.Parallel()
	expecting := func(t *testing.T, domains ...steps.Domain) Target {
		target := withConfig(t, func(*tls.Config) {})
		target.Expect = expected(steps.Intermediate)
		target.Expect.Certs.Domains = append(target.Expect.Certs.Domains, domains...)
		return target
	}
	runBroken(t, []broken{
		{"the site answers for any name", func(t *testing.T) Target { return expecting(t) },
			"tls.foreign", steps.IDSSL, steps.Warn, "T29", "", blameProxy},
		{"a site with an address has to", func(t *testing.T) Target { return expecting(t, "192.0.2.1") },
			"tls.foreign", steps.IDSSL, steps.OK, "", "", ""},
	})
}
