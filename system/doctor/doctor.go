// Package doctor finds out what would make a CA refuse, or a certificate be lost, before a CA counts the failure. It looks
// as a CA does: at the domain's own name servers, at CAA records, and at what comes back for a token of its own from every
// address. It sees what one vantage point sees; what it cannot know it says is not checked, and why: a false alarm is worse
// than silence. It changes nothing but for the token that it has put into its place and taken away.
package doctor

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// Doctor is from where it is looked. The zero value examines this machine.
type Doctor struct {
	Own      []netip.Addr    // addresses of this host; nil: asked from the kernel
	Resolver *resolve.Client // nil: the system's resolvers, past /etc/hosts
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Port     int           // 0: the one on which the CA asks
	Patience time.Duration // for one address, one name's records, the CA; 0: 8 s
	Now      func() time.Time
}

// Visit is what is to be examined: names, and how they shall get their certificate.
type Visit struct {
	Domains   []steps.Domain
	Directory string         // of the CA; empty: none is asked, and none is compared with
	Challenge string         // steps.HTTP01 when empty
	Profile   string         // of the certificate; empty: the CA's default
	Account   string         // URL of our account there; empty: there is none yet
	Issuers   []string       // names by which the DNS knows the CA; nil: as its directory says, or as it is known to
	Bound     bool           // an external account binding was said, for when the account is made
	Roots     []byte         // PEM that the directory's own HTTPS leads to; empty: the system's
	AskCA     bool           // fetch the directory: it binds to nothing and counts for nothing
	Present   acme.Presenter // puts proofs into their place; nil: it cannot be put
	Keeper    Keeper         // with steps.DNS01: who writes the record; nil: it cannot be asked
	WhyNot    string         // why it cannot
	Allowed   func() error   // our own record of the CA's limits; nil: not asked
	Renewers  []steps.Renewer
	Second    *Visit // the CA that is asked when this one cannot issue; nil: none
}

// Examine looks at everything at once, tells each check as it comes, and returns them all, the failures first.
func (d *Doctor) Examine(ctx context.Context, v Visit, seen func(steps.Check)) []steps.Check {
	e := d.examination(v, seen)
	var all sync.WaitGroup
	all.Go(func() { e.say(e.asked()...) })
	all.Go(func() { e.say(e.limits()...) })
	all.Go(func() { e.say(e.others()...) })
	all.Go(func() { defer close(e.ca.known); e.say(e.directory(ctx)...) })
	if v.Second != nil {
		all.Go(func() { e.say(d.second(ctx, *v.Second)...) })
	}
	slots := make(chan struct{}, atOnce)
	for _, domain := range v.Domains {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			e.say(e.domain(ctx, domain)...)
		})
	}
	all.Wait()
	if e.shown() && len(e.Domains) > 0 {
		e.say(unknown("http.outside", "", "what a firewall in front of this server, a router's or the provider's, does cannot be seen from here; the rehearsal with the CA shows it"))
	}
	e.say(e.strategy()...)
	slices.SortStableFunc(e.checks, e.order)
	return e.checks
}

// atOnce is how many names are looked at at the same time.
const atOnce = 8

// Findings are the checks that are not well, as what a run is told.
func Findings(checks []steps.Check) []steps.Finding {
	var found []steps.Finding
	for _, c := range checks {
		severity := map[steps.Verdict]steps.Severity{steps.Fail: steps.Blocker, steps.Warn: steps.Warning, steps.OK: steps.Info}[c.Verdict]
		if severity != "" && c.Code != "" {
			found = append(found, steps.Finding{Step: c.Step, Code: c.Code, Severity: severity, Text: c.Detail, Fix: c.Fix})
		}
	}
	return found
}

// examination is one Examine with every default filled in.
type examination struct {
	Doctor
	Visit
	ca       ca
	resolver func(context.Context) bool // whether any resolver works at all

	mu     sync.Mutex
	seen   func(steps.Check)
	checks []steps.Check
}

