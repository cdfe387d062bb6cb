package resolve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
)

func startDNS(t *testing.T) *pebbletest.DNS {
	t.Helper()
	d, err := pebbletest.StartDNS("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func servers(list ...string) *Client {
	return &Client{Servers: list, Timeout: 500 * time.Millisecond, Dial: new(net.Dialer).DialContext}
}

func TestNameServers(t *testing.T) {
	t.Parallel()
	d := startDNS(t)
	d.Set("a.example.com", "192.0.2.1", "2001:db8::1")
	d.Set("four.example.com", "192.0.2.4")
	d.Set("empty.example.com")
	d.SetRecord("broken.example.com", pebbletest.Record{Fail: true})
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i))
	}
	d.Set("many.example.com", many...)
	n := servers(d.Address)
	for name, want := range map[string]int{"a.example.com": 2, "A.Example.Com.": 2, "four.example.com": 1, "many.example.com": 150} {
		got, err := n.LookupNetIP(t.Context(), "ip", name)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d addresses, %v", name, len(got), err)
		}
	}
	for name, notFound := range map[string]bool{"absent.example.com": true, "empty.example.com": true, "broken.example.com": false} {
		_, err := n.LookupNetIP(t.Context(), "ip", name)
		var failed *net.DNSError
		if !errors.As(err, &failed) || failed.IsNotFound != notFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecondNameServerIsAsked(t *testing.T) {
	t.Parallel()
	d := startDNS(t)
	d.Set("a.example.com", "192.0.2.1")
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	n := servers(silent.LocalAddr().String(), d.Address)
	n.Timeout = 100 * time.Millisecond
	if got, err := n.LookupNetIP(t.Context(), "ip", "a.example.com"); err != nil || !slices.Equal(got, []netip.Addr{netip.MustParseAddr("192.0.2.1")}) {
		t.Errorf("%v %v", got, err)
	}
	n.Servers = n.Servers[:1]
	_, err = n.LookupNetIP(t.Context(), "ip", "a.example.com")
	var failed *net.DNSError
	if !errors.As(err, &failed) || !failed.IsTimeout || failed.IsNotFound {
		t.Errorf("silence is %v", err)
	}
}

func TestWhichNameServers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		etc, run string
		want     []string
	}{
		{"# x\nsearch lan\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n", "", []string{"192.0.2.53:53", "[2001:db8::53]:53"}},
		{"nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.1\n", []string{"192.0.2.1:53"}},
		{"nameserver 127.0.0.53\n", "", []string{"127.0.0.53:53"}},
		{"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n", "", []string{"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}},
		{"nameserver rubbish\nnameserver\n", "", nil},
	} {
		read := func(file string) ([]byte, error) {
			switch {
			case file == resolvConf:
				return []byte(test.etc), nil
			case test.run != "":
				return []byte(test.run), nil
			}
			return nil, fs.ErrNotExist
		}
		if n := systemClient(read); !slices.Equal(n.Servers, test.want) {
			t.Errorf("%q: %+v", test.etc, n)
		}
	}
}
