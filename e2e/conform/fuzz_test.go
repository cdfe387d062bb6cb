package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// FuzzForward sends whatever it finds to the native proxy. What reaches the application is strictly HTTP/1.1, and it is
// what net/http reads in the same bytes, request for request, but for what a proxy takes away and adds.
func FuzzForward(f *testing.F) {
	for _, p := range http1Payloads() {
		if len(p.text) < 4<<10 {
			f.Add(strings.ReplaceAll(p.text, "backend.test", shopHost))
		}
	}
	b := newStrict()
	f.Cleanup(b.stop)
	front := serveOne(f, &place{names: []string{shopHost}, back: b, sockets: "/"})
	turn := uint32(0)
	f.Fuzz(func(t *testing.T, text string) {
		turn++
		text += strings.ReplaceAll(end, "backend.test", shopHost)
		understood, whole := readByNetHTTP(text)
		client := newMute(text, turn)
		front.clients <- client
		if !client.await(whole) {
			t.Fatalf("%q: it waits for more, where net/http sees the end", text)
		}
		seen, dirt := b.take()
		if len(dirt) > 0 {
			t.Errorf("%q: the application got %v", text, dirt)
		}
		if err := client.compare(seen, understood); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// compare wants what the application saw of this client to be among what net/http understood, in that order. A request
// that only began is nobody's.
func (m *mute) compare(seen []request, understood []reading) error {
	for _, r := range seen {
		if !r.whole || r.header.Get("X-Forwarded-For") != m.address() {
			continue // of a client before this, who was gone before its answer
		}
		same, others := false, []error{errors.New("these are its own")}
		for !same && len(understood) > 0 {
			err := understood[0].equals(r)
			same, others, understood = err == nil, append(others, err), understood[1:]
		}
		if !same {
			return fmt.Errorf("the application saw %q, which net/http has not: %w", r.line(), errors.Join(others...))
		}
	}
	return nil
}

// serveOne serves a site by plain HTTP to clients in memory.
func serveOne(f *testing.F, p *place) memoryFront {
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
	front := memoryFront{clients: make(chan net.Conn), closed: make(chan struct{})}
	go func() { _ = server.Serve([]net.Listener{front}, nil) }() // until the test ends
	f.Cleanup(func() { close(front.closed) })
	return front
}

// aMoment is how long a client that has not said all of its last request stays: what it asked before is answered by then.
const aMoment = 2 * time.Millisecond
