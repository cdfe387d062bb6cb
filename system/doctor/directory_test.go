package doctor

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// theCA is a directory over TLS, and the certificate that leads to it.
func theCA(t *testing.T, answer http.HandlerFunc) (*httptest.Server, []byte) {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it says so by hanging up
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func directoryWith(meta map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"newOrder": "https://" + r.Host + "/order", "meta": meta})
	}
}

// TestDirectoryCauses has the CA, or the way to it, be wrong.
func TestDirectoryCauses(t *testing.T) {
	t.Parallel()
	fine := directoryWith(map[string]any{"profiles": map[string]string{"classic": "x", "tlsserver": "y"}})
	dated := func(by time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			fine(w, r)
		}
	}
	code := func(code int, header ...string) http.HandlerFunc { return status(code, header...).ServeHTTP }
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		change func(*Visit)
		want   string
		says   string
	}{
		{"well", fine, nil, "", ""},
		{"the clock is a day ahead", dated(-24 * time.Hour), nil, "fail H09", "ahead"},
		{"the clock is ten minutes behind", dated(10 * time.Minute), nil, "warn H09", "behind"},
		{"the clock is a second off", dated(time.Second), nil, "", ""},
		{"another root", fine, func(v *Visit) { v.Roots = nil }, "fail D34", "not trusted"},
		{"a CA file without a certificate", fine, func(v *Visit) { v.Roots = []byte("no") }, "fail D34", "no certificate"},
		{"a login page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, nil, "fail D35", "no ACME server"},
		{"not there", code(404), nil, "fail D35", "404"},
		{"sent to a login", code(302, "Location", "https://login.example/"), nil, "fail D35", "302"},
		{"maintenance", code(503, "Retry-After", "3600"), nil, "fail A16", "Retry-After: 3600"},
		{"an account is wanted", directoryWith(map[string]any{"externalAccountRequired": true}), nil, "fail A18", "externalAccountRequired"},
		{"an account is wanted, and there", directoryWith(map[string]any{"externalAccountRequired": true}), func(v *Visit) { v.Account = "https://ca/1" }, "", ""},
		{"an account is wanted, and bound", directoryWith(map[string]any{"externalAccountRequired": true}), func(v *Visit) { v.Bound = true }, "", ""},
		{"no such profile", fine, func(v *Visit) { v.Profile = "shortlived" }, "fail D36", "classic, tlsserver"},
		{"a profile that is there", fine, func(v *Visit) { v.Profile = "tlsserver" }, "", ""},
		{"an address, and no profile for it", fine, func(v *Visit) { v.Domains = []steps.Domain{"203.0.113.7"} }, "fail A26", "no profile"},
		{"its name is not found", fine, func(v *Visit) { v.Directory = "https://ca.invalid/dir" }, "fail D38", "ca.invalid"},
		{"no TLS", fine, func(v *Visit) { v.Directory = "plain" }, "fail D35", "speaks no TLS"},
		{"nobody there", fine, func(v *Visit) { v.Directory = "closed" }, "fail A16", "connection refused"},
		{"no way out", fine, func(v *Visit) { v.Directory = "https://203.0.113.99/dir" }, "fail D33", "no answer in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, root := theCA(t, test.answer)
			n := newInternet(t)
			v := Visit{Directory: s.URL + "/dir", Roots: root, AskCA: true}
			if test.change != nil {
				test.change(&v)
			}
			switch v.Directory {
			case "plain":
				plain := httptest.NewServer(fine)
				t.Cleanup(plain.Close)
				v.Directory = "https://" + plain.Listener.Addr().String()
			case "closed":
				v.Directory = "https://" + free(t)
			}
			d := &Doctor{Own: []netip.Addr{netip.MustParseAddr(here4)}, Resolver: n.resolver, Patience: 5 * time.Second}
			if test.want == "fail D33" {
				d.Dial, d.Patience = n.dial, 300*time.Millisecond // whose addresses are silent
			}
			e := d.examination(v, nil)
			sees(t, e.directory(t.Context()), test.want, test.says)
		})
	}
}

// free is an address of this machine at which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An expired certificate of the CA's server is told as what it mostly is: the clock of this one.
func TestExpiredIsTheClock(t *testing.T) {
	t.Parallel()
	s, root := theCA(t, directoryWith(nil))
	d := &Doctor{Resolver: &resolve.Client{}, Patience: 5 * time.Second, Now: func() time.Time { return time.Now().AddDate(200, 0, 0) }}
	e := d.examination(Visit{Directory: s.URL, Roots: root, AskCA: true}, nil)
	sees(t, e.directory(t.Context()), "fail H09", "ahead")
}
