package main

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// FuzzFront sends whatever it finds to the native proxy. What reaches the application is strictly HTTP/1.1, and every
// request in it is one that the proxy knows of.
func FuzzFront(f *testing.F) {
	for _, p := range http1Payloads() {
		if len(p.text) < 4<<10 {
			f.Add(strings.ReplaceAll(p.text, "backend.test", shopHost))
		}
	}
	b := newStrict()
	f.Cleanup(b.stop)
	address := serveOne(f, &place{names: []string{shopHost}, back: b, sockets: "/"})
	f.Fuzz(func(t *testing.T, text string) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, text+strings.ReplaceAll(end, "backend.test", shopHost)) // it may be refused half-way
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _ = io.Copy(io.Discard, conn) // until the proxy closes or waits for more
		seen, dirt := b.take()
		if len(dirt) > 0 {
			t.Errorf("%q: the application got %v", text, dirt)
		}
		for _, r := range seen {
			if r.whole && (r.header.Get("X-Forwarded-For") != "127.0.0.1" || r.host != shopHost) {
				t.Errorf("%q: the application saw %q for %q, of which the proxy knew nothing", text, r.line(), r.host)
			}
		}
	})
}

// serveOne serves a site by plain HTTP and returns the address.
func serveOne(f *testing.F, p *place) string {
	s := &stage{certs: f.TempDir(), places: []*place{p}}
	if err := s.certify(p); err != nil {
		f.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(s.chain(p), s.key(p))
	if err != nil {
		f.Fatal(err)
	}
	sites, err := steps.Sites(p.name(), []byte(p.answers(steps.ExecutorNative)+"redirect: {enabled: false}\n"))
	if err != nil {
		f.Fatal(err)
	}
	server := proxy.New(proxy.Options{})
	if err := server.Swap(proxy.Config{Sites: []proxy.Site{{Site: sites[0], Certificate: pair}}}); err != nil {
		f.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	go func() { _ = server.Serve([]net.Listener{l}, nil) }() // until the test ends
	f.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
