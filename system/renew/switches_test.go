package renew

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// pebbleLog is what Pebble says of its own; it knows best what it made.
type pebbleLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *pebbleLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *pebbleLog) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// rig is a world whose CA behaves in some way.
type rig struct {
	*world
	log *pebbleLog
	obt steps.ObtainCertificate
}

func newRig(t *testing.T, o pebbletest.Options) *rig {
	log := &pebbleLog{}
	o.Log = log
	g := &rig{world: newWorld(t, o), log: log}
	g.obt = g.world.obtain()
	return g
}

// try asks for the certificate, however long the CA takes.
func (g *rig) try() error {
	g.t.Helper()
	m := g.manager()
	m.Pace.Patience, m.Pace.PollMax = time.Minute, time.Second
	return m.Make(g.t.Context(), g.host, g.obt, g.progress)
}

func (g *rig) must() {
	g.t.Helper()
	if err := g.try(); err != nil {
		g.t.Fatal(err)
	}
	g.trusted(g.ca)
}

// another has one more certificate, for the same names.
func (g *rig) another(key steps.KeyType) {
	g.t.Helper()
	g.obt.KeyType = key
	g.must()
}

// restarts is a CA that has lost its memory: another root, no account, no order, no certificate.
func (g *rig) restarts() {
	g.t.Helper()
	address := g.ca.Address
	if err := g.ca.Close(); err != nil {
		g.t.Fatal(err)
	}
	g.ca = g.start(pebbletest.Options{Listen: address, DNSServer: g.dns.Address, HTTPPort: g.webPort, Log: g.log})
	g.host.File("/etc/ssl/test-ca.pem", string(g.ca.DirectoryCA()))
}

// advises has the CA answer this to who asks when to renew the present certificate.
func (g *rig) advises(answer string) {
	g.t.Helper()
	body, err := json.Marshal(map[string]string{"Certificate": string(g.current().Chain), "ARIResponse": answer})
	if err != nil {
		g.t.Fatal(err)
	}
	rec, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/set-renewal-info/", bytes.NewReader(body))
	request.Header.Set("User-Agent", "test") // Pebble wants one
	g.ca.Management.ServeHTTP(rec, request)
	if rec.Code != http.StatusOK {
		g.t.Fatal(rec.Body)
	}
}

// windowOf is an answer of ARI (RFC 9773 section 4.2), counted from now.
func windowOf(start, end time.Duration) string {
	now := time.Now().UTC()
	return fmt.Sprintf(`{"suggestedWindow": {"start": %q, "end": %q}}`, now.Add(start).Format(time.RFC3339), now.Add(end).Format(time.RFC3339))
}

// round is one of the timer's.
func (g *rig) round() {
	g.t.Helper()
	l := &live{w: g.world, serves: map[string]string{}}
	out := g.manager().Renew(g.t.Context(), g.host, g.sites()[:1], Options{Scheduled: true}, l, nil)[0]
	if out.Err != nil {
		g.t.Fatal(out.Err)
	}
}

// behaviour is a way in which Pebble can be told to behave, and what has to come of it.
type behaviour struct {
	name    string
	options pebbletest.Options
	lives   func(*rig)

	result               string // in words
	orders, certificates int    // that the CA made
	proofs               int    // names that had to be proved
	requests             int    // at most
}

// hmacKey is one that the CA gave to a customer.
const hmacKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

