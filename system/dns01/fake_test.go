package dns01

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// exchange is one question that a provider has to be asked, and its answer.
type exchange struct {
	ask    string // "POST /dns/create/example.com"
	body   string // exactly; empty: none
	status int    // 0: 200
	answer string
	header string // of the answer: "Retry-After: 1"
}

// fake is a provider as its documentation has it. It is strict: an exchange that is not the next one fails the test, and so
// does one that is never made.
type fake struct {
	t       *testing.T
	mu      sync.Mutex
	headers map[string]string // on every question
	next    []exchange
	server  *httptest.Server
}

func newFake(t *testing.T, headers map[string]string, next ...exchange) *fake {
	f := &fake{t: t, headers: headers, next: next}
	f.server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.server.Close()
		for _, e := range f.next {
			t.Errorf("%s was never asked", e.ask)
		}
	})
	return f
}

func (f *fake) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	asked := r.Method + " " + r.URL.RequestURI()
	if len(f.next) == 0 {
		f.t.Errorf("%s %s is asked, and nothing was expected", asked, body)
		rw.WriteHeader(http.StatusTeapot)
		return
	}
	e := f.next[0]
	f.next = f.next[1:]
	if asked != e.ask || string(body) != e.body {
		f.t.Errorf("asked\n  %s\n  %s\nand not\n  %s\n  %s", asked, body, e.ask, e.body)
	}
	for name, want := range f.headers {
		if got := r.Header.Get(name); got != want {
			f.t.Errorf("%s: %s is %q, not %q", asked, name, got, want)
		}
	}
	if name, value, ok := strings.Cut(e.header, ": "); ok {
		rw.Header().Set(name, value)
	}
	if e.status != 0 {
		rw.WriteHeader(e.status)
	}
	_, _ = io.WriteString(rw, e.answer)
}

func (f *fake) open(name string, s steps.DNSSettings) Provider {
	f.t.Helper()
	m := Means{Endpoint: f.server.URL, Pause: time.Millisecond}
	for _, key := range []string{"server", "endpoint"} {
		if s[key] == "HERE" {
			s[key], m.Endpoint = f.server.URL+"/", ""
		}
	}
	p, err := Open(name, s, m)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}
