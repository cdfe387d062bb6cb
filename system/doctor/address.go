package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// maxAddresses is how many addresses of each family are looked at. A DNS can name thousands.
const maxAddresses = 8

// addresses goes to every address of a name, as a CA may.
func (e *examination) addresses(ctx context.Context, d steps.Domain, all []netip.Addr) []steps.Check {
	if len(all) == 0 {
		return nil
	}
	all = few(tidy(slices.Clone(all)))
	if c, none := e.unreachable(d, all); none {
		return []steps.Check{c}
	}
	if !e.shown() {
		return e.unproved(d, all)
	}
	proof := newProof(d)
	if err := e.Present.Present(proof); err != nil {
		return []steps.Check{found("http.token", d, "webroot", "cannot put a test token into the webroot: "+short(err.Error()), "",
			"check that "+steps.Webroot+" can be written")}
	}
	defer e.Present.CleanUp(proof) //nolint:errcheck // a test token that stays answers for nothing
	results := make([]fetched, len(all))
	var wait sync.WaitGroup
	for i, a := range all {
		wait.Go(func() { results[i] = e.ask(ctx, proof, a) })
	}
	wait.Wait()
	var checks []steps.Check
	for _, r := range results {
		checks = append(checks, e.judge(d, r, results))
	}
	return checks
}

// few are the first of each family.
func few(sorted []netip.Addr) []netip.Addr {
	six := slices.IndexFunc(sorted, netip.Addr.Is6)
	if six < 0 {
		six = len(sorted)
	}
	return slices.Concat(sorted[:min(six, maxAddresses)], sorted[six:min(len(sorted), six+maxAddresses)])
}

// unreachable are addresses to which a public CA has no way.
func (e *examination) unreachable(d steps.Domain, all []netip.Addr) (steps.Check, bool) {
	if !acme.IsPublic(e.Directory) {
		return steps.Check{}, false
	}
	for _, a := range all {
		switch {
		case steps.SharedSpace.Contains(a):
			c := found("dns.address", d, "D08", "cannot prove "+string(d)+": "+a.String()+" is an address that a provider shares among customers (CGNAT)", "",
				"ask your provider for a public address, or use trusted.challenge dns-01")
			c.Verdict = steps.Fail
			return c, true
		case !steps.PublicAddress(a):
			return found("dns.address", d, "D07", "cannot prove "+string(d)+": "+a.String()+" is an address of a private network, where no CA comes", "",
				"set the record of "+string(d)+" to "+e.home(), "or, for a name that only your network uses: trusted.source: none"), true
		}
	}
	return steps.Check{}, false
}

// unproved is for a token that could not be put: only the addresses can be compared.
func (e *examination) unproved(d steps.Domain, all []netip.Addr) []steps.Check {
	var checks []steps.Check
	for _, a := range all {
		cdn := cdnOf(a, nil)
		switch {
		case slices.Contains(e.Own, a):
			checks = append(checks, passed("dns.address", d, a.String()+" is an address of this server", ""))
		case cdn != "":
			checks = append(checks, warned(found("dns.address", d, "A04", string(d)+" is served through "+cdn, a.String()+" is one of its addresses",
				"at "+cdn+", let "+steps.ChallengePath+" pass to this server over http without a redirect or a block")))
		case e.behindNAT(a):
			checks = append(checks, unknown("dns.address", d, a.String()+" is not an address of this server; a router in front may have it"))
		default:
			checks = append(checks, warned(e.elsewhere(d, fetched{address: a}, nil)))
		}
	}
	why := e.WhyNot
	if why == "" {
		why = "the names are proved by " + e.Challenge
	}
	return append(checks, unknown("http.reach", d, why))
}

// judge turns one fetch into a check.
func (e *examination) judge(d steps.Domain, r fetched, all []fetched) steps.Check {
	ours := slices.Contains(e.Own, r.address)
	cdn := cdnOf(r.address, r.header)
	at := r.address.String()
	switch {
	case r.err == nil && cdn != "":
		c := passed("http.reach", d, string(d)+" is served through "+cdn+", and the check passes through it", "the nonce came back from "+at)
		c.Code = "A04"
		return c
	case r.err == nil && !ours:
		c := passed("http.reach", d, string(d)+" reaches this server through another address, "+at, "the nonce came back from there")
		c.Code = "A02"
		return c
	case r.err == nil:
		return passed("http.reach", d, string(d)+" reaches this server at "+at, "the nonce came back")
	case cdn != "":
		return e.behindCDN(d, cdn, r)
	case !ours && e.behindNAT(r.address):
		return e.hidden(d, r)
	case !ours:
		return e.elsewhere(d, r, all)
	}
	return e.deaf(d, r, all)
}

func (e *examination) behindCDN(d steps.Domain, cdn string, r fetched) steps.Check {
	fix := []string{"at " + cdn + ", let " + steps.ChallengePath + " pass to this server over http without a redirect or a block",
		"or use trusted.challenge dns-01, or switch the proxy off for this name"}
	if e.inTLS() { // nothing of a handshake passes through
		fix = []string{"set trusted.challenge to http-01", "or switch the proxy off for this name at " + cdn}
	}
	return found("http.reach", d, "A04", "cannot prove "+string(d)+": "+cdn+" answers for it ("+r.reason()+")", "asked at "+r.address.String(), fix...)
}

// hidden is a router that does not show this server to itself.
func (e *examination) hidden(d steps.Domain, r fetched) steps.Check {
	text := "cannot check " + string(d) + " from here: it points to " + r.address.String() + ", which is not an address of this server, and a router in between does not show it to us (" + r.reason() + ")"
	if own := e.leaving(r.address); steps.SharedSpace.Contains(own) {
		return found("http.reach", d, "D08", "this server has only an address that its provider shares among customers (CGNAT), so the CA may not reach it", "own address "+own.String()+", "+r.reason(),
			"ask your provider for a public address, or use trusted.challenge dns-01")
	}
	return found("http.reach", d, "D14", text, "own addresses "+e.own(r.address.Is4()), "let the router pass ports 80 and 443 on to this server; nothing, if it does")
}

