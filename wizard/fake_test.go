package wizard

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// fake is a strict machine: what a test did not provide must not be asked for.
type fake struct {
	t       *testing.T
	facts   func() (steps.Facts, error)
	nearby  func() steps.Nearby
	look    func(key string, a steps.Answers) []steps.Check
	plan    func([]steps.Site) (steps.Preview, error)
	start   func(steps.Preview) (string, error)
	follow  func(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error)
	active  string
	since   string
	stopped []string
	kept    *steps.Session
	saves   int
	status  steps.HostStatus
}

func (f *fake) Facts(context.Context) (steps.Facts, error) {
	f.need(f.facts != nil, "Facts")
	return f.facts()
}

func (f *fake) Nearby(context.Context, steps.Facts) steps.Nearby {
	if f.nearby == nil {
		return steps.Nearby{}
	}
	return f.nearby()
}

func (f *fake) Look(_ context.Context, key string, a steps.Answers) []steps.Check {
	if f.look == nil {
		return nil
	}
	return f.look(key, a)
}

func (f *fake) Status(context.Context) (steps.HostStatus, error) { return f.status, nil }

func (f *fake) Plan(_ context.Context, sites []steps.Site) (steps.Preview, error) {
	f.need(f.plan != nil, "Plan")
	return f.plan(sites)
}

func (f *fake) Start(_ context.Context, p steps.Preview) (string, error) {
	f.need(f.start != nil, "Start")
	return f.start(p)
}

func (f *fake) Follow(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	f.need(f.follow != nil, "Follow")
	return f.follow(ctx, run, sink)
}

func (f *fake) Active(context.Context) (string, error) { return f.active, nil }

func (f *fake) Since(context.Context, time.Time) string { return f.since }

func (f *fake) Stop(_ context.Context, run string) error {
	f.stopped = append(f.stopped, run)
	return nil
}

func (f *fake) Load(context.Context) (steps.Session, bool, error) {
	if f.kept == nil {
		return steps.Session{}, false, nil
	}
	return *f.kept, true, nil
}

func (f *fake) Save(_ context.Context, s steps.Session) error {
	f.kept, f.saves = &s, f.saves+1
	return nil
}

func (f *fake) Forget(context.Context) error {
	f.kept = nil
	return nil
}

func (f *fake) need(given bool, method string) {
	if !given {
		f.t.Fatalf("unexpected call of %s", method)
	}
}

// noon is when everything in these tests happens.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// debian is a fresh server on which an application listens, and to which two names lead.
func debian() steps.Facts {
	return steps.Facts{
		Hostname: "web1.example.net", Root: true, Arch: "amd64", Services: "systemd", IPv6: true, FreeBytes: 11 << 30,
		Distro:    steps.Distro{ID: "debian", VersionID: "13", Codename: "trixie", Pretty: "Debian GNU/Linux 13 (trixie)"},
		Packages:  steps.PackageManager{Kind: "apt"},
		Firewall:  steps.Firewall{Kind: "ufw", Detail: "ufw is active"},
		Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")},
		Listeners: []steps.Listener{{Port: steps.Port{Number: 3000, Proto: "tcp"}, Address: netip.MustParseAddr("127.0.0.1"), PID: 812, Process: "node", Unit: "shop.service"}},
		Nginx:     steps.Nginx{Candidate: "1.26.3"},
		Nearby: steps.Nearby{
			Apps:  []steps.App{{Upstream: "http://127.0.0.1:3000", Process: "node", PID: 812, Unit: "shop.service", Server: "Express", Status: 200, WebSockets: []string{"/chat"}}},
			Names: []steps.NameHere{{Domain: "shop.example.com", Source: "reverse DNS of 203.0.113.7", Here: true}},
		},
	}
}

// themed is what all screens share in a test.
func themed(t *testing.T, f *fake, th theme.Theme) *shared {
	t.Helper()
	f.t = t
	s := &shared{ctx: t.Context(), machine: f, theme: th, host: "web1.example.net", passed: map[steps.ID]bool{},
		options: Options{Version: "1.0", Theme: th, SSH: true, Called: "sslwizard"}}
	s.talk = newTalk(debian())
	return s
}

// answered is a talk in which everything that has to be said was said.
func answered(t *testing.T) *talk {
	t.Helper()
	k := newTalk(debian())
	for key, value := range map[string]string{
		"certs.domains": "shop.example.com, www.shop.example.com", "proxy.upstream": "http://127.0.0.1:3000",
		"trusted.email": "ops@example.com", "trusted.acceptTerms": "yes",
	} {
		if err := k.answers.Set(key, value); err != nil {
			t.Fatal(err)
		}
		k.said[key] = true
	}
	if _, problems := k.site(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return k
}
