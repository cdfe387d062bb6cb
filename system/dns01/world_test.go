package dns01

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

const (
	shop   = "_acme-challenge.shop.example.com"
	value  = "ADw2sEd82DUgXcQ9hNBZThJs7zVJkR5v9JeSbAb9mZY"
	secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0ISE="
)

// world is a DNS of several servers: each is reached at an address of its own, on port 53, and nowhere else.
type world struct {
	t       *testing.T
	servers map[string]*pebbletest.DNS // by address
	mu      sync.Mutex
	asked   map[string]int // how often an address was connected to
	then    func(address string, times int)
}

func newWorld(t *testing.T, addresses ...string) *world {
	t.Helper()
	w := &world{t: t, servers: map[string]*pebbletest.DNS{}, asked: map[string]int{}}
	for _, a := range addresses {
		d, err := pebbletest.StartDNS("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		w.servers[net.JoinHostPort(a, "53")] = d
	}
	return w
}

// at is the server at an address.
func (w *world) at(address string) *pebbletest.DNS { return w.servers[net.JoinHostPort(address, "53")] }

// all has every server say this of a name.
func (w *world) all(name string, r pebbletest.Record) {
	for _, d := range w.servers {
		d.SetRecord(name, r)
	}
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := w.servers[address]
	if !ok {
		return nil, fmt.Errorf("nobody is at %s", address)
	}
	w.mu.Lock()
	w.asked[address]++
	times, then := w.asked[address], w.then
	w.mu.Unlock()
	if then != nil {
		then(address, times)
	}
	return new(net.Dialer).DialContext(ctx, network, d.Address)
}

func (w *world) resolver() *resolve.Client {
	for address := range w.servers {
		return &resolve.Client{Servers: []string{address}, Timeout: 10 * time.Second, Dial: w.dial}
	}
	return nil
}

func (w *world) watch() Watch {
	return Watch{Resolver: w.resolver(), Poll: 5 * time.Millisecond, Patience: 20 * time.Second}
}

// example makes example.com a zone that its own servers keep.
func (w *world) example() {
	record := pebbletest.Record{Key: "sslwizard:" + secret}
	for n, address := range w.addresses() {
		name := fmt.Sprintf("ns%d.example.com", n+1)
		record.Servers = append(record.Servers, name)
		w.all(name, pebbletest.Record{Addresses: []string{address}})
	}
	w.all("example.com", record)
}

func (w *world) addresses() []string {
	var all []string
	for address := range w.servers {
		host, _, _ := net.SplitHostPort(address)
		all = append(all, host)
	}
	slices.Sort(all)
	return all
}

func (w *world) open(name string, s steps.DNSSettings) Provider {
	w.t.Helper()
	p, err := Open(name, s, Means{Dial: w.dial, Resolver: w.resolver(), Pause: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// texts is what a server says of a name.
func (w *world) texts(address, name string) []string {
	w.t.Helper()
	reply, err := w.resolver().Ask(w.t.Context(), net.JoinHostPort(address, "53"), resolve.Question{Name: name, Type: 16, Direct: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return resolve.Texts(reply, name)
}
