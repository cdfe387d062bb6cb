package nearby

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// lookTime is how long an answer may be looked at.
const lookTime = 5 * time.Second

// Look holds one answer against the world; each check says in Address what it is about. For most keys there is nothing
// to look at.
func Look(ctx context.Context, key string, a steps.Answers, f steps.Facts, dns Resolver) []steps.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	switch key {
	case "certs.domains":
		return each(a.Certs.Domains, func(name string) steps.Check { return leadsHere(ctx, name, f, dns) })
	case "proxy.upstream":
		if u, err := steps.ParseUpstream(a.Proxy.Upstream); err == nil {
			return []steps.Check{application(ctx, key, u, firstName(a, f))}
		}
	case "proxy.moreUpstreams":
		return each(a.Proxy.MoreUpstreams, func(text string) steps.Check {
			u, err := steps.ParseUpstream(text)
			if err != nil {
				return steps.Check{Step: steps.IDProxy, Name: key, Address: steps.CleanLine(text), Verdict: steps.Skip}
			}
			return application(ctx, key, u, firstName(a, f))
		})
	case "websockets.paths":
		u, err := steps.ParseUpstream(a.Proxy.Upstream)
		if err != nil || u.HTTP2() || !a.WebSockets.Enabled {
			return nil
		}
		return each(a.WebSockets.Paths, func(path string) steps.Check {
			c := probe.Socket(ctx, u, firstName(a, f), path, oneTime*3)
			c.Name, c.Address = key, ""
			return gentle(c)
		})
	}
	return nil
}

// application asks an upstream.
func application(ctx context.Context, key string, u steps.Upstream, name string) steps.Check {
	_, server, c := probe.Application(ctx, u, name, oneTime*3)
	if c.Verdict == steps.OK && server != "" {
		c.Detail += " (" + server + ")"
	}
	c.Name, c.Address = key, u.String()
	return gentle(c)
}

// gentle makes a warning of what fails: an application may be started after the set-up.
func gentle(c steps.Check) steps.Check {
	if c.Verdict == steps.Fail {
		c.Verdict = steps.Warn
	}
	return c
}

func firstName(a steps.Answers, f steps.Facts) string {
	if len(a.Certs.Domains) > 0 {
		return a.Certs.Domains[0]
	}
	return f.Hostname
}

// each looks at several values at once and keeps their order.
func each(values []string, look func(string) steps.Check) []steps.Check {
	values = values[:min(len(values), most)]
	checks := make([]steps.Check, len(values))
	var all sync.WaitGroup
	for n, value := range values {
		all.Go(func() { checks[n] = look(value) })
	}
	all.Wait()
	return checks
}

// leadsHere says where a name leads. Behind a router or a CDN the addresses are others, so nothing here is a failure.
func leadsHere(ctx context.Context, name string, f steps.Facts, dns Resolver) steps.Check {
	c := steps.Check{Step: steps.IDCerts, Name: "certs.domains", Address: steps.CleanLine(name), Verdict: steps.Warn}
	d, err := steps.ParseDomain(name)
	if err != nil {
		c.Detail = steps.CleanLine(err.Error())
		return c
	}
	if why := d.Unobtainable(); why != "" {
		c.Detail, _, _ = strings.Cut(why, ";")
		c.Fix = []string{"take your own files or none in step 7, or another name here"}
		return c
	}
	if a, ok := d.IP(); ok { // it says itself where it leads
		return judgeAddresses(c, []netip.Addr{a}, f)
	}
	if d.Wildcard() {
		c.Verdict, c.Detail = steps.Skip, "every name below it: step 7 proves it by a record in the DNS"
		return c
	}
	addresses, err := dns.LookupNetIP(ctx, "ip", string(d))
	var missing *net.DNSError
	switch {
	case errors.As(err, &missing) && missing.IsNotFound:
		c.Code, c.Detail = "A01", "has no address in the DNS yet, so no CA can reach it"
		c.Fix = []string{"add an A record with " + orThis(f) + " at your DNS provider"}
		return c
	case err != nil:
		c.Verdict, c.Detail = steps.Skip, "the DNS does not answer"
		return c
	}
	return judgeAddresses(c, addresses, f)
}

func judgeAddresses(c steps.Check, addresses []netip.Addr, f steps.Facts) steps.Check {
	var here, elsewhere []string
	for _, a := range addresses {
		if a = a.Unmap(); ours(f, a) {
			here = append(here, a.String())
		} else {
			elsewhere = append(elsewhere, a.String())
		}
	}
	switch {
	case len(elsewhere) == 0:
		c.Verdict, c.Detail = steps.OK, "leads here"
	case len(here) == 0:
		c.Code, c.Detail = "A02", "leads to "+some(elsewhere)+", which this server does not have itself"
		c.Fix = []string{"fine behind a router, a load balancer or a CDN that passes ports 80 and 443 on to here", "else point it to " + orThis(f)}
	default:
		c.Code, c.Detail = "A03", "leads here and also to "+some(elsewhere)
		c.Fix = []string{"remove the records that are not this server's: a CA may ask any of them"}
	}
	return c
}

// some are the first of addresses of which a DNS can name thousands.
func some(addresses []string) string {
	const shown = 4
	if more := len(addresses) - shown; more > 0 {
		addresses = append(addresses[:shown:shown], fmt.Sprintf("%d more", more))
	}
	return strings.Join(addresses, " and ")
}

// orThis is the address that a record should have, as far as it is known.
func orThis(f steps.Facts) string {
	for _, a := range f.Addresses {
		if a.Is4() && !a.IsPrivate() {
			return a.String()
		}
	}
	return "the public address of this server"
}
