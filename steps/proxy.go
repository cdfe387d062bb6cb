package steps

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (b *siteBuilder) proxy() SiteProxy {
	a := b.answers.Proxy
	p := SiteProxy{Timeout: b.duration("proxy.timeout", a.Timeout, time.Second, day), Headers: b.headers(a.Headers)}
	var err error
	if a.Upstream == "" {
		b.fail("proxy.upstream", bad("missing: where the application listens, for instance http://127.0.0.1:3000"))
	} else if p.Upstream, err = ParseUpstream(a.Upstream); err != nil {
		b.fail("proxy.upstream", err)
	}
	p.More, p.Sticky = b.moreUpstreams(p.Upstream), a.Sticky
	p.MaxBody, err = ParseSize(a.MaxBody)
	b.check("proxy.maxBody", err)
	p.Trusted = b.peers()
	p.ClientAddress, err = parseClientField(a.ClientAddress)
	b.check("proxy.clientAddress", err)
	p.AccessLog = b.choice("proxy.accessLog", a.AccessLog, LogJournal, LogJSON, LogCombined, LogOff)
	return p
}

// mostUpstreams is how many a site may have.
const mostUpstreams = 16

// moreUpstreams are those beside the first. A request may go to any, so that each has to be spoken to in the same way.
func (b *siteBuilder) moreUpstreams(first Upstream) []Upstream {
	var more []Upstream
	for i, text := range bounded(b, "proxy.moreUpstreams", b.answers.Proxy.MoreUpstreams) {
		path := fmt.Sprintf("proxy.moreUpstreams[%d]", i)
		u, err := ParseUpstream(text)
		switch {
		case err != nil:
			b.fail(path, err)
		case u == first || slices.Contains(more, u):
			b.fail(path, bad("%s is an upstream already", u))
		case first.Scheme != "" && (u.TLS() != first.TLS() || u.HTTP2() != first.HTTP2()):
			b.fail(path, bad("%s and %s are not spoken to in the same way: with TLS or without, in HTTP/1.1 or HTTP/2", u, first))
		}
		more = append(more, u)
	}
	if len(more) >= mostUpstreams {
		b.fail("proxy.moreUpstreams", bad("a site has at most %d upstreams", mostUpstreams))
	}
	return more
}

// upstreamKey is the key of the answer that gave an upstream, by its place in SiteProxy.Upstreams.
func upstreamKey(i int) string {
	if i == 0 {
		return "proxy.upstream"
	}
	return fmt.Sprintf("proxy.moreUpstreams[%d]", i-1)
}

