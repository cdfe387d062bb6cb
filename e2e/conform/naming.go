package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// naming are the cases of a connection to one name and a request for another: what a certificate, a firewall or a client
// certificate says of the connection must not be got around by Host.
func naming() []testCase {
	all := append(hellos(), namedRequests()...)
	for _, r := range []resumption{{shopHost, blogHost}, {blogHost, shopHost}, {shopHost, "other.test"}, {"a." + wildHost, shopHost}, {shopHost, "a." + wildHost}} {
		all = append(all, testCase{"ticket", "of " + r.from + " at " + r.to, r.try})
	}
	return all
}

// hello is a ClientHello with this for its name.
type hello struct {
	name string
	none bool // no name is sent
	want want
}

func hellos() []testCase {
	var all []testCase
	add := func(w want, names ...string) {
		for _, name := range names {
			all = append(all, testCase{"handshake", fmt.Sprintf("%.40q", name), hello{name: name, want: w}.try})
		}
	}
	add(pass, shopHost, "SHOP.TEST", "Shop.Test", "www.shop.test", blogHost, "a.wild.test", "A.WILD.Test")
	add(either, "shop.test.", "a.wild.test.", "_a.wild.test", "xn--a.wild.test", "*.wild.test", "-.wild.test")
	add(refuse, "other.test", "test", "shop.test.other.test", "othershop.test", "shop.tes", "hop.test", "wild.test", "a.b.wild.test", ".wild.test", ".shop.test", "shop..test", "shop.test..",
		"shop.test\x00", "shop.test\x00.other.test", " shop.test", "shop.test ", "shop.test:443", "shop.test/", "127.0.0.1", "[::1]", "::1", "sslwizard.invalid", strings.Repeat("a", 250)+".wild.test",
		"shop_test", "shоp.test", "ｓhop.test", "%73hop.test", "shop.test,blog.test", "a@shop.test", "_", "default", "shop.test\r\n", "0", "com")
	return append(all, testCase{"handshake", "no name", hello{none: true, want: refuse}.try})
}

