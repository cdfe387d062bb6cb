//go:build e2e

package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// ill is one row: what is wrong with the world, and what the doctor says of it.
type ill struct {
	how   string // in words, for the page
	wrong func()
	right func()   // what the doctor advised, or the like of it: the next row finds nothing of it any more
	names []string // nil: shop and www
	args  []string // how they shall be proved; nil: by the CA of this world
	want  string   // every failure and every warning, sorted; empty: all is well
	says  string   // what was really seen
}

// ward is the story with those who make it ill.
type ward struct {
	*story
	servers atomic.Pointer[dns.HandlerFunc] // what the second name server does
	web     atomic.Pointer[http.Handler]    // what the program on port 8081 of the server does
	front   atomic.Pointer[http.Handler]    // what the neighbour before the server does
	public  atomic.Pointer[publicCA]        // what the CA of the internet says
	asked   atomic.Int32                    // how often that one was asked for more than its directory
	router  *world.Neighbour
	ns, cdn *world.Neighbour
	page    []string // the rows of docs/doctor-seen.md
}

// publicCA is the directory of a CA of the internet.
type publicCA struct {
	ahead    time.Duration // of its clock
	status   int
	binding  bool
	profiles map[string]string
	login    bool // a login page stands before it
}

var (
	byPebble = []string{"--directory", "https://acme.test:14000/dir", "--ca", "/root/ca.pem"}
	byPublic = []string{"--directory", "letsencrypt", "--ca", "/root/public.pem"}
	byRecord = append([]string{"--challenge", "dns-01"}, byPublic...)
)

func (c *publicCA) serve(w http.ResponseWriter) {
	w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
	switch {
	case c.login:
		fmt.Fprint(w, "<html>please log in")
	case c.status != 0:
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(c.status)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"newOrder": "https://acme-v02.api.letsencrypt.org/order", "meta": map[string]any{
			"caaIdentities": []string{"letsencrypt.org"}, "externalAccountRequired": c.binding, "profiles": c.profiles,
		}})
	}
}

// admit builds the neighbourhood: a public CA that counts who asks it for more than its directory, a second name server, a
// host before the server, and a router.
func admit(t *testing.T) *ward {
	t.Helper()
	w := &ward{story: begin(t, "trixie")}
	w.public.Store(&publicCA{})
	ca := w.w.Neighbour(61)
	root := ca.ServeTLS(443, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/directory" {
			w.asked.Add(1)
		}
		w.public.Load().serve(rw)
	}), "acme-v02.api.letsencrypt.org")
	w.s.Write("/root/public.pem", root, 0o644)
	w.w.CA.Name("acme-v02.api.letsencrypt.org", ca.Addr4())
	w.ns, w.cdn, w.router = w.w.Neighbour(60), w.w.Neighbour(62), w.w.Neighbour(99)
	w.ns.ServeDNS(func(rw dns.ResponseWriter, q *dns.Msg) { (*w.servers.Load())(rw, q) })
	w.cdn.Serve(80, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*w.front.Load()).ServeHTTP(rw, r) }))
	w.s.Serve(8081, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*w.web.Load()).ServeHTTP(rw, r) }))
	w.w.CA.Zone("example.com", "sslwizard:"+zoneKey)
	w.w.CA.Name("ns2.example.com", w.ns.Addr4())
	w.w.CA.Records("com", `{"servers": ["ns1.example.com"]}`)
	return w
}

// healthy sets right all that a row may have made wrong in the DNS.
func (w *ward) healthy() {
	w.Helper()
	pointed(w.story)
	w.w.CA.Zone("example.com", "sslwizard:"+zoneKey)
	w.public.Store(&publicCA{})
}

// examine goes through rows.
func (w *ward) examine(rows []ill) {
	w.Helper()
	before := w.asks()
	for _, row := range rows {
		if row.wrong != nil {
			row.wrong()
		}
		args, names := row.args, row.names
		if args == nil {
			args = byPebble
		}
		if names == nil {
			names = []string{shop, www}
		}
		began := time.Now()
		troubles, text := w.visit(append(slices.Clone(names), args...)...)
		w.Logf("%-45s %5.1f s", row.how, time.Since(began).Seconds())
		if got := strings.Join(slices.Sorted(slices.Values(troubles)), ","); got != row.want || !strings.Contains(text, row.says) {
			w.Errorf("%s: found %q, want %q with %q:\n%s", row.how, got, row.want, row.says, text)
		}
		w.note(row, text, append(slices.Clone(names), args...))
		if row.right != nil {
			row.right()
		}
		w.healthy()
	}
	if n := w.asks() - before; n != 0 || w.asked.Load() != 0 {
		w.Errorf("a CA was asked: Pebble %d times, the public one %d times", n, w.asked.Load())
	}
}

// asks is how often Pebble was asked for anything but its directory.
func (w *ward) asks() int {
	log := w.w.CA.Log()
	return strings.Count(log, "POST /") + strings.Count(log, "HEAD /nonce") + strings.Count(log, "GET /nonce")
}

