package proxy

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

func stickily(s *steps.Site) { s.Proxy.Sticky = true }

// visit asks with these cookies, and returns who answered with what it saw, and the cookie of ours that came back.
func visit(t *testing.T, i *instance, cookies ...string) (name, seen, set string) {
	t.Helper()
	conn := i.dialTLS(t, "a.test")
	lines := ""
	for _, c := range cookies {
		lines += "Cookie: " + c + "\r\n"
	}
	response, body := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n"+lines+"\r\n")
	i.rest(t)
	name, seen, _ = strings.Cut(string(body), " ")
	return name, seen, response.Header.Get("Set-Cookie")
}

// remembers is an application that says its name and the cookies that it got.
func remembers(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, strings.Join(r.Header["Cookie"], "|"))
	})
}

func TestVisitorsStay(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	for n, name := range []string{"a", "b", "c"} {
		all[n].start(t, remembers(name))
	}
	c := Config{Sites: []Site{among(all, stickily)}, Secret: []byte("of this host")}
	i := serve(t, c)
	cookies := map[string]string{}
	for range 3 {
		name, _, set := visit(t, i)
		form := regexp.MustCompile(`^(__Host-sslwizard-[0-9a-f]{8}=[\w-]{20}); Path=/; Secure; HttpOnly; SameSite=None$`)
		if !form.MatchString(set) {
			t.Fatalf("the cookie is %q", set)
		}
		cookies[name] = form.FindStringSubmatch(set)[1]
	}
	if len(cookies) != 3 {
		t.Fatalf("the visitors are bound to %v", cookies)
	}
	again := serve(t, c) // as after a restart
	for _, one := range []*instance{i, again} {
		for want, cookie := range cookies {
			for range 4 {
				if name, seen, set := visit(t, one, cookie); name != want || seen != "" || set != "" {
					t.Errorf("who was bound to %s came to %s, which saw %q; %q was set", want, name, seen, set)
				}
			}
		}
	}
	other := serve(t, Config{Sites: c.Sites, Secret: []byte("of another host")})
	if _, seen, set := visit(t, other, cookies["a"]); seen != cookies["a"] || set == "" || strings.Contains(set, cookies["a"]) {
		t.Errorf("another host took the cookie for its own: the upstream saw %q, %q was set", seen, set)
	}
}

func TestTheStickyCookieIsOurs(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	for _, n := range all {
		n.start(t, remembers("x"))
	}
	i := serve(t, Config{Sites: []Site{among(all, stickily)}})
	_, _, set := visit(t, i)
	own, _, _ := strings.Cut(set, ";")
	name, _, _ := strings.Cut(own, "=")
	for _, c := range []struct {
		sent, seen string
		bound      bool
	}{
		{own, "", true},
		{"a=1; " + own, "a=1", true},
		{own + "; a=1", "a=1", true},
		{"a=1; " + own + ";b=2; a=1", "a=1;b=2; a=1", true},
		{"a=1;" + own + "; " + own, "a=1", true},
		{name + "=forged; " + own, "", true},
		{own + "x", "", false},
		{name + "=", "", false},
		{name, "", false},
		{"x" + own, "x" + own, false},
		{"a=" + own, "a=" + own, false},
		{"a=1; b=\"2; 3\"", "a=1; b=\"2; 3\"", false},
	} {
		_, seen, set := visit(t, i, c.sent)
		if seen != c.seen || (set == "") != c.bound {
			t.Errorf("%q: the upstream saw %q, want %q; %q was set", c.sent, seen, c.seen, set)
		}
	}
	if _, seen, set := visit(t, i, "a=1", own, "b=2"); seen != "a=1|b=2" || set != "" {
		t.Errorf("three lines: the upstream saw %q; %q was set", seen, set)
	}
	for _, path := range []string{all[0].Path, all[1].Path} {
		if strings.Contains(set, path) || strings.Contains(set, hex.EncodeToString([]byte(path))) {
			t.Errorf("%q says where the upstream is", set)
		}
	}
}

