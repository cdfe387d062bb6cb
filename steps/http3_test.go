package steps

import (
	"slices"
	"strings"
	"testing"
)

// announcingExecutor has what is announced served, as the real ones do.
type announcingExecutor struct{ fakeExecutor }

func (e announcingExecutor) Changes(s []Site, f Facts) (Stages, error) {
	st, err := e.fakeExecutor.Changes(s, f)
	st.Announced = func(on []string) Change {
		return Reload{For: For(IDSSL), Executor: e.name, Unit: e.unit, On: on}
	}
	return st, err
}

func TestHTTP3IsProvenBetweenTheFirewallAndTheVerification(t *testing.T) {
	t.Parallel()
	f := freshFacts()
	f.Firewall = Firewall{Kind: "ufw"}
	sites := sitesOf(t, over(minimal, "ssl: {http3: true}"))
	p, _, err := Build(sites, f, renewUnits, announcingExecutor{fakeNative})
	if err != nil {
		t.Fatal(err)
	}
	consistent(t, p)
	var keys []string
	for _, c := range p.Changes {
		keys = append(keys, c.Key())
	}
	last := -1
	for _, want := range []string{
		"dir:" + HTTP3Dir, "port:443/tcp", "port:443/udp", "file:/var/lib/sslwizard/http3/shop.example.com.alt-svc", "reload:sslwizard-proxy.service:ssl", "verify:false",
	} {
		at := slices.Index(keys, want)
		if at <= last {
			t.Errorf("%s is number %d of %q", want, at, keys)
		}
		last = at
	}
}

// TestHTTP3IsOffByDefault: nothing of it is in a plan, and of what was announced only the taking back.
func TestHTTP3IsOffByDefault(t *testing.T) {
	t.Parallel()
	f := freshFacts()
	f.Firewall = Firewall{Kind: "ufw"}
	text := func() string {
		p, _, err := Build(sitesOf(t, minimal), f, renewUnits, announcingExecutor{fakeNative})
		if err != nil {
			t.Fatal(err)
		}
		return planText(p, nil)
	}
	if got := text(); strings.Contains(got, "udp") || strings.Contains(got, "HTTP/3") || strings.Contains(got, HTTP3Dir) {
		t.Errorf("off: %s", got)
	}
	f.Managed.Announced = []string{AltSvcFile(ExecutorNative, "shop.example.com")}
	if got := text(); strings.Contains(got, "udp") || !strings.Contains(got, "tell browsers that shop.example.com has no HTTP/3 any more\n") {
		t.Errorf("no longer on: %s", got)
	}
	f.Managed.Sites = sitesOf(t, minimal)
	p, _, err := BuildRemoval("shop.example.com", f, fakeNative)
	if err != nil || !strings.Contains(planText(p, nil), "remove "+f.Managed.Announced[0]) {
		t.Errorf("removal: %v, %s", err, planText(p, nil))
	}
}

func TestHTTP3Findings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answers, want string }{
		"opened":  {"ssl: {http3: true}", "info N16 ufw keeps 443/udp closed; that will be opened"},
		"by hand": {"ssl: {http3: true}\ninstall: {firewall: false}", "warning N16 ufw keeps 443/udp closed, so nobody reaches HTTP/3"},
		"off":     {"", ""},
	} {
		f := freshFacts()
		f.Firewall = Firewall{Kind: "ufw", Open: servedPorts}
		var got string
		for _, found := range findingsOf(siteOf(t, over(minimal, c.answers)), f) {
			got += string(found.Severity) + " " + found.Code + " " + found.Text
		}
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestAnnounced: what is in the file is sent only if it is ours, and only while the site has HTTP/3.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	with := Site{SSL: SiteSSL{HTTP3: true}}
	for _, c := range []struct {
		site Site
		text string
		want string
	}{
		{with, string(AltSvcText(ExecutorNative, true)), `h3=":443"; ma=86400`}, {with, string(AltSvcText(ExecutorNative, false)), "clear"},
		{Site{}, string(AltSvcText(ExecutorNative, true)), ""}, {Site{}, "clear\n", "clear"},
		{with, "", ""}, {with, "h3=\":443\"\r\nSet-Cookie: a=b", ""}, {with, string(AltSvcText(ExecutorNginx, true)), ""},
	} {
		if got := c.site.Announced([]byte(c.text)); got != c.want {
			t.Errorf("%q: %q", c.text, got)
		}
	}
}