var behaviours = []behaviour{
	{"every nonce is good", pebbletest.Options{}, (*rig).must, "a certificate", 1, 1, 2, 30},
	{"half of the good nonces are refused", pebbletest.Options{RejectNonces: 50}, (*rig).must, "a certificate", 1, 1, 2, 250},
	{"nine of ten good nonces are refused", pebbletest.Options{RejectNonces: 90}, (*rig).must, "a certificate", 1, 1, 2, 2000},
	{"no authorization is used again", pebbletest.Options{}, func(g *rig) { g.must(); g.another(steps.ECDSAP384) }, "two certificates, each name proved twice", 2, 2, 4, 60},
	{"every authorization is used again", pebbletest.Options{ReuseAuthz: 100}, func(g *rig) { g.must(); g.another(steps.ECDSAP384) }, "two certificates, each name proved once", 2, 2, 2, 50},
	{"validation and issuance want to be asked after a second", pebbletest.Options{RetryAuthz: time.Second, RetryOrder: time.Second}, (*rig).must, "a certificate, and the CA is not asked sooner", 1, 1, 2, 40},
	{"profiles, each asked for", pebbletest.Options{Profiles: map[string]time.Duration{"classic": 90 * day, "shortlived": 160 * time.Hour}}, func(g *rig) {
		for _, profile := range []string{"classic", "shortlived"} {
			g.obt.Trusted.Profile = profile
			g.must()
		}
	}, "a certificate of each", 2, 2, 4, 60},
	{"a profile that there is not", pebbletest.Options{Profiles: map[string]time.Duration{"classic": 90 * day}}, func(g *rig) {
		g.obt.Trusted.Profile = "tlsclient"
		expect(g.t, g.try(), "D36", steps.ExitAnswers)
	}, "D36, before an order", 0, 0, 0, 10},
	{"accounts are bound to customers", pebbletest.Options{EAB: true, EABKeys: map[string]string{"kid-1": hmacKey}}, func(g *rig) {
		g.host.Put("/root/eab.key", host.File{Data: []byte(hmacKey), Mode: 0o600})
		g.obt.Trusted.EAB = steps.SiteBinding{KeyID: "kid-1", KeyFile: "/root/eab.key"}
		g.must()
	}, "a certificate", 1, 1, 2, 30},
	{"accounts are bound, and nobody said to whom", pebbletest.Options{EAB: true, EABKeys: map[string]string{"kid-1": hmacKey}}, func(g *rig) {
		expect(g.t, g.try(), "A18", steps.ExitAnswers)
	}, "A18, before an order", 0, 0, 0, 10},
	{"the CA forgets our account", pebbletest.Options{}, func(g *rig) {
		g.must()
		g.restarts()
		g.another(steps.ECDSAP384)
	}, "the same key is registered again; a certificate of each CA", 2, 2, 4, 70},
	{"the CA forgets an order that was begun", pebbletest.Options{}, func(g *rig) {
		g.leaveUnstored()
		g.restarts()
		g.must()
	}, "a new order at the new CA", 2, 2, 4, 70},
	{"ARI: the window is past", pebbletest.Options{}, func(g *rig) {
		g.must()
		g.advises(windowOf(-48*time.Hour, -24*time.Hour))
		g.round()
		g.round()
	}, "renewed at once, and once", 2, 2, 4, 80},
	{"ARI: the window is far off", pebbletest.Options{}, func(g *rig) {
		g.must()
		g.advises(windowOf(40*day, 41*day))
		g.round()
	}, "not renewed", 1, 1, 2, 50},
	{"ARI: the answer is no answer", pebbletest.Options{}, func(g *rig) {
		g.must()
		g.advises("soon")
		g.round()
	}, "not renewed: our own rule holds", 1, 1, 2, 50},
	{"ARI: the window ends before it begins", pebbletest.Options{}, func(g *rig) {
		g.must()
		g.advises(windowOf(-24*time.Hour, -48*time.Hour))
		g.round()
	}, "not renewed: our own rule holds", 1, 1, 2, 50},
}

// TestSwitches lives with each way in which Pebble can be told to behave: the end is the right one, and it costs the CA no more
// than it has to.
func TestSwitches(t *testing.T) {
	t.Parallel()
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, b.options)
			b.lives(g)
			const proved = "set VALID by completed challenge"
			// Pebble says so after it has told us.
			for until := time.Now().Add(time.Minute); g.log.count(proved) < b.proofs && time.Now().Before(until); {
				runtime.Gosched()
			}
			for what, n := range map[string][2]int{
				"orders": {g.log.count("Added order "), b.orders}, "certificates": {g.log.count("Issued certificate serial "), b.certificates},
				"proofs": {g.log.count(proved), b.proofs},
			} {
				if n[0] != n[1] {
					t.Errorf("%d %s, want %d", n[0], what, n[1])
				}
			}
			if n := g.log.count(" -> calling handler()"); n > b.requests {
				t.Errorf("%d requests, at most %d", n, b.requests)
			}
			if issued := len(g.book().Issued); issued != b.certificates {
				t.Errorf("the ledger has %d certificates, want %d", issued, b.certificates)
			}
			if versions, _ := cert.Versions(g.host, site); b.certificates > 0 && len(versions) == 0 {
				t.Error("none is stored")
			}
		})
	}
	onSwitchesPage(t)
}

const switchesPage = "../../docs/pebble.md"

func onSwitchesPage(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Every way in which Pebble can be told to behave

Pebble is the test server of Let's Encrypt. ` + "`go test ./system/renew -run 'TestSwitches$'`" + ` lives with each of its switches, in the same process,
and sees in Pebble's own log what it made; with ` + "`-update`" + ` it writes this page. A row is what has to come of it: another number of orders,
certificates or proofs fails, as do more requests than the last column says.

| Pebble | what comes of it | orders | certificates | names proved | requests, at most |
| --- | --- | --: | --: | --: | --: |
`)
	for _, r := range behaviours {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", r.name, r.result, r.orders, r.certificates, r.proofs, r.requests)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(switchesPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(switchesPage)
	if err != nil || string(there) != b.String() {
		t.Errorf("%s is not what is tried (go test ./system/renew -run 'TestSwitches$' -update): %v", switchesPage, err)
	}
}
