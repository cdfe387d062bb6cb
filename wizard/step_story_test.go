package wizard

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// From the first screen to the plan it takes a dozen keys beyond typing the name, and every question that the answers
// file has for this server was on a screen.
func TestADozenKeys(t *testing.T) {
	t.Parallel()
	f := lookedAt()
	f.plan = func(sites []steps.Site) (steps.Preview, error) { return steps.Preview{Hash: "7c41e0aa11"}, nil }
	s := themed(t, f, themes["utf8"])
	s.talk = nil
	m := newModel(s, newWelcome(s))
	m, _ = settle(m, m.Init())
	keys, seen := 0, map[string]bool{}
	hit := func(key string) {
		m, _ = press(m, key)
		keys++
		if st, ok := m.top().(*stepScreen); ok {
			for _, one := range st.form.fields {
				seen[one.q.Key] = true
			}
		}
	}
	hit("enter")
	hit("enter")
	hit("ctrl+x")
	m, _ = press(m, "shop.example.com")
	for range 6 {
		hit("enter")
	}
	hit(" ")
	hit("enter")
	if _, ok := m.top().(*planScreen); !ok {
		t.Fatalf("%d keys lead to %T:\n%s", keys, m.top(), m.View())
	}
	if most := 12; keys > most {
		t.Errorf("%d keys", keys)
	}
	for _, id := range steps.IDs() {
		ordinary, advanced := apart(m.talk.questions(id))
		if len(advanced) > 0 && !seen[keyMore] {
			t.Errorf("%s does not say that there are more settings", id)
		}
		for _, q := range ordinary {
			if !seen[q.Key] {
				t.Errorf("%s was never asked", q.Key)
			}
		}
	}
	if site, problems := m.talk.site(); len(problems) > 0 || string(site.Certs.Domains[0]) != "shop.example.com" {
		t.Errorf("%v %v", site.Certs.Domains, problems)
	}
}

// Nothing that comes from outside reaches the terminal raw, however nasty, at any size.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	nasty := "\x1b[2J\x9b31m\u202e\u200b漢字\r\n\t" + strings.Repeat("x", 2<<10) + "\x07"
	f := debian()
	f.Hostname, f.Distro.Pretty, f.Packages.LockedBy, f.Firewall.Kind, f.Nginx.Candidate = nasty, nasty, nasty, nasty, nasty
	f.Listeners = []steps.Listener{{Port: steps.Port{Number: 443, Proto: "tcp"}, Process: nasty, Unit: nasty, Package: nasty}, {Port: steps.Port{Number: 3000, Proto: "tcp"}, Process: nasty, Address: netip.IPv6Unspecified()}}
	f.Nearby = steps.Nearby{Apps: []steps.App{{Upstream: nasty, Process: nasty, Unit: nasty, Server: nasty, WebSockets: []string{nasty}}}, Names: []steps.NameHere{{Domain: steps.Domain(nasty), Source: nasty}}}
	for _, th := range []string{"utf8", "ascii"} {
		for _, size := range sizes {
			s := themed(t, &fake{}, themes[th])
			s.talk = newTalk(f)
			w := newWelcome(s)
			w.facts, w.nearby, w.full = &f, true, true
			m := drawn(newModel(s, w), size)
			lint(t, "welcome", th, size, m.View())
			for _, id := range steps.IDs() {
				st := newStep(s, id)
				m := drawn(newModel(s, st), size)
				for range st.form.fields {
					one := st.form.focused()
					one.looks = []steps.Check{{Address: nasty, Verdict: steps.Warn, Detail: nasty, Fix: []string{nasty}}}
					lint(t, one.q.Key, th, size, m.View())
					m, _ = press(m, "ctrl+n", "tab")
					lint(t, one.q.Key, th, size, m.View())
				}
				m, _ = press(m, "ctrl+g")
				lint(t, string(id)+" help", th, size, m.View())
			}
		}
	}
}
