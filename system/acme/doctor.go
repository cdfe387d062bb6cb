package acme

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Resolver looks up the addresses of a name.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Doctor finds out what would make a validation fail, before a CA counts the failure: it looks the names up and asks
// every address for a proof of its own, as the CA will. It sees what one vantage point sees: firewalls
// further out and the CAA records are the CA's to judge. The zero value examines this machine.
type Doctor struct {
	Own      []netip.Addr // of this host; nil: asked from the kernel
	Resolver Resolver     // nil: the system's name servers, past /etc/hosts
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Port     int           // 0: the one on which the CA asks
	Patience time.Duration // for one address; 0: 8 s
}

// Examine returns what it found for a challenge (steps.HTTP01 or TLSALPN01), blockers first, in the order of the
// domains. It asks no CA.
func (d *Doctor) Examine(ctx context.Context, challenge string, domains []steps.Domain, present Presenter) []steps.Finding {
	e := d.examination(challenge, present)
	found := make([][]steps.Finding, len(domains))
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for i, domain := range domains {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i] = e.domain(ctx, domain)
		})
	}
	wait.Wait()
	all := slices.Concat(found...)
	slices.SortStableFunc(all, func(a, b steps.Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return slices.CompactFunc(all, func(a, b steps.Finding) bool { return a.Text == b.Text })
}

func rank(s steps.Severity) int {
	return slices.Index([]steps.Severity{steps.Blocker, steps.Warning, steps.Info}, s)
}

// newProof has a token as long as a CA's, and a body as a key authorization is.
func newProof(d steps.Domain) Proof {
	var b [48]byte
	_, _ = rand.Read(b[:])
	token := "sslwizard-" + base64.RawURLEncoding.EncodeToString(b[:24])
	return Proof{Domain: d, Token: token, Body: token + "." + base64.RawURLEncoding.EncodeToString(b[24:])}
}

// examination is one Examine with every default filled in.
type examination struct {
	Doctor
	present Presenter
	inTLS   bool // it is about TLS-ALPN-01
}

func (d *Doctor) examination(challenge string, present Presenter) *examination {
	e := &examination{Doctor: *d, present: present, inTLS: challenge == steps.TLSALPN01}
	if e.Own == nil {
		e.Own = ownAddresses()
	}
	if e.Resolver == nil {
		e.Resolver = systemNameServers(readSystem)
	}
	if e.Dial == nil {
		e.Dial = new(net.Dialer).DialContext
	}
	if e.Port == 0 {
		e.Port = e.askedPort()
	}
	if e.Patience == 0 {
		e.Patience = 8 * time.Second
	}
	return e
}

// askedPort is the port on which a CA asks.
func (e *examination) askedPort() int {
	if e.inTLS {
		return 443
	}
	return 80
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

func (e *examination) domain(ctx context.Context, d steps.Domain) []steps.Finding {
	if d.Wildcard() {
		f := wildcard(d)
		return []steps.Finding{finding(f.Code, steps.Blocker, f.Text, f.Fixes...)}
	}
	proof := newProof(d)
	if err := e.present.Present(proof); err != nil {
		return []steps.Finding{finding("webroot", steps.Blocker, "cannot put a test token into the webroot: "+short(err.Error()),
			"check that "+steps.Webroot+" can be written")}
	}
	defer e.present.CleanUp(proof) //nolint:errcheck // a test token that stays answers for nothing
	addresses, err := e.lookup(ctx, d)
	if err != nil {
		return []steps.Finding{unresolved(d, err)}
	}
	results := make([]fetched, len(addresses))
	var wait sync.WaitGroup
	for i, a := range addresses {
		wait.Go(func() { results[i] = e.ask(ctx, proof, a) })
	}
	wait.Wait()
	var found []steps.Finding
	for _, r := range results {
		if f, ok := e.judge(d, r); ok {
			found = append(found, f)
		}
	}
	return found
}

func (e *examination) lookup(ctx context.Context, d steps.Domain) ([]netip.Addr, error) {
	if a, ok := d.IP(); ok {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.Patience)
	defer cancel()
	addresses, err := e.Resolver.LookupNetIP(ctx, "ip", string(d)+".")
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	slices.SortFunc(addresses, netip.Addr.Compare) // those of IPv4 first
	addresses = slices.Compact(addresses)
	six := slices.IndexFunc(addresses, netip.Addr.Is6)
	if six < 0 {
		six = len(addresses)
	}
	return slices.Concat(addresses[:min(six, maxAddresses)], addresses[six:min(len(addresses), six+maxAddresses)]), err
}

// maxAddresses is how many addresses of each family are looked at. A DNS can name thousands, and we would knock at every
// door of somebody else's.
const maxAddresses = 8

func unresolved(d steps.Domain, err error) steps.Finding {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return finding("A01", steps.Blocker, "cannot prove "+string(d)+": the DNS has no address for it",
			"make an A record for "+string(d)+" (and AAAA, if this server has IPv6) that points to this server", "or take the name out of certs.domains, if the site has others")
	}
	return finding("A10", steps.Blocker, "cannot look up "+string(d)+": the DNS does not answer ("+dnsReason(err)+")",
		"check this server's name servers in /etc/resolv.conf", "check the domain's DNS, often its DNSSEC: https://dnsviz.net")
}

func dnsReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsTimeout {
			return "no answer in time"
		}
		return short(dns.Err)
	}
	return short(err.Error())
}