func (b *siteBuilder) headers(texts map[string]string) []Header {
	var all []Header
	for _, name := range bounded(b, "proxy.headers", slices.Sorted(maps.Keys(texts))) {
		path := "proxy.headers." + name
		h, err := parseHeader(name, texts[name])
		switch {
		case err != nil:
			b.fail(path, err)
		case slices.ContainsFunc(all, func(o Header) bool { return o.Name == h.Name }):
			b.fail(path, bad("%s was given already, in other capitals", h.Name))
		default:
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func proxyQuestions(f Facts) []Question {
	all := []Question{
		{
			Key: "proxy.upstream", Kind: KindText, Label: "Where does the application listen?", Required: true, Default: defaultUpstream(f),
			Help: "A port of this server (3000), an address (http://10.0.0.5:8080, https://…; h2c://… for gRPC), or a socket (unix:/run/app.sock).",
			Why:  "127.0.0.1 rather than localhost: that name may also mean ::1, where many applications do not listen.",
			Shell: []string{"location / {", "    proxy_pass http://127.0.0.1:3000;", "    proxy_set_header Host $host;", "    proxy_set_header X-Real-IP $remote_addr;",
				"    proxy_set_header X-Forwarded-For $remote_addr;    (added to what the client sends, it could be forged)",
				"    proxy_set_header X-Forwarded-Proto $scheme;", "    proxy_set_header X-Forwarded-Host $host;", "}"},
		},
		{
			Key: "proxy.moreUpstreams", Kind: KindList, Label: "Where else does it listen?", Default: "", Advanced: true,
			Help: "The same application once more, on this server or on others: addresses as above. A request goes to the one that has the fewest in progress, and past those that do not answer.",
			Why:  "Most sites have one application, in one place.",
			Shell: []string{"upstream shop {", "    zone shop 256k;", "    least_conn;", "    server 127.0.0.1:3000 max_fails=1 fail_timeout=1s;",
				"    server 127.0.0.1:3001 max_fails=1 fail_timeout=1s;", "}", "proxy_pass http://shop;"},
		},
		{
			Key: "proxy.sticky", Kind: KindBool, Label: "Keep each visitor at one of them?", Default: "no", Advanced: true,
			When:  func(a Answers) bool { return len(a.Proxy.MoreUpstreams) > 0 },
			Help:  "A cookie has a visitor come back to the upstream that answered first, as long as that is up. For applications that keep sessions in their own memory; with the native executor, and over HTTPS.",
			Why:   "An application that keeps its sessions elsewhere does without, and its load is spread more evenly.",
			Shell: []string{"sticky cookie __Host-upstream path=/ secure httponly samesite=none;    (in upstream{}; nginx 1.29.6 or later)"},
		},
		{
			Key: "proxy.timeout", Kind: KindDuration, Label: "How long may the application be silent?", Default: "60s",
			Help:  "After this time without a byte of the answer the visitor gets an error page. WebSockets have their own time.",
			Why:   "A minute is what nginx has, and more than visitors wait.",
			Shell: []string{"proxy_read_timeout 60s;", "proxy_send_timeout 60s;"},
		},
		{
			Key: "proxy.maxBody", Kind: KindSize, Label: "Largest upload", Default: "20M",
			Help:  "Larger requests are refused with 413. 0 allows any size.",
			Why:   "nginx's own 1M refuses an ordinary photograph.",
			Shell: []string{"client_max_body_size 20M;"},
		},
		{
			Key: "proxy.headers", Kind: KindHeaders, Label: "More headers for the application", Default: "",
			Help:  "Name: value, added to every request. Host, X-Real-IP and X-Forwarded-For, -Proto and -Host are set anyway. A value may be a password: no plan shows it; sudo sslwizard answers print does.",
			Why:   "Few applications need any.",
			Shell: []string{"proxy_set_header X-Api-Zone blue;"},
		},
	}
	return append(append(all, peerQuestions()...), accessLogQuestion())
}

// defaultUpstream is the one application that listens here, if there is just one.
func defaultUpstream(f Facts) string {
	found := ""
	for _, l := range f.Listeners {
		if !likelyApplication(l) {
			continue
		}
		host := "127.0.0.1"
		if l.Address.IsValid() && !l.Address.IsUnspecified() {
			host = l.Address.Unmap().String()
		}
		u := Upstream{Scheme: "http", Host: host, Port: l.Port.Number}.String()
		if found != "" && found != u {
			return ""
		}
		found = u
	}
	return found
}

// likelyApplication leaves out what is not HTTP: privileged ports, other transports, databases, our own.
func likelyApplication(l Listener) bool {
	notHTTP := []int{3306, 5432, 6379, 11211, 27017}
	return l.Port.Proto == "tcp" && l.Port.Number > 1023 && l.Port.Number < 32768 && !l.Ours && !slices.Contains(notHTTP, l.Port.Number)
}

func proxyFindings(s Site, f Facts) []Finding {
	all := http2Findings(s)
	for _, u := range s.Proxy.Upstreams() {
		all = append(all, upstreamFindings(u, len(s.Proxy.More) == 0, f)...)
	}
	all = append(all, peerFindings(s)...)
	return append(all, accessLogFindings(s)...)
}

// upstreamFindings looks at one upstream; alone says that the site has no other.
func upstreamFindings(u Upstream, alone bool, f Facts) []Finding {
	if u.Socket() {
		return nil
	}
	a, err := netip.ParseAddr(u.Host)
	isIP := err == nil
	here := u.Loopback() || isIP && slices.Contains(f.Addresses, a) || isOwnName(u.Host, f)
	switch {
	case here && (ownPort(u.Port) || oursAt(f, u.Port)):
		return []Finding{{Code: "W09", Severity: Blocker, Text: fmt.Sprintf("cannot proxy to %s: that is this proxy itself, requests would run in a circle", u),
			Fix: []string{"give the address of the application, for instance proxy.upstream: http://127.0.0.1:3000"}}}
	case here:
		return listenerFindings(u, a, alone, f)
	case isIP && !u.TLS() && !a.IsPrivate():
		return []Finding{{Code: "upstream-clear", Severity: Warning, Text: fmt.Sprintf("requests go to %s over the network without encryption", u),
			Fix: []string{"proxy.upstream: " + encrypted[u.Scheme] + "://" + u.Address() + "    if the application can"}}}
	}
	return nil
}

// encrypted is the scheme with TLS of one without.
var encrypted = map[string]string{"http": "https", "h2c": "h2"}

// http2Findings are about an application that speaks HTTP/2 only: mostly one of gRPC.
func http2Findings(s Site) []Finding {
	if !s.Proxy.Upstream.HTTP2() {
		return nil
	}
	var found []Finding
	if !s.SSL.HTTP2 {
		found = append(found, Finding{Code: "grpc-front", Severity: Warning, Text: "the application speaks HTTP/2, and visitors may not: gRPC does not work so",
			Fix: []string{"ssl.http2: true"}})
	}
	if s.Proxy.MaxBody > 0 {
		found = append(found, Finding{Code: "grpc-body", Severity: Info,
			Text: fmt.Sprintf("what one call of gRPC sends is %s in all at most, also of a stream (proxy.maxBody)", FormatSize(s.Proxy.MaxBody)),
			Fix:  []string{"proxy.maxBody: 0    for streams without an end"}})
	}
	return found
}

func isOwnName(host string, f Facts) bool {
	return f.Hostname != "" && strings.EqualFold(host, f.Hostname)
}

func oursAt(f Facts, port int) bool {
	return slices.ContainsFunc(f.Listeners, func(l Listener) bool { return l.Ours && l.Port == Port{port, "tcp"} })
}

// listenerFindings looks at who listens on the upstream's port of this host. Without any known listener there is
// nothing to judge.
func listenerFindings(u Upstream, a netip.Addr, alone bool, f Facts) []Finding {
	if len(f.Listeners) == 0 {
		return nil
	}
	reached := false
	for _, l := range f.Listeners {
		if l.Port != (Port{u.Port, "tcp"}) {
			continue
		}
		if l.Address.IsUnspecified() || !l.Address.IsValid() {
			return []Finding{{Code: "upstream-open", Severity: Warning,
				Text: fmt.Sprintf("%s listens on all addresses of port %d: it can be reached without HTTPS", firstOf(l.Process, "the application"), u.Port),
				Fix:  []string{fmt.Sprintf("have it listen on 127.0.0.1:%d only, or close port %d in the firewall", u.Port, u.Port)}}}
		}
		reached = reached || !a.IsValid() || l.Address.Unmap() == a
	}
	if reached {
		return nil
	}
	meanwhile := "the site answers 502 until the application runs"
	if !alone {
		meanwhile = "requests go to the other upstreams until the application runs there"
	}
	return []Finding{{Code: "upstream-silent", Severity: Warning, Text: fmt.Sprintf("nothing listens on %s now; %s", u.Address(), meanwhile),
		Fix: []string{"start the application, then look: ss -ltn sport = :" + strconv.Itoa(u.Port)}}}
}
