package wizard

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// The answer that counts of each step, in a few letters.
func TestGist(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, value string
		step       steps.ID
		want       string
	}{
		{"install.executor", "nginx", steps.IDInstall, "nginx"},
		{"certs.domains", "shop.example.com", steps.IDCerts, "shop.example.com"},
		{"certs.domains", "a.example.com, b.example.com, c.example.com", steps.IDCerts, "a.example.c… +2"},
		{"ssl.profile", "modern", steps.IDSSL, "modern"},
		{"redirect.status", "308", steps.IDRedirect, "308 to https"},
		{"redirect.enabled", "no", steps.IDRedirect, "http stays"},
		{"proxy.upstream", "http://127.0.0.1:3000", steps.IDProxy, "127.0.0.1:3000"},
		{"proxy.upstream", "unix:/run/app.sock", steps.IDProxy, "unix:/run/app.sock"},
		{"websockets.paths", "/ws, /chat", steps.IDWebSockets, "on /ws, /chat"},
		{"websockets.enabled", "no", steps.IDWebSockets, "none"},
		{"trusted.source", "none", steps.IDTrusted, "none"},
	} {
		k := answered(t)
		if err := k.answers.Set(c.key, c.value); err != nil {
			t.Fatal(err)
		}
		if got := gist(k, c.step); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.key, c.value, got, c.want)
		}
	}
}

// Only steps that were left with everything said have a mark, and where there is no room only the titles stay.
func TestRailMarks(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	s.talk, s.passed[steps.IDInstall] = answered(t), true
	for height, want := range map[int]bool{19: true, 11: false} {
		text := strings.Join(rail(s, steps.IDCerts, height), "\n")
		if strings.Count(text, "✓") != 1 || strings.Contains(text, "native") != want || strings.Count(text, "▸") != 1 {
			t.Errorf("%d lines:\n%s", height, text)
		}
	}
}