// leaving is the address with which this host goes to another. Not every shared address is of a provider: VPNs take them too,
// beside the one that leads to the internet.
func (e *examination) leaving(to netip.Addr) netip.Addr {
	if conn, err := net.Dial("udp", net.JoinHostPort(to.String(), "9")); err == nil { // no packet is sent
		defer conn.Close()
		if from, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil && slices.Contains(e.Own, from.Addr().Unmap()) {
			return from.Addr().Unmap()
		}
	}
	rank := func(a netip.Addr) int {
		switch {
		case a.Is4() != to.Is4() || a.IsLoopback() || a.IsLinkLocalUnicast():
			return 2
		case steps.SharedSpace.Contains(a):
			return 1
		}
		return 0
	}
	return slices.MinFunc(e.Own, func(a, b netip.Addr) int { return rank(a) - rank(b) })
}

// behindNAT reports whether a public address may lead here through a router: then this host has no public address of
// that family itself, and many routers do not let a host reach itself through them.
func (e *examination) behindNAT(address netip.Addr) bool {
	if !steps.PublicAddress(address) {
		return false
	}
	some := false
	for _, own := range e.Own {
		if own.Is4() != address.Is4() || own.IsLoopback() || own.IsLinkLocalUnicast() {
			continue
		}
		if steps.PublicAddress(own) {
			return false
		}
		some = true
	}
	return some
}

// elsewhere is an address that is not ours and does not bring our token back.
func (e *examination) elsewhere(d steps.Domain, r fetched, all []fetched) steps.Check {
	here, saw := e.own(r.address.Is4()), "a record of the DNS"
	if r.err != nil {
		saw += "; asked there: " + r.reason()
	}
	other := slices.ContainsFunc(all, func(o fetched) bool { return o.err == nil && o.address.Is4() == r.address.Is4() })
	switch {
	case other:
		return found("http.reach", d, "D12", "cannot prove "+string(d)+": of its addresses "+r.address.String()+" is another server's, and the CA may ask any of them", saw,
			"delete the record with "+r.address.String())
	case r.address.Is6():
		fix := "delete the AAAA record of " + string(d)
		if here != "none" {
			fix = "set the AAAA record of " + string(d) + " to " + here + ", or delete it"
		}
		return found("http.reach", d, "A03", "cannot prove "+string(d)+": its AAAA record points to "+r.address.String()+
			", which is not this server (IPv6 here: "+here+"), and CAs ask IPv6 first", saw, fix)
	}
	return found("http.reach", d, "A02", "cannot prove "+string(d)+": it points to "+r.address.String()+", this server is "+here, saw,
		"set the A record of "+string(d)+" to "+e.home()+", and wait until the old one has run out")
}

// home is what an A record should be: this server's own address, where it has a public one.
func (e *examination) home() string {
	for _, a := range e.Own {
		if a.Is4() && steps.PublicAddress(a) {
			return a.String()
		}
	}
	return "this server's public address"
}

// own are this host's addresses of a family; where some are public, those: containers have private ones.
func (e *examination) own(v4 bool) string {
	var out []netip.Addr
	for _, a := range e.Own {
		if a.Is4() == v4 && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			out = append(out, a)
		}
	}
	if slices.ContainsFunc(out, steps.PublicAddress) {
		out = slices.DeleteFunc(out, func(a netip.Addr) bool { return !steps.PublicAddress(a) })
	}
	return list(out)
}

// deaf is an address of ours that does not bring the token back.
func (e *examination) deaf(d steps.Domain, r fetched, all []fetched) steps.Check {
	at := r.address.String()
	saw := "asked by this server at " + net.JoinHostPort(at, strconv.Itoa(e.Port))
	four := slices.ContainsFunc(all, func(o fetched) bool { return o.err == nil && o.address.Is4() })
	code, port := r.cause(), fmt.Sprintf("port %d", e.askedPort())
	switch {
	case !r.connected && r.address.Is6() && four:
		return found("http.reach", d, "D13", "cannot prove "+string(d)+": IPv6 does not reach the web server at "+at+" ("+r.reason()+"), and CAs ask IPv6 first", saw,
			"let the web server listen on [::] and open "+port+" for IPv6", "or delete the AAAA record of "+string(d))
	case !r.connected:
		return found("http.reach", d, "A05", "cannot prove "+string(d)+": "+port+" does not answer at "+at+" ("+r.reason()+")", saw,
			"check that the web server runs and that no firewall closes "+port+": sudo sslwizard status")
	case r.redirected != "":
		if code != "D22" && code != "D23" && code != "D24" {
			code = "A06"
		}
		return found("http.reach", d, code, "cannot prove "+string(d)+": the check is redirected to "+r.redirected+" ("+r.reason()+")", saw,
			"let requests under "+steps.ChallengePath+" through without a redirect")
	case code == "":
		code = "A07"
	}
	cause, _ := steps.CauseOf(code)
	return found("http.reach", d, code, "cannot prove "+string(d)+": something else answers at "+at+" ("+r.reason()+")", saw, wayOn(d, port, cause))
}

func wayOn(d steps.Domain, port string, c steps.Cause) string {
	switch c.Code {
	case "A07":
		return "find the site that answers for " + string(d) + " on " + port + " and take the name out of it"
	case "D37":
		return c.Do
	}
	return c.Do + ": " + steps.ChallengePath
}
