package probe

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// plainSite is a healthy site but for its plain port.
func plainSite(h http.HandlerFunc, change ...func(*Target)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		target := newGoodSite(t, steps.Intermediate).target
		target.HTTPAddresses = []netip.AddrPort{serve(t, nil, h)}
		for _, c := range change {
			c(&target)
		}
		return target
	}
}

// sendTo redirects everything with this status; $ stands for the request's path and query.
func sendTo(status int, location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(location, "$", r.RequestURI))
		w.WriteHeader(status)
	}
}

// keepChallenge answers challenges before h.
func keepChallenge(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, steps.ChallengePath) {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}
}

func stranger(target *Target) { target.Expect = nil }

func keepHTTP(target *Target) { target.Expect.Redirect.Enabled = false }

func TestBrokenRedirects(t *testing.T) {
	t.Parallel()
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }
	dead := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	const location, challenge, right = "redirect.location", "redirect.challenge", "https://shop.test$"
	runBroken(t, []broken{
		{"the seed's slash", plainSite(sendTo(301, right+"/")), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"the seed's slash, of a stranger", plainSite(sendTo(301, right+"/"), stranger), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"to the front page", plainSite(sendTo(301, "https://shop.test/")), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"query lost", plainSite(sendTo(301, "https://shop.test/a")), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"to http", plainSite(sendTo(301, "http://www.shop.test$"), stranger), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"with escape codes", plainSite(sendTo(301, "https://\u009b31mshop.test$")), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"to www, of a stranger", plainSite(sendTo(301, "https://www.shop.test$"), stranger), location, steps.IDRedirect, steps.OK, "", "", ""},
		{"to www, not asked for", plainSite(sendTo(301, "https://www.shop.test$")), location, steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"308 for 301", plainSite(sendTo(308, right)), location, steps.IDRedirect, steps.Fail, "L04", "", blameProxy},
		{"302, of a stranger", plainSite(sendTo(302, right), stranger), location, steps.IDRedirect, steps.Warn, "L04", "", blameProxy},
		{"none", plainSite(page), location, steps.IDRedirect, steps.Fail, "L01", "", blameProxy},
		{"none, of a stranger", plainSite(page, stranger), location, steps.IDRedirect, steps.Warn, "L01", "", blameProxy},
		{"http kept", plainSite(page, keepHTTP), location, steps.IDRedirect, steps.OK, "", "", ""},
		{"http to be kept, but redirected", plainSite(sendTo(301, right), keepHTTP), location, steps.IDRedirect, steps.Fail, "L05", "", blameProxy},
		{"loop", plainSite(sendTo(301, "http://shop.test$")), "redirect.loop", steps.IDRedirect, steps.Fail, "L03", "ERR_TOO_MANY_REDIRECTS", blameProxy},
		{"loop through https", func(t *testing.T) Target {
			target := withConfig(t, nothing)
			target.Addresses = []netip.AddrPort{serve(t, guidelineConfig(steps.Intermediate, newAuthority(t, "CA", nil).issue(t, leafTemplate())), sendTo(302, "http://shop.test$"))}
			target.HTTPAddresses, target.HTTPPort = []netip.AddrPort{serve(t, nil, sendTo(301, right))}, 0
			return target
		}, "redirect.loop", steps.IDRedirect, steps.Fail, "L03", "ERR_TOO_MANY_REDIRECTS", blameProxy},
		{"challenge redirected", plainSite(sendTo(301, right)), challenge, steps.IDRedirect, steps.Fail, "A06", "", blameProxy},
		{"challenge redirected to a path that is kept", plainSite(sendTo(301, right), stranger), challenge, steps.IDRedirect, steps.OK, "", "", ""},
		{"challenge redirected to the login", plainSite(sendTo(301, "https://shop.test/login"), stranger), challenge, steps.IDRedirect, steps.Warn, "A06", "", blameProxy},
		{"challenge dead", plainSite(dead), challenge, steps.IDRedirect, steps.Fail, "A06", "", blameProxy},
		{"challenge kept", plainSite(keepChallenge(sendTo(301, right))), challenge, steps.IDRedirect, steps.OK, "", "", ""},
		{"challenge redirected to the dead", func(t *testing.T) Target {
			target := plainSite(sendTo(301, right), stranger)(t)
			target.Addresses = []netip.AddrPort{closedPort(t)}
			return target
		}, challenge, steps.IDRedirect, steps.Fail, "A06", "", blameProxy},
		{"no HTTP on the plain port", func(t *testing.T) Target {
			target := plainSite(page)(t)
			target.HTTPAddresses = []netip.AddrPort{rawServer(t, answers("220 smtp.shop.test ESMTP\r\n"))}
			return target
		}, location, steps.IDRedirect, steps.Fail, "U01", "ERR_INVALID_HTTP_RESPONSE", blameProxy},
		{"hangs up on the plain port", func(t *testing.T) Target {
			target := plainSite(page)(t)
			target.HTTPAddresses = []netip.AddrPort{rawServer(t, answers(""))}
			return target
		}, location, steps.IDRedirect, steps.Fail, "U07", "ERR_EMPTY_RESPONSE", blameProxy},
	})
}

func TestCanonicalName(t *testing.T) {
	t.Parallel()
	www := func(target *Target) { target.Expect.Redirect.Canonical = "www.shop.test" }
	canonical := func(h http.HandlerFunc) func(*testing.T) Target {
		return func(t *testing.T) Target {
			target := plainSite(keepChallenge(sendTo(301, "https://www.shop.test$")), www)(t)
			cert := newAuthority(t, "CA", nil).issue(t, leafTemplate())
			target.Addresses = []netip.AddrPort{serve(t, guidelineConfig(steps.Intermediate, cert), h)}
			return target
		}
	}
	right := sendTo(301, "https://www.shop.test$")
	runBroken(t, []broken{
		{"http", canonical(right), "redirect.location", steps.IDRedirect, steps.OK, "", "", ""},
		{"https", canonical(right), "redirect.canonical", steps.IDRedirect, steps.OK, "", "", ""},
		{"https is served instead", canonical(func(http.ResponseWriter, *http.Request) {}), "redirect.canonical", steps.IDRedirect, steps.Fail, "L01", "", blameProxy},
		{"https goes elsewhere", canonical(sendTo(301, "https://www.shop.test/x")), "redirect.canonical", steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"http goes to itself first", plainSite(sendTo(301, "https://shop.test$"), www), "redirect.location", steps.IDRedirect, steps.Fail, "L02", "", blameProxy},
		{"no WebSocket there", canonical(right), "ws.handshake", steps.IDWebSockets, steps.Skip, "", "", ""},
		{"no answer there", canonical(right), "proxy.answer", steps.IDProxy, steps.Skip, "", "", ""},
	})
}
