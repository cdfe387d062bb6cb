package renew

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

const trialRoots = "/etc/ssl/test-ca.pem"

const faultsPage = "../../docs/faults.md"

// grounds is what all cases share: a Pebble, its DNS, and a web server that is every case's site.
type grounds struct {
	ca    *pebbletest.Server
	dns   *pebbletest.DNS
	real  *publicCA
	mu    sync.Mutex
	hosts map[string]host.Reader // by the name of the site
}

func newGrounds(t *testing.T) *grounds {
	t.Helper()
	g := &grounds{hosts: map[string]host.Reader{}, real: newPublicCA(t)}
	web := httptest.NewServer(g)
	t.Cleanup(web.Close)
	var err error
	if g.dns, err = pebbletest.StartDNS(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.dns.Close() })
	g.dns.SetDefault("127.0.0.1")
	if g.ca, err = pebbletest.Start(pebbletest.Options{DNSServer: g.dns.Address, HTTPPort: web.Listener.Addr().(*net.TCPAddr).Port}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.ca.Close() })
	return g
}

// ServeHTTP answers challenges out of the webroot of the host whose name is asked.
func (g *grounds) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name, _, _ := net.SplitHostPort(r.Host)
	g.mu.Lock()
	h := g.hosts[strings.TrimPrefix(name, "www.")]
	g.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	serveWebroot(h, rw, r)
}

// letsEncrypt is how the front of every case is called: all of our limits are on.
const letsEncrypt = "acme-v02.api.letsencrypt.org"

// patient has no limit that a busy machine could meet.
var patient = acme.Pace{
	Poll: 2 * time.Millisecond, PollMax: 20 * time.Millisecond, Retry: 2 * time.Millisecond,
	Patience: time.Minute, Validate: time.Minute, Issue: time.Minute, Request: time.Minute,
}

// trial is one issuance, on a host of its own, through a front of its own.
type trial struct {
	*grounds
	t       *testing.T
	host    host.Host
	memory  *systemtest.Host // the same, unless it is a folder
	front   *pebbletest.Front
	site    string
	domains []steps.Domain
	pace    acme.Pace
	ahead   time.Duration
}

func (g *grounds) trial(t *testing.T, n int) *trial {
	t.Helper()
	h := newHost(t)
	c := g.trialOn(t, n, h)
	c.memory = h
	h.File(trialRoots, c.roots())
	return c
}

func (g *grounds) trialOn(t *testing.T, n int, h host.Host) *trial {
	t.Helper()
	c := &trial{grounds: g, t: t, host: h, site: fmt.Sprintf("f%d.example.com", n), pace: patient}
	c.domains = []steps.Domain{steps.Domain(c.site), steps.Domain("www." + c.site)}
	g.mu.Lock()
	g.hosts[c.site] = c.host
	g.mu.Unlock()
	var err error
	if c.front, err = pebbletest.StartFront(g.ca, letsEncrypt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.front.Close() })
	c.meddle(func(*pebbletest.Exchange) {})
	return c
}

// roots are what the case trusts: the front, and who signs certificates.
func (c *trial) roots() string { return string(c.front.DirectoryCA()) + string(c.real.root()) }

// meddle puts a fault before what every case has: certificates are signed anew by a CA that is not known to be for tests.
func (c *trial) meddle(how func(*pebbletest.Exchange)) {
	c.front.Meddle(func(x *pebbletest.Exchange) {
		if x.Endpoint == pebbletest.Certificate {
			x.Change(func(r *pebbletest.Reply) { c.real.sign(r, nil) })
		}
		how(x)
	})
}

func (c *trial) manager() *Manager {
	m := managerFor(c.dns.Address)
	m.Pace, m.Now = c.pace, func() time.Time { return time.Now().Add(c.ahead) }
	return m
}

// managerFor finds every name by this name server, and has no doctor.
func managerFor(dns string) *Manager {
	resolver := &net.Resolver{PreferGo: true, Dial: dialDNS(dns)}
	return &Manager{UserAgent: "sslwizard/test", Doctor: blind{}, Pace: patient, Dialer: &net.Dialer{Resolver: resolver}}
}

func (c *trial) run() error { return c.manager().Make(c.t.Context(), c.host, c.change(), nil) }

