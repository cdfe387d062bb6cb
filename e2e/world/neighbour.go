package world

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// Neighbour is one more host of the internet. It is not booted: its programs are functions of the test.
type Neighbour struct {
	w    *World
	host host
}

// Neighbour joins a host with that number, which no server of this world has.
func (w *World) Neighbour(number int) *Neighbour {
	w.t.Helper()
	n := &Neighbour{w: w, host: w.join(fmt.Sprintf("n%d", number), number)}
	w.t.Cleanup(func() { w.part(n.host) })
	return n
}

// Addr4 is its IPv4 address.
func (n *Neighbour) Addr4() netip.Addr { return n.host.v4 }

// Addr6 is its IPv6 address.
func (n *Neighbour) Addr6() netip.Addr { return n.host.v6 }

// IP runs ip(8) there.
func (n *Neighbour) IP(words string) { n.w.t.Helper(); n.w.ip("-n " + n.host.netns + " " + words) }

// Rule has nft(8) take a line there.
func (n *Neighbour) Rule(line string) { n.w.t.Helper(); must(n.w.t, n.host.in("nft", line)...) }

// Exec runs a program of this machine there; it has to succeed.
func (n *Neighbour) Exec(argv ...string) { n.w.t.Helper(); must(n.w.t, n.host.in(argv...)...) }

// Serve answers over HTTP on a port of the neighbour, as long as the world is there.
func (n *Neighbour) Serve(port int, h http.Handler) { n.w.t.Helper(); n.w.serve(n.host, port, h) }

// Dial connects from there.
func (n *Neighbour) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return n.host.dial(ctx, network, address)
}

func (h host) dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = h.inside(func() error {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Serve answers over HTTP on a port of the server, as a program there that the test wrote.
func (s *Server) Serve(port int, h http.Handler) { s.w.t.Helper(); s.w.serve(s.host, port, h) }

func (w *World) serve(at host, port int, h http.Handler) {
	w.t.Helper()
	l := w.listen(at, port)
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(l) //nolint:errcheck // it ends at Close
	w.t.Cleanup(func() { _ = server.Close() })
}

// ServeTLS is Serve over TLS; it returns the root, as PEM, that its certificate for these names leads to.
func (n *Neighbour) ServeTLS(port int, h http.Handler, names ...string) string {
	n.w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.w.t.Fatalf("world: %v", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(100 * time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		n.w.t.Fatalf("world: %v", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}}}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(tls.NewListener(n.w.listen(n.host, port), config)) //nolint:errcheck // it ends at Close
	n.w.t.Cleanup(func() { _ = server.Close() })
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}))
}

// ServeDNS answers questions on port 53 of the neighbour's IPv4 address.
func (n *Neighbour) ServeDNS(h dns.HandlerFunc) {
	n.w.t.Helper()
	var packets net.PacketConn
	err := n.host.inside(func() (err error) {
		packets, err = net.ListenPacket("udp", n.host.v4.String()+":53")
		return err
	})
	if err != nil {
		n.w.t.Fatalf("world: %v", err)
	}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: packets, Handler: h, NotifyStartedFunc: func() { close(started) }}
	go server.ActivateAndServe() //nolint:errcheck // it ends at Shutdown
	<-started
	n.w.t.Cleanup(func() { _ = server.Shutdown() })
}

func (w *World) listen(at host, port int) net.Listener {
	w.t.Helper()
	var l net.Listener
	err := at.inside(func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	})
	if err != nil {
		w.t.Fatalf("world: %v", err)
	}
	return l
}

// inside calls f in the namespace of a host. What f opens stays there.
func (h host) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := unix.Open("/run/netns/"+h.netns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- fmt.Errorf("cannot enter %s: %w", h.netns, err)
			return
		}
		defer unix.Close(ns)
		if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("cannot enter %s: %w", h.netns, err)
			return
		}
		done <- f()
	}()
	return <-done
}
