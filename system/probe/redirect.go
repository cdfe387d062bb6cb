package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// askedURI has all that a redirect can lose: a path, a query, and no slash at the end.
const askedURI = "/a?b=1"

// challengeURI is a challenge that nobody answers; it shows where challenges go.
const challengeURI = steps.ChallengePath + "sslwizard-probe"

// maxHops is how many redirects Chromium follows.
const maxHops = 20

// http is everything at one address of the plain port.
func (p *prober) http(ctx context.Context, e endpoint) {
	if !e.http.IsValid() || p.target.HTTPPort < 0 {
		p.begin(steps.IDRedirect, "redirect.reach", e.http).end(skip("plain HTTP was not looked at"))
		return
	}
	conn, there := p.connect(ctx, connectHTTP, e.http)
	if !there {
		p.begin(steps.IDRedirect, "redirect.reach", e.http).end(skip("not judged: there is no connection to the plain port"))
		return
	}
	_ = conn.Close()
	p.redirect(ctx, e)
	p.challenge(ctx, e)
}

// redirect asks for a page in plain HTTP.
func (p *prober) redirect(ctx context.Context, e endpoint) {
	m := p.begin(steps.IDRedirect, "redirect.location", e.http)
	r, err := p.plain(ctx, e.http, askedURI)
	if err != nil {
		m.end(fail(answerFault(err), "no HTTP answer on the plain port: %s", reason(err)))
		return
	}
	if p.target.Expect != nil && !p.target.Expect.Redirect.Enabled {
		m.end(judgeKept(r))
		return
	}
	m.end(p.judgeRedirect(r))
	loop := p.begin(steps.IDRedirect, "redirect.loop", e.http)
	loop.end(p.follow(ctx, e))
}

func (p *prober) plain(ctx context.Context, addr netip.AddrPort, uri string) (reply, error) {
	return p.get(ctx, addr, "http://"+p.target.plainHost()+uri, http.Header{"Host": {p.target.plainHost()}})
}

// judgeKept judges a site that is to be served over plain HTTP as well.
func judgeKept(r reply) outcome {
	if moved(r.status) && strings.HasPrefix(r.header.Get("Location"), "https:") {
		return fail(faultKeptHTTP, "http is redirected (%d), though it was to be kept", r.status)
	}
	return ok("http is served as well, as asked (%d)", r.status)
}

// judgeRedirect wants one hop to exactly the same path and query over https.
func (p *prober) judgeRedirect(r reply) outcome {
	location := r.header.Get("Location")
	wanted := p.target.goals()
	switch {
	case !moved(r.status):
		if p.target.Expect == nil {
			return warn(faultNoRedirect, "http answers %d and does not redirect to https", r.status)
		}
		return fail(faultNoRedirect, "http answers %d and does not redirect to https", r.status)
	case !oneOf(location, wanted):
		if sameElsewhere(location) && p.target.Expect == nil {
			return ok("%d to %s", r.status, location)
		}
		return fail(faultLocation, "http://%s%s is redirected to %q, not to %s", p.target.plainHost(), askedURI, location, wanted[0])
	case p.target.Expect != nil && r.status != p.target.Expect.Redirect.Status:
		return fail(faultStatus, "redirected with %d, and %d was asked for", r.status, p.target.Expect.Redirect.Status)
	case r.status == http.StatusFound || r.status == http.StatusTemporaryRedirect || r.status == http.StatusSeeOther:
		return warn(faultStatus, "redirected with %d, which browsers do not remember; 301 or 308 is lasting", r.status)
	}
	return ok("%d to %s, path and query kept, one hop", r.status, location)
}

// goals are the right locations for askedURI. The port of the probe need not be the public one, in a rehearsal.
func (t Target) goals() []string {
	name := t.Name
	if canonical, elsewhere := t.canonical(); elsewhere {
		name = canonical
	}
	return []string{"https://" + hostPort(name, 443, 443) + askedURI, "https://" + hostPort(name, t.HTTPSPort, 0) + askedURI}
}

// sameElsewhere reports a redirect to another https host (www) that keeps path and query.
func sameElsewhere(location string) bool {
	u, err := url.Parse(location)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.RequestURI() == askedURI && u.User == nil
}

