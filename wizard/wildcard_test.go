package wizard

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// A wildcard is proved by a record in the DNS: step 7 stops at the question how, and then asks who keeps the DNS and where
// the credentials are. Nobody else is asked that.
func TestWildcardIsAskedForItsDNS(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDTrusted)
	for _, q := range m.talk.questions(steps.IDTrusted) {
		if strings.HasPrefix(q.Key, "trusted.dns") {
			t.Errorf("%s is asked of everybody", q.Key)
		}
	}
	if err := m.talk.answers.Set("certs.domains", "*.example.com"); err != nil {
		t.Fatal(err)
	}
	m = reach(t, m, "trusted.acceptTerms")
	m, _ = press(m, " ", "enter")
	if at(t, m) != steps.IDTrusted || focused(m).q.Key != "trusted.challenge" || !strings.Contains(m.top().status(), "choose trusted.challenge dns-01") {
		t.Fatalf("it goes on with %s, and says %q", focused(m).q.Key, m.top().status())
	}
	m, _ = press(m, "down", "down", " ", "enter")
	if focused(m).q.Key != "trusted.dns.provider" || strings.Contains(m.View(), "(•) acme-dns") {
		t.Fatalf("it asks for %s, and says %q:\n%s", focused(m).q.Key, m.top().status(), m.View())
	}
	m, _ = press(m, "down", "enter")
	if m.talk.value("trusted.dns.provider") != "cloudflare" || focused(m).q.Key != "trusted.dns.credentials" {
		t.Fatalf("%q is chosen, and it asks for %s", m.talk.value("trusted.dns.provider"), focused(m).q.Key)
	}
	m, _ = press(m, "token-itself", "enter")
	if at(t, m) != steps.IDTrusted || !strings.Contains(m.top().status(), "it has to be the path of a file") {
		t.Fatalf("a token is taken: %q", m.top().status())
	}
	m, _ = press(m, "ctrl+u", "/etc/sslwizard-dns", "tab")
	site, problems := m.talk.site()
	if len(problems) > 0 || site.Trusted.DNS != (steps.SiteDNS{Provider: "cloudflare", Credentials: "/etc/sslwizard-dns"}) {
		t.Errorf("%+v %v", site.Trusted, problems)
	}
}

// The same in plain lines: what cannot be is said at once, and asked again.
func TestWildcardInPlainLines(t *testing.T) {
	t.Parallel()
	script := map[string]string{"certs.domains": "*.example.com", "proxy.upstream": "http://127.0.0.1:3000", "trusted.acceptTerms": "yes",
		"trusted.challenge": "\n3", "trusted.dns.provider": "\nrfc2136", "trusted.dns.credentials": "token\n/etc/sslwizard-dns"}
	k := answered(t)
	k.answers.Certs.Domains, k.answers.Trusted.Challenge = []string{"*.example.com"}, steps.DNS01
	var lines []string
	for _, id := range steps.IDs() {
		ordinary, advanced := apart(k.questions(id))
		for _, q := range ordinary {
			lines = append(lines, strings.Split(script[q.Key], "\n")...)
		}
		if len(advanced) > 0 {
			lines = append(lines, "")
		}
	}
	var asked steps.Site
	said, _ := converse(t, &fake{plan: func(sites []steps.Site) (steps.Preview, error) {
		asked = sites[0]
		return onePlan(sites)
	}}, lines...)
	if asked.Trusted.Challenge != steps.DNS01 || asked.Trusted.DNS != (steps.SiteDNS{Provider: "rfc2136", Credentials: "/etc/sslwizard-dns"}) ||
		!strings.Contains(said, "CAs give wildcards only for a proof in the DNS") {
		t.Errorf("%+v:\n%s", asked.Trusted, said)
	}
}