func (c *trial) change() steps.ObtainCertificate {
	return steps.ObtainCertificate{
		For: steps.For(steps.IDTrusted), Site: c.site, Domains: c.domains, KeyType: steps.ECDSAP256, Webroot: steps.Webroot,
		Trusted: steps.SiteTrusted{
			Source: steps.SourceACME, Directory: c.front.Directory, CARoots: trialRoots, Email: "ops@example.com",
			AcceptTerms: true, Challenge: steps.HTTP01,
		},
	}
}

// wait lets time pass, here and at the CA.
func (c *trial) wait(d time.Duration) {
	c.ahead += d
	c.front.Ahead(c.ahead)
}

// times counts how often the fault comes: once, or for ever.
func times(e pebbletest.Endpoint, once bool, does func(*pebbletest.Exchange)) func(*pebbletest.Exchange) {
	var mu sync.Mutex
	done := false
	return func(x *pebbletest.Exchange) {
		if x.Endpoint != e {
			return
		}
		mu.Lock()
		now := !once || !done
		done = true
		mu.Unlock()
		if now {
			does(x)
		}
	}
}

// TestFaults has every fault at every endpoint, once and for ever: each ends soon and says what it is and what to do,
// nothing is lost by it, the ledger is right, and a run without it ends with a certificate.
func TestFaults(t *testing.T) {
	t.Parallel()
	g := newGrounds(t)
	rows := allRows()
	slots := make(chan struct{}, 8) // most of them wait: more at once than there are processors
	var wait sync.WaitGroup
	for n, r := range rows {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(string(r.endpoint)+" "+r.fault.name, func(t *testing.T) {
				g.trial(t, 2*n).once(r)
				g.trial(t, 2*n+1).forEver(r)
			})
		})
	}
	wait.Wait()
	if len(rows) < 162 {
		t.Errorf("only %d faults were tried", len(rows))
	}
	page := pageOf(rows)
	if *update {
		if err := os.WriteFile(faultsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		if !t.Failed() {
			promises.Record(t, promises.Figure{Promise: 14, What: "faults of a CA and of the way to it, each classified, with nothing lost", Target: "≥ 162",
				Measured: promises.Count(len(rows)), Command: "go test ./system/renew -run 'TestFaults$' -update"})
		}
	}
	want, err := os.ReadFile(faultsPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(page, "\n") {
		if !slices.Contains(strings.Split(string(want), "\n"), line) {
			t.Errorf("%s does not say this: go test ./system/renew -run 'TestFaults$' -update\n%s", faultsPage, line)
		}
	}
	if string(want) != page && !t.Failed() {
		t.Errorf("%s says more than this run: go test ./system/renew -run 'TestFaults$' -update", faultsPage)
	}
}

// TestFullLedgerHoldsUpNoFinishedCertificate: the certificate of an open order is counted already, and at Let's Encrypt, whose
// limits are all met now, it is fetched all the same.
func TestFullLedgerHoldsUpNoFinishedCertificate(t *testing.T) {
	t.Parallel()
	c := newGrounds(t).trial(t, 1)
	c.pace.Patience = 30 * time.Millisecond
	c.meddle(times(pebbletest.Certificate, false, (*pebbletest.Exchange).Cut))
	expect(t, c.run(), "A16", steps.ExitUnavailable)
	c.meddle(func(*pebbletest.Exchange) {})
	l := openLedger(c.host, time.Now)
	full := func(b *book) {
		for n := range perSet.theirs {
			at := time.Now().UTC()
			b.Issued = append(b.Issued, entry{c.front.Directory, setOf(c.domains), fmt.Sprintf("https://ca.example/order/%d", n), at})
			b.Failed = append(b.Failed, entry{c.front.Directory, c.site, "", at})
		}
	}
	if err := l.change(full); err != nil {
		t.Fatal(err)
	}
	until(t, l.allows(c.front.Directory, c.domains, first)) // no order is made now
	c.pace = patient
	if err := c.run(); err != nil {
		t.Fatal(err)
	}
	c.served()
	if n := c.front.Made(pebbletest.NewOrder); n != 1 {
		t.Errorf("%d orders were made", n)
	}
}

func allRows() []*row {
	var rows []*row
	for _, f := range faults() {
		for _, e := range f.endpoints() {
			rows = append(rows, &row{endpoint: e, fault: f})
		}
	}
	return rows
}

// once is a fault that passes.
func (c *trial) once(r *row) {
	if r.endpoint == pebbletest.Finalize || !r.fault.stuck { // the others are asked for again
		c.impatient(r)
	}
	c.meddle(times(r.endpoint, true, r.fault.does(c)))
	err := c.run()
	if err == nil {
		r.once = "passes"
	} else {
		r.once = "stops: " + c.classified(r, err).Code
	}
	c.afterwards(r, err)
}

// forEver is a fault that stays until the next run.
func (c *trial) forEver(r *row) {
	c.impatient(r)
	if r.endpoint != pebbletest.NewOrder || r.fault.code == "A13" { // there the tries are counted
		c.pace.Patience = 30 * time.Millisecond
	}
	c.meddle(times(r.endpoint, false, r.fault.does(c)))
	err := c.run()
	if err == nil {
		r.says = "passes"
	} else {
		f := c.classified(r, err)
		r.code, r.status, r.says, r.fix = f.Code, f.ExitStatus(), f.Text, f.Fixes[0]
		if f.Code != r.fault.want(r.endpoint) {
			c.t.Errorf("it is told as %s, want %s: %v", f.Code, r.fault.want(r.endpoint), err)
		}
	}
	c.afterwards(r, err)
	r.orders, r.certificates = c.front.Made(pebbletest.NewOrder), c.front.Made(pebbletest.Finalize)
}

// impatient shortens what the fault would wait for to its end, and nothing else.
func (c *trial) impatient(r *row) {
	switch {
	case r.fault.slow:
		c.pace.Request = 3 * time.Second
	case r.fault.stuck && r.endpoint == pebbletest.Authorization:
		c.pace.Validate = time.Second
	case r.fault.stuck:
		c.pace.Issue = time.Second
	}
}

// classified wants an error for people, with a row of the catalogue, and a way on.
func (c *trial) classified(r *row, err error) *steps.Failure {
	c.t.Helper()
	failures.MetError(c.t, err)
	var f *steps.Failure
	if !errors.As(err, &f) {
		c.t.Fatalf("it is not told: %v", err)
	}
	if f.Code == "" || len(f.Fixes) == 0 || !strings.HasPrefix(f.Text, "cannot ") {
		c.t.Errorf("there is no code, no way on or no right beginning: %q %q %v", f.Code, f.Text, f.Fixes)
	}
	text := err.Error() + strings.Join(f.Fixes, "\n")
	if strings.Contains(text, "urn:") || strings.Contains(text, "<html") || strings.Contains(text, "%!") || strings.ContainsRune(text, 0x1b) || len(text) > 5000 {
		c.t.Errorf("the text is raw: %.500q", text)
	}
	return f
}

// afterwards looks at what a run left, and runs again without the fault.
func (c *trial) afterwards(r *row, first error) {
	c.t.Helper()
	key := c.accountKey()
	c.counted(first != nil && r.endpoint == pebbletest.Finalize)
	c.meddle(func(*pebbletest.Exchange) {})
	c.pace = patient
	orders := c.front.Made(pebbletest.NewOrder)
	if first != nil {
		c.heeded(first)
		if err := c.run(); err != nil {
			c.t.Fatalf("the next run: %v\nafter: %v", err, first)
		}
		if more := c.front.Made(pebbletest.NewOrder) - orders; more > 1 {
			c.t.Errorf("the next run made %d orders", more)
		}
	}
	c.served()
	c.counted(false)
	if now := c.accountKey(); key != "" && now != key {
		c.t.Error("the account key is another one")
	}
	if n := c.front.Made(pebbletest.NewAccount); n != 1 {
		c.t.Errorf("there are %d accounts", n)
	}
	for name := range c.memory.Snapshot() {
		if strings.HasPrefix(name, steps.ACMEDir+"/orders/") || strings.HasPrefix(name, steps.Webroot+steps.ChallengePath) {
			c.t.Errorf("%s stayed", name)
		}
	}
}

// heeded wants that no run asks before the time that the CA named.
func (c *trial) heeded(err error) {
	var l *acme.Limited
	if !errors.As(err, &l) || l.Until.IsZero() {
		return
	}
	asked := c.front.Requests(pebbletest.Directory)
	again := c.run()
	var own *acme.Limited
	if !errors.As(again, &own) || !own.Own || !own.Until.Equal(l.Until.UTC()) || c.front.Requests(pebbletest.Directory) != asked {
		c.t.Errorf("told to wait until %v, the next run says %v", l.Until, again)
	}
	c.wait(time.Until(l.Until) - c.ahead + time.Second)
}

// counted wants the ledger to say what the CA has made. Where a signing request was handed in and nobody knows whether it
// was taken, it is one more, of an order that the next run goes on with.
func (c *trial) counted(unsure bool) {
	c.t.Helper()
	b, err := openLedger(c.host, time.Now).read()
	if err != nil {
		c.t.Fatal(err)
	}
	if made := c.front.Made(pebbletest.Finalize); len(b.Issued) != made && !(unsure && len(b.Issued) == made+1) {
		c.t.Errorf("the CA made %d certificates, the ledger has %d", made, len(b.Issued))
	}
	if made := c.front.Made(pebbletest.NewOrder); len(b.Ordered) < made {
		c.t.Errorf("the CA made %d orders, the ledger has %d", made, len(b.Ordered))
	}
	if made := c.front.Made(pebbletest.NewAccount); len(b.Registered) < made {
		c.t.Errorf("the CA made %d accounts, the ledger has %d", made, len(b.Registered))
	}
}

func (c *trial) accountKey() string {
	dir := accountDir(c.front.Directory)
	f, err := c.host.ReadFile(path.Join(dir, "key.pem"))
	if err != nil {
		return ""
	}
	return string(f.Data)
}

// served judges the certificate that the site has now.
func (c *trial) served() {
	c.t.Helper()
	v, err := cert.Current(c.host, c.site)
	if err != nil {
		c.t.Fatal(err)
	}
	chain, err := cert.ParseChain(v.Chain)
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := cert.ParseKey(v.Key)
	if err != nil {
		c.t.Fatal(err)
	}
	want := cert.Expected{Key: key.Public(), Domains: c.domains, Exact: true, Roots: c.real.pool(), Public: true, Now: time.Now().Add(c.ahead)}
	if err := cert.Check(chain, want); err != nil {
		c.t.Error(err)
	}
}

// row is a line of docs/faults.md.
type row struct {
	endpoint             pebbletest.Endpoint
	fault                *fault
	once                 string
	code, says, fix      string
	status               int
	orders, certificates int
}

func pageOf(rows []*row) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What a certificate authority, and the way to it, can do wrong

Made by `+"`go test ./system/renew -run 'TestFaults$' -update`"+`, out of the run itself: a TLS proxy before Pebble, which is
called %s, does each of these %d things, once and for ever. A fault that comes once mostly passes unseen. One that
stays ends the run with a code of the catalogue, an exit status and one thing to do. The next run, without the fault, ends with a
certificate each time; the last two columns are what the CA made in both runs together. The ledger has the same
certificates, the account and its key are the same, no order is left over, and a time that the CA named is kept.

| endpoint | fault | once | for ever | exit | it says | what to do | orders | certificates |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`, letsEncrypt, len(rows))
	for _, e := range allEndpoints {
		for _, r := range rows {
			if r.endpoint == e {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s | %s | %d | %d |\n", r.endpoint, r.fault.name, r.once, r.code, r.status,
					r.plain(r.says), r.plain(r.fix), r.orders, r.certificates)
			}
		}
	}
	return b.String()
}

// plain takes out what differs from run to run: names of the case, its port, the time.
func (r *row) plain(text string) string {
	return varies.ReplaceAllStringFunc(strings.ReplaceAll(text, "|", `\|`), func(s string) string {
		switch {
		case strings.HasSuffix(s, ".com"):
			return "shop.example.com"
		case strings.HasPrefix(s, ":"):
			return ""
		}
		return "(the time)"
	})
}

var allEndpoints = []pebbletest.Endpoint{
	pebbletest.Directory, pebbletest.NewNonce, pebbletest.NewAccount, pebbletest.NewOrder, pebbletest.Authorization,
	pebbletest.Challenge, pebbletest.Finalize, pebbletest.Order, pebbletest.Certificate,
}

func (f *fault) endpoints() []pebbletest.Endpoint {
	if f.at != nil {
		return f.at
	}
	return slices.DeleteFunc(slices.Clone(allEndpoints), func(e pebbletest.Endpoint) bool { return slices.Contains(f.notAt, e) })
}