// try sends the hello and looks whether it is answered with a handshake.
func (h hello) try(l *lane) verdict {
	conn, err := net.DialTimeout("tcp", l.front.https, patience)
	if err != nil {
		return breach("no connection: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	// crypto/tls would tidy the name up; so it sends another that is as long, which is replaced on its way.
	stand := &renaming{Conn: conn, from: strings.Repeat("x", len(h.name)), to: h.name}
	if h.none {
		stand.from = ""
	}
	_ = tls.Client(stand, &tls.Config{ServerName: stand.from, InsecureSkipVerify: true}).Handshake() //nolint:gosec // see certify
	const handshakeRecord = 22
	taken := stand.first == handshakeRecord
	switch {
	case h.want == refuse && taken:
		return odd("a certificate is shown for it")
	case h.want == pass && !taken:
		return odd("it is refused")
	}
	return fine()
}

// renaming changes a text in the first thing that is written, and notes the first byte that is read.
type renaming struct {
	net.Conn
	from, to string
	first    byte
}

func (r *renaming) Write(p []byte) (int, error) {
	if r.from != "" {
		p = bytes.Replace(p, []byte(r.from), []byte(r.to), 1)
		r.from = ""
	}
	return r.Conn.Write(p)
}

func (r *renaming) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if n > 0 && r.first == 0 {
		r.first = p[0]
	}
	return n, err
}

// namedRequest is a request over a connection to sni for host.
type namedRequest struct {
	sni, host string
	target    string // absolute-form or path; empty: a path
	extra     []string
	want      want
	http2     bool
}

func namedRequests() []testCase {
	var all []testCase
	add := func(name string, r namedRequest) {
		if r.target == "" {
			r.target = "/0000/outer"
		}
		all = append(all, testCase{"request", name, r.try})
	}
	both := func(w want, sni string, hosts ...string) {
		for _, host := range hosts {
			add(fmt.Sprintf("%q over %s", host, sni), namedRequest{sni: sni, host: host, want: w})
			add(fmt.Sprintf("%q over %s, HTTP/2", host, sni), namedRequest{sni: sni, host: host, want: w, http2: true})
		}
	}
	both(pass, shopHost, "shop.test", "SHOP.test", "www.shop.test")
	both(either, shopHost, "shop.test.", "shop.test:443", "www.shop.test.")
	both(pass, "www."+shopHost, "shop.test")
	both(pass, "a."+wildHost, "a.wild.test", "b.wild.test")
	both(refuse, "a."+wildHost, "wild.test", "a.b.wild.test", "shop.test", ".wild.test", "*.wild.test")
	both(refuse, shopHost, "blog.test", "BLOG.TEST", "blog.test.", "blog.test:443", "blog.test:80", "a.wild.test", "other.test", "127.0.0.1", "[::1]", "localhost", "sslwizard.invalid",
		"shop.test.other.test", "othershop.test", "hop.test", "test", "", "shop.test:443:443", "shop.test@blog.test", "blog.test@shop.test", "shop.test,blog.test", "shop.test blog.test", "shop.test/../blog.test")
	both(refuse, blogHost, "shop.test", "www.shop.test")
	add("absolute-form of another over shop.test", namedRequest{sni: shopHost, host: shopHost, target: "https://blog.test/0000/outer", want: refuse})
	add("absolute-form of another with its Host", namedRequest{sni: shopHost, host: blogHost, target: "https://blog.test/0000/outer", want: refuse})
	add("absolute-form of itself", namedRequest{sni: shopHost, host: shopHost, target: "https://shop.test/0000/outer", want: pass})
	add("X-Forwarded-Host is another", namedRequest{sni: shopHost, host: shopHost, extra: []string{"X-Forwarded-Host: blog.test"}, want: pass})
	add("X-Host is another", namedRequest{sni: shopHost, host: shopHost, extra: []string{"X-Host: blog.test", "X-Forwarded-Server: blog.test"}, want: pass})
	return all
}

// try sends the request and looks whose application saw it.
func (n namedRequest) try(l *lane) verdict {
	l.begin()
	for _, name := range []string{shopHost, blogHost, "*." + wildHost} {
		l.stage.behind(name).take()
	}
	a, err := n.ask(l)
	if err != nil {
		return breach("no connection: %v", err)
	}
	reached := false
	for _, name := range []string{shopHost, blogHost, "*." + wildHost} {
		seen, dirt := l.stage.behind(name).take()
		switch own := name == siteOf(n.sni); {
		case len(dirt) > 0:
			return breach("the back end got %s", strings.Join(dirt, "; "))
		case len(seen) == 0:
		case !own && siteOf(seen[0].host) == name:
			return odd("answered by %s", name)
		case !own || n.want == refuse:
			return breach("%s answers for %q", name, seen[0].host)
		default:
			reached = true
		}
	}
	switch {
	case n.want == pass && !reached:
		return odd("not passed on: %v", a)
	case n.want == refuse && a.status > 0 && a.status < 400:
		return odd("answered %v", a)
	}
	return fine()
}

// siteOf is the first name of the site that has the host.
func siteOf(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	switch host = strings.TrimSuffix(host, "."); {
	case strings.HasSuffix(host, "."+wildHost):
		return "*." + wildHost
	case host == "www."+shopHost:
		return shopHost
	}
	return host
}

func (n namedRequest) ask(l *lane) (answer, error) {
	target := l.fill().Replace(n.target)
	if n.http2 {
		return stream{fields: []field{{":method", "GET"}, {":scheme", "https"}, {":authority", n.host}, {":path", target}}}.ask(l, n.sni)
	}
	conn, err := l.dial(n.sni, "http/1.1")
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	text := "GET " + target + " HTTP/1.1\r\n" + fields(append([]string{"Host: " + n.host, "Connection: close"}, n.extra...)...)
	if all := exchange(conn, text, toTheEnd); len(all) > 0 {
		return all[0], nil
	}
	return answer{}, nil
}

// resumption is a session of one site that is offered to another (nginx's CVE-2025-23419).
type resumption struct{ from, to string }

func (r resumption) try(l *lane) verdict {
	config := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: &oneSession{}} //nolint:gosec // see certify
	for _, name := range []string{r.from, r.to} {
		config.ServerName = name
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", l.front.https, config.Clone())
		if err != nil {
			if name == r.from {
				return breach("no connection: %v", err)
			}
			return fine() // there is no such site
		}
		state := conn.ConnectionState()
		_ = conn.SetDeadline(time.Now().Add(patience))
		// Tickets come with the first answer.
		_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name)
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_ = response.Body.Close()
		}
		_ = conn.Close()
		switch {
		case name == r.from:
		case state.DidResume:
			return odd("the session of %s is resumed", r.from)
		case state.PeerCertificates[0].VerifyHostname(name) != nil:
			return odd("a certificate is shown that is not for it")
		}
	}
	return fine()
}

// oneSession keeps one session for all names.
type oneSession struct{ session *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool) { return o.session, o.session != nil }
func (o *oneSession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		o.session = s
	}
}