// note makes the page's line of a row: the first thing that is to be wrong, or else that nothing is.
func (w *ward) note(row ill, text string, command []string) {
	said, fix, code := "nothing is wrong: "+row.says, "", ""
	for line := range strings.Lines(text) {
		var event struct{ Check steps.Check }
		if json.Unmarshal([]byte(line), &event) != nil {
			continue
		}
		c := event.Check
		if c.Code != "" && strings.HasPrefix(row.want+",", string(c.Verdict)+" "+c.Code+",") {
			said, fix, code = c.Detail+" ("+c.Evidence+")", strings.Join(c.Fix, "; "), c.Code
		}
	}
	if len(command) > 8 {
		command = append(slices.Clone(command[:2]), "…")
	}
	cells := []string{code, row.how, said, fix, "`sslwizard doctor " + strings.Join(command, " ") + "`"}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(anyTime.ReplaceAllString(strings.TrimSuffix(cell, " ()"), "…"), "|", `\|`)
	}
	w.page = append(w.page, "| "+strings.Join(cells, " | ")+" |")
}

// anyTime is what is another one at every run.
var anyTime = regexp.MustCompile(`sslwizard-[\w-]{32}|pid \d+|\d{4}-\d\d-\d\d [\d:]+ UTC`)

const seenPage = "../../docs/doctor-seen.md"

// written holds the page against the rows that were gone through: every one is on it. SSLWIZARD_CAUSES=write writes it.
func (w *ward) written() {
	w.Helper()
	if os.Getenv("SSLWIZARD_CAUSES") == "write" {
		text := "# What the doctor said\n\nWritten by `SSLWIZARD_CAUSES=write go test -tags e2e -run 'TestDoctorCauses$' ./e2e/scenario` on a booted Debian\nserver, on which each of " +
			"these was really wrong. No CA was asked for anything but its directory.\n\n| code | how it was made | what the doctor said | what to do | the command |\n| --- | --- | --- | --- | --- |\n" +
			strings.Join(w.page, "\n") + "\n"
		if err := os.WriteFile(seenPage, []byte(text), 0o644); err != nil {
			w.Fatal(err)
		}
	}
	page, err := os.ReadFile(seenPage)
	if err != nil {
		w.Fatal(err)
	}
	for _, line := range w.page {
		parts := strings.SplitN(line, " | ", 3)
		if !strings.Contains(string(page), parts[0]+" | "+parts[1]+" | ") {
			w.Errorf("not in docs/doctor-seen.md, which SSLWIZARD_CAUSES=write writes: %s", line)
		}
	}
}

// TestDoctorCauses has every cause that the doctor tells apart be there for real, one after the other on one booted server,
// and finds each before any CA is asked for more than its directory; and what only looks wrong raises no alarm.
func TestDoctorCauses(t *testing.T) {
	t.Parallel()
	w := admit(t)
	w.examine([]ill{
		{"nothing is wrong", nil, nil, nil, nil, "", "reaches this server at 2001:db8::10"},
		{"nothing is wrong, and the CA is a public one", nil, nil, nil, byPublic, "", "no CAA record keeps a CA from issuing"},
		{"in capitals, with a dot at the end", nil, nil, []string{"Shop.Example.COM."}, byPublic, "", "reaches this server at 203.0.113.10"},
	})
	w.examine(w.names())
	w.examine(w.nameServers())
	w.examine(w.addresses())
	w.examine(w.permissions())
	w.examine(w.requests())
	w.examine(w.authorities())
	w.examine(w.host())
	w.examine(w.routers())
	w.answer("native", "  acceptTerms: true\n", "  acceptTerms: true\n  profile: default\n  fallback: {directory: letsencrypt, caRoots: /root/public.pem}\n")
	w.must(w.apply())
	w.examine(w.site())
	w.beforeAnOrder()
	w.answer("native", "  acceptTerms: true\n", "  acceptTerms: true\n  challenge: dns-01\n  dns: {provider: rfc2136, credentials: "+tokens+"}\n")
	w.s.Write(tokens, byUpdates, 0o600)
	w.must(w.apply())
	w.examine(w.providers())
	w.written()
}

// beforeAnOrder has a renewal stop where the doctor would have said so, before the CA is asked.
func (w *ward) beforeAnOrder() {
	w.Helper()
	w.has(`"bogus": true`)()
	orders := w.w.CA.Orders()
	w.ends(w.sslwizard("renew", "--force", shop), 3, "D10", "signatures do not fit")
	if w.w.CA.Orders() != orders {
		w.Error("the CA was asked for what could not be proved")
	}
	w.healthy()
}

type dialing func(ctx context.Context, network, address string) (net.Conn, error)

// through passes requests on to a server, and sets a mark on what comes back.
func through(dial dialing, to, mark string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if mark != "" {
			rw.Header().Set(mark, "1")
		}
		copied(rw, dial, to, r)
	})
}

// copied asks the same of another server, and writes what it says.
func copied(rw http.ResponseWriter, dial dialing, to string, r *http.Request) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, to)
	}}}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.Path, nil)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	reply, err := client.Do(request)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer reply.Body.Close()
	_, _ = io.Copy(rw, reply.Body)
}