// TestVisitorsGoOnElsewhere: whose upstream is gone is bound to another one, and stays there when it comes back.
func TestVisitorsGoOnElsewhere(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	all[0].start(t, remembers("a"))
	all[1].start(t, remembers("b"))
	i := serve(t, Config{Sites: []Site{among(all, stickily)}})
	name, _, first := visit(t, i)
	if name != "a" {
		t.Fatalf("the first visitor came to %s", name)
	}
	first, _, _ = strings.Cut(first, ";")
	all[0].stop()
	name, seen, second := visit(t, i, first)
	if name != "b" || seen != "" || second == "" {
		t.Fatalf("who was bound to a came to %s, which saw %q; %q was set", name, seen, second)
	}
	second, _, _ = strings.Cut(second, ";")
	all[0].start(t, remembers("a"))
	waitUpTo(t, mostPause+patience, func() bool { name, _, _ := visit(t, i, first); return name == "a" })
	if name, _, set := visit(t, i, second); name != "b" || set != "" {
		t.Errorf("who was bound to b came to %s; %q was set", name, set)
	}
}

func TestSocketsStay(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	for _, n := range all {
		n.start(t, echo.Handler())
	}
	i := serve(t, Config{Sites: []Site{among(all, stickily)}})
	response, _ := get(t, i.client(t, true), "https://a.test/")
	own, _, _ := strings.Cut(response.Header.Get("Set-Cookie"), ";")
	for n := range 4 {
		conn := i.dialTLS(t, "a.test")
		_ = conn.SetDeadline(time.Now().Add(patience))
		text := strings.Replace(handshake("a.test", "/"), "\r\n\r\n", "\r\nCookie: "+own+"\r\n\r\n", 1)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return i.busy()[0] == n+1 })
	}
	_ = socket(t, i.dialTLS(t, "a.test"), "a.test", "/") // who has no cookie does not go to the busiest
	if b := i.busy(); b[0] != 4 {
		t.Errorf("busy: %v", b)
	}
}

// TestWhomNothingBinds: what a cache may give to everybody binds nobody, nor does plain HTTP, nor a site that does not
// ask for it.
func TestWhomNothingBinds(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	for _, n := range all {
		n.start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", r.URL.Query().Get("cache"))
			w.Header().Add("Set-Cookie", "mine=1")
		}))
	}
	plain := func(s *steps.Site) { s.Redirect.Enabled = false }
	sticky, not := serve(t, Config{Sites: []Site{among(all, stickily, plain)}}), serve(t, Config{Sites: []Site{among(all, plain)}})
	for _, c := range []struct {
		i       *instance
		address string
		cookies int
	}{
		{sticky, "https://a.test/", 2}, {sticky, "https://a.test/?cache=private,+max-age=9", 2}, {sticky, "https://a.test/?cache=max-age=9,+Public", 1},
		{sticky, "http://a.test/", 1}, {not, "https://a.test/", 1},
	} {
		response, _ := get(t, c.i.client(t, true), c.address)
		if set := response.Header["Set-Cookie"]; len(set) != c.cookies || set[0] != "mine=1" {
			head, _ := httputil.DumpResponse(response, false)
			t.Errorf("%s: %d cookies, want %d\n%s", c.address, len(set), c.cookies, head)
		}
	}
}

// TestACookieForTheProxyAlone: what a client names in Connection ends here, and binds nobody.
func TestACookieForTheProxyAlone(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	for n, name := range []string{"a", "b"} {
		all[n].start(t, remembers(name))
	}
	i := serve(t, Config{Sites: []Site{among(all, stickily)}})
	_, _, set := visit(t, i)
	cookie, _, _ := strings.Cut(set, ";")
	for range 3 {
		response, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Cookie\r\nCookie: x=y; "+cookie+"\r\n\r\n")
		i.rest(t)
		if _, seen, _ := strings.Cut(string(body), " "); seen != "" || response.Header.Get("Set-Cookie") == "" {
			t.Errorf("%q, and %q is set", body, response.Header.Get("Set-Cookie"))
		}
	}
}