// judge turns one fetch into a finding; false when all is well.
func (e *examination) judge(d steps.Domain, r fetched) (steps.Finding, bool) {
	ours := slices.Contains(e.Own, r.address)
	cdn := cdnOf(r.address, r.header)
	switch {
	case r.err == nil && cdn != "":
		return finding("A04", steps.Info, string(d)+" is served through "+cdn+", and the check passes through it"), true
	case r.err == nil && !ours:
		return finding("A02", steps.Info, string(d)+" reaches this server through another address, "+r.address.String()), true
	case r.err == nil:
		return steps.Finding{}, false
	case cdn != "":
		return e.behindCDN(d, cdn, r), true
	case !ours && e.behindNAT(r.address):
		return finding("A02", steps.Warning, "cannot check "+string(d)+" from here: it points to "+r.address.String()+
			", which is not an address of this server, and a router in between does not show it to us ("+r.reason()+")"), true
	case !ours:
		return e.elsewhere(d, r), true
	}
	return e.broken(d, r), true
}

func (e *examination) behindCDN(d steps.Domain, cdn string, r fetched) steps.Finding {
	fix := []string{"at " + cdn + ", let " + steps.ChallengePath + " pass to this server over http without a redirect or a block",
		"or use trusted.challenge dns-01, or switch the proxy off for this name"}
	if e.inTLS { // nothing of a handshake passes through
		fix = []string{"set trusted.challenge to http-01", "or switch the proxy off for this name at " + cdn}
	}
	return finding("A04", steps.Blocker, "cannot prove "+string(d)+": "+cdn+" answers for it ("+r.reason()+")", fix...)
}

// behindNAT reports whether a public address may lead here through a router: then this host has no public address of
// that family itself, and many routers do not let a host reach itself through them.
func (e *examination) behindNAT(address netip.Addr) bool {
	if !public(address) {
		return false
	}
	some := false
	for _, own := range e.Own {
		if own.Is4() != address.Is4() || own.IsLoopback() || own.IsLinkLocalUnicast() {
			continue
		}
		if public(own) {
			return false
		}
		some = true
	}
	return some
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !sharedSpace.Contains(a)
}

// elsewhere is an address that is not ours and does not bring our token back.
func (e *examination) elsewhere(d steps.Domain, r fetched) steps.Finding {
	here := e.addresses(r.address.Is4())
	if r.address.Is6() {
		fix := "delete the AAAA record of " + string(d)
		if here != "none" {
			fix = "set the AAAA record of " + string(d) + " to " + here + ", or delete it"
		}
		return finding("A03", steps.Blocker, "cannot prove "+string(d)+": its AAAA record points to "+r.address.String()+
			", which is not this server (IPv6 here: "+here+"), and CAs ask IPv6 first", fix)
	}
	return finding("A02", steps.Blocker, "cannot prove "+string(d)+": it points to "+r.address.String()+", this server is "+here,
		"set the A record of "+string(d)+" to "+e.home()+", and wait until the old one has run out")
}

// home is what an A record should be: this server's own address, where it has a public one.
func (e *examination) home() string {
	for _, a := range e.Own {
		if a.Is4() && public(a) {
			return a.String()
		}
	}
	return "this server's public address"
}

func (e *examination) addresses(v4 bool) string {
	var out []string
	for _, a := range e.Own {
		if a.Is4() == v4 && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			out = append(out, a.String())
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out[:min(len(out), 4)], ", ")
}

// broken is an address of ours that does not bring the token back.
func (e *examination) broken(d steps.Domain, r fetched) steps.Finding {
	at, port := " at "+r.address.String(), fmt.Sprintf("port %d", e.askedPort())
	switch {
	case !r.connected:
		return finding("A05", steps.Blocker, "cannot prove "+string(d)+": "+port+" does not answer"+at+" ("+r.reason()+")",
			"check that the web server runs and that no firewall closes "+port+": sudo sslwizard status")
	case r.redirected != "":
		return finding("A06", steps.Blocker, "cannot prove "+string(d)+": the check is redirected to "+r.redirected+" ("+r.reason()+")",
			"let requests under "+steps.ChallengePath+" through without a redirect")
	}
	return finding("A07", steps.Blocker, "cannot prove "+string(d)+": something else answers"+at+" ("+r.reason()+")",
		"find the site that answers for "+string(d)+" on "+port+" and take the name out of it")
}

func finding(code string, severity steps.Severity, text string, fix ...string) steps.Finding {
	return steps.Finding{Step: steps.IDTrusted, Code: code, Severity: severity, Text: text, Fix: fix}
}