func moved(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func oneOf(s string, list []string) bool {
	for _, x := range list {
		if s == x {
			return true
		}
	}
	return false
}

func redirects(n int) string {
	if n == 1 {
		return "1 redirect"
	}
	return fmt.Sprintf("%d redirects", n)
}

// follow goes on as a browser does, as long as it stays at this site.
func (p *prober) follow(ctx context.Context, e endpoint) outcome {
	at := &url.URL{Scheme: "http", Host: p.target.plainHost(), Path: "/a", RawQuery: "b=1"}
	jar, _ := cookiejar.New(nil) // it has no error to give
	for hop := range maxHops {
		r, err := p.hop(ctx, e, at, jar)
		if err != nil {
			return skip("not judged: hop %d, %s: %s", hop+1, at, reason(err))
		}
		next, err := at.Parse(r.header.Get("Location"))
		if !moved(r.status) || r.header.Get("Location") == "" || err != nil {
			return ok("%s, then %d", redirects(hop), r.status)
		}
		if !p.target.ours(next) {
			return ok("%s, then on to %s", redirects(hop+1), next.Host)
		}
		at = next
	}
	return fail(faultLoop, "more than %d redirects; the last to %s", maxHops, at)
}

func (p *prober) hop(ctx context.Context, e endpoint, at *url.URL, jar http.CookieJar) (reply, error) {
	addr := e.http
	if at.Scheme == "https" {
		addr = e.https
	}
	header := http.Header{"Host": {at.Host}}
	for _, c := range jar.Cookies(at) {
		header.Add("Cookie", c.String())
	}
	r, err := p.get(ctx, addr, at.String(), header)
	if err == nil {
		jar.SetCookies(at, (&http.Response{Header: r.header}).Cookies())
	}
	return r, err
}

// ours reports whether the URL leads to the endpoint that is probed.
func (t Target) ours(u *url.URL) bool {
	usual, probed := 443, t.HTTPSPort
	switch u.Scheme {
	case "http":
		usual, probed = 80, t.HTTPPort
	case "https":
	default:
		return false
	}
	port, err := strconv.Atoi(orElse(u.Port(), strconv.Itoa(usual)))
	return err == nil && strings.EqualFold(u.Hostname(), t.Name) && (port == usual || port == probed)
}

// challenge looks at where a CA that checks by HTTP-01 is sent.
func (p *prober) challenge(ctx context.Context, e endpoint) {
	m := p.begin(steps.IDRedirect, "redirect.challenge", e.http)
	r, err := p.plain(ctx, e.http, challengeURI)
	switch {
	case err != nil:
		m.end(fail(answerFault(err), "no HTTP answer for a challenge: %s", reason(err)))
	case !moved(r.status):
		m.end(judgeChallenge(r, "on the plain port"))
	case p.target.Expect != nil:
		m.end(fail(faultChallenge, "a challenge is redirected to %q, not answered on the plain port", r.header.Get("Location")))
	default:
		m.end(p.followChallenge(ctx, e, r.header.Get("Location")))
	}
}

// followChallenge judges a challenge that is redirected: CAs follow, so it is fine when it gets to the same path.
func (p *prober) followChallenge(ctx context.Context, e endpoint, location string) outcome {
	u, err := url.Parse(location)
	if err != nil || u.RequestURI() != challengeURI {
		return warn(faultChallenge, "a challenge is redirected to %q", location)
	}
	if !p.target.ours(u) {
		return ok("redirected to %s, path kept", u.Host)
	}
	r, err := p.get(ctx, e.https, u.String(), http.Header{"Host": {u.Host}})
	if err != nil {
		return fail(faultChallenge, "a challenge is redirected to %s, which is dead: %s", u, reason(err))
	}
	return judgeChallenge(r, "after the redirect")
}

// judgeChallenge takes the answer for a challenge that does not exist.
func judgeChallenge(r reply, where string) outcome {
	if r.status >= 500 {
		return fail(faultChallenge, "a challenge is answered %d %s", r.status, where)
	}
	return ok("a challenge is answered %s (%d for one that does not exist)", where, r.status)
}

// judgeCanonical judges the https answer of a name that is redirected to the canonical one.
func (p *prober) judgeCanonical(r reply, canonical string) outcome {
	t := p.target
	wanted := []string{"https://" + canonical + t.Path, fmt.Sprintf("https://%s%s", hostPort(canonical, t.HTTPSPort, 0), t.Path)}
	location := r.header.Get("Location")
	switch {
	case !moved(r.status):
		return fail(faultNoRedirect, "%s answers %d and is not redirected to %s", t.Name, r.status, canonical)
	case !oneOf(location, wanted):
		return fail(faultLocation, "%s is redirected to %q, not to %s", t.Name, location, wanted[0])
	}
	return ok("%d to %s", r.status, location)
}