func (d *Doctor) examination(v Visit, seen func(steps.Check)) *examination {
	e := &examination{Doctor: *d, Visit: v, seen: seen, ca: ca{known: make(chan struct{})}}
	if e.Own == nil {
		e.Own = ownAddresses()
	}
	if e.Resolver == nil {
		e.Resolver = resolve.System()
	}
	if e.Dial == nil {
		e.Dial = new(net.Dialer).DialContext
	}
	if e.Patience == 0 {
		e.Patience = 8 * time.Second
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Challenge == "" {
		e.Challenge = steps.HTTP01
	}
	if e.Port == 0 {
		e.Port = e.askedPort()
	}
	var once sync.Once
	var works bool
	e.resolver = func(ctx context.Context) bool {
		once.Do(func() { works = e.resolverWorks(ctx) })
		return works
	}
	return e
}

// say tells checks and keeps them. Those that are well and say nothing of their own are not kept twice.
func (e *examination) say(checks ...steps.Check) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range checks {
		c.Step = steps.IDTrusted
		c.Detail, c.Evidence = steps.CleanLine(c.Detail), steps.CleanLine(c.Evidence)
		e.checks = append(e.checks, c)
		if e.seen != nil {
			e.seen(c)
		}
	}
}

// order has the failures first, and what belongs to a name in the order of the names.
func (e *examination) order(a, b steps.Check) int {
	rank := func(c steps.Check) int {
		return slices.Index([]steps.Verdict{steps.Fail, steps.Warn, steps.Skip, steps.OK}, c.Verdict)
	}
	if n := rank(a) - rank(b); n != 0 {
		return n
	}
	return slices.Index(e.Domains, steps.Domain(a.Address)) - slices.Index(e.Domains, steps.Domain(b.Address))
}

// shown reports whether proofs can be put where a CA will look.
func (e *examination) shown() bool {
	return e.Present != nil && (e.Challenge == steps.HTTP01 || e.Challenge == steps.TLSALPN01)
}

// inTLS reports that the proof is one of TLS-ALPN-01.
func (e *examination) inTLS() bool { return e.Challenge == steps.TLSALPN01 }

// askedPort is the port on which a CA asks.
func (e *examination) askedPort() int {
	if e.inTLS() {
		return 443
	}
	return 80
}

// newProof has a token as long as a CA's, and a body as a key authorization is.
func newProof(d steps.Domain) acme.Proof {
	var b [48]byte
	_, _ = rand.Read(b[:])
	token := "sslwizard-" + base64.RawURLEncoding.EncodeToString(b[:24])
	return acme.Proof{Domain: d, Token: token, Body: token + "." + base64.RawURLEncoding.EncodeToString(b[24:])}
}

func ownAddresses() []netip.Addr {
	var own []netip.Addr
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, prefix.Addr().Unmap())
		}
	}
	return own
}

// found is a check that is as bad as its cause can be.
func found(name string, about steps.Domain, code, detail, evidence string, fix ...string) steps.Check {
	verdict := steps.Fail
	if cause, ok := steps.CauseOf(code); ok {
		verdict = map[steps.Severity]steps.Verdict{steps.Blocker: steps.Fail, steps.Warning: steps.Warn, steps.Info: steps.OK}[cause.Worst]
	}
	return steps.Check{Name: name, Address: string(about), Verdict: verdict, Code: code, Detail: detail, Evidence: evidence, Fix: fix}
}

// warned is one that does not stop anything.
func warned(c steps.Check) steps.Check {
	if c.Verdict == steps.Fail {
		c.Verdict = steps.Warn
	}
	return c
}

func passed(name string, about steps.Domain, detail, evidence string) steps.Check {
	return steps.Check{Name: name, Address: string(about), Verdict: steps.OK, Detail: detail, Evidence: evidence}
}

func unknown(name string, about steps.Domain, why string) steps.Check {
	return steps.Check{Name: name, Address: string(about), Verdict: steps.Skip, Detail: "not checked: " + why}
}

// domain examines one name.
func (e *examination) domain(ctx context.Context, d steps.Domain) []steps.Check {
	ctx, cancel := context.WithTimeout(ctx, 3*e.Patience)
	defer cancel()
	if a, ok := d.IP(); ok {
		if !steps.PublicAddress(a) && e.worldly() {
			return nil // what it is, is told already: nobody issues for it
		}
		return e.addresses(ctx, d, []netip.Addr{a.Unmap()})
	}
	var caa []steps.Check
	var both sync.WaitGroup
	both.Go(func() { caa = e.caa(ctx, d) })
	var checks []steps.Check
	switch {
	case e.Challenge == steps.DNS01:
		checks = e.record(ctx, d)
	case e.Challenge == steps.DNSPersist01:
		checks = e.standing(ctx, d)
	case !d.Wildcard():
		r := e.records(ctx, d)
		checks = append(r.checks, e.addresses(ctx, d, r.addresses)...)
	}
	both.Wait()
	return append(checks, caa...)
}
