package dns01

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// canaries is how each setting of a provider begins that is no address and no name.
const canaries = "canary"

// FuzzReply: whatever a provider answers to every question, it is done or refused in clean words, without what is secret, and soon.
func FuzzReply(f *testing.F) {
	providers := slices.Sorted(maps.Keys(makers))
	providers = slices.DeleteFunc(providers, func(name string) bool { return name == "exec" || name == "rfc2136" }) // no HTTP
	for i := range providers {
		f.Add(uint8(i), uint16(200), []byte(`{"result":[{"id":"a","name":"example.com","content":"\"v\""}],"success":true}`)) //nolint:gosec // a dozen
		f.Add(uint8(i), uint16(200), []byte(`{"status":"SUCCESS","domains":[{"name":"example.com"}],"records":[{"id":1,"content":"v"}]}`))
		f.Add(uint8(i), uint16(403), []byte(`{"errors":[{"message":"no \u001b[2J `+canaries+`-token"}],"detail":"can\rary-token"}`))
		f.Add(uint8(i), uint16(404), []byte(`OK`))
		who, _ := steps.DNSProviderOf(providers[i])
		for _, field := range who.Fields {
			f.Add(uint8(i), uint16(201), fmt.Appendf(nil, `{"message":"%s-%s","detail":"can\rary-%s"}`, canaries, field.Key, field.Key)) //nolint:gosec // a dozen
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, status uint16, body []byte) {
		s := settings{}
		who, _ := steps.DNSProviderOf(providers[int(which)%len(providers)])
		for _, field := range who.Fields {
			s[field.Key] = canaries + "-" + field.Key
			if told, ok := map[string]string{"server": "https://provider.test", "endpoint": "https://provider.test", "fulldomain": "a.provider.test", "username": "someone"}[field.Key]; ok {
				s[field.Key] = told
			}
		}
		p, err := Open(who.Name, s, Means{Endpoint: "http://provider.test", Pause: 1, Resolver: &resolve.Client{}, Dial: answering(int(status), body)})
		if err != nil {
			t.Fatalf("%s cannot be opened: %v", who.Name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r := Record{Name: "_acme-challenge.www.example.com", Value: "v"}
		for _, err := range []error{p.Ask(ctx, r.Name), p.Add(ctx, r), p.Remove(ctx, r)} {
			told(t, err, s)
		}
		if ctx.Err() != nil {
			t.Error("it does not end")
		}
	})
}

func told(t *testing.T, err error, s settings) {
	switch {
	case err == nil:
	case steps.CleanLine(err.Error()) != err.Error():
		t.Errorf("it is not clean: %q", err)
	case len(err.Error()) > 1000:
		t.Errorf("it is long: %v", err)
	}
	for _, secret := range s {
		if err != nil && strings.HasPrefix(secret, canaries) && strings.Contains(err.Error(), secret) {
			t.Errorf("it tells a secret: %v", err)
		}
	}
}

// answering is a network in which one server gives each question the same answer.
func answering(status int, body []byte) func(context.Context, string, string) (net.Conn, error) {
	head := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n", 200+status%400, len(body))
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			for in := bufio.NewReader(theirs); ; {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if _, err := theirs.Write(append([]byte(head), body...)); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}
}

// FuzzUpdateReply: whatever a name server answers to an update.
func FuzzUpdateReply(f *testing.F) {
	f.Add([]byte{0, 0, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0xa8, 9, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, reply []byte) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				var asked [4]byte // its length and its number
				if _, err := io.ReadFull(theirs, asked[:]); err != nil {
					return
				}
				rest := make([]byte, int(asked[0])<<8+int(asked[1])-2)
				_, _ = io.ReadFull(theirs, rest)
				answer := slices.Concat([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply) //nolint:gosec // so it is on the wire
				if len(reply) > 1 {
					copy(answer[2:], asked[2:])
				}
				_, _ = theirs.Write(answer)
			}()
			return ours, nil
		}
		p := &rfc2136{means: Means{Dial: dial}, server: "192.0.2.1:53", zone: "example.com"}
		told(t, p.Add(t.Context(), Record{Name: "a.example.com", Value: "v"}), nil)
	})
}
