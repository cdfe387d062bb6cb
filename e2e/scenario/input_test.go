//go:build e2e

package scenario

import (
	"strings"
	"testing"
)

// TestBadAnswers is every kind of wrong answers file: a clear message with file, line and column, the exit status of
// each, and nothing changed.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	for _, c := range []struct {
		name   string
		edits  []string
		status int
		says   []string
	}{
		{"unknown key", []string{"email:", "emial:"}, 65, []string{"answers.yaml:9:", "emial", "email"}},
		{"wrong type", []string{"firewall: true", "firewall: maybe"}, 65, []string{"answers.yaml:3:", "firewall"}},
		{"wrong value", []string{"executor: native", "executor: apache"}, 65, []string{"answers.yaml:3:", "native", "nginx"}},
		{"duplicate key", []string{"proxy:", "certs: {}\nproxy:"}, 65, []string{"answers.yaml:5:", "certs"}},
		{"no consent", []string{"acceptTerms: true", "acceptTerms: false"}, 65, []string{"trusted.acceptTerms"}},
		{"consent not said", []string{"  acceptTerms: true\n", ""}, 65, []string{"acceptTerms"}},
		{"no name", []string{"[shop.example.com, www.shop.example.com]", "[]"}, 65, []string{"certs.domains"}},
		{"a name that is none", []string{"www.shop.example.com", "www_shop..example"}, 65, []string{"answers.yaml:4:", "www_shop..example"}},
		{"a name with a shell in it", []string{"www.shop.example.com", "'a;reboot.example'"}, 65, []string{"answers.yaml:4:"}},
		{"a name with an escape in it", []string{"www.shop.example.com", `"a\e[31m.example"`}, 65, []string{"answers.yaml:4:"}},
		{"upstream that is none", []string{"http://127.0.0.1:3000", "70000"}, 65, []string{"answers.yaml:5:", "proxy.upstream", "70000"}},
		{"upstream with a path", []string{"http://127.0.0.1:3000", "ftp://127.0.0.1:3000"}, 65, []string{"answers.yaml:5:", "ftp"}},
		{"plain directory", []string{"https://acme.test", "http://acme.test"}, 65, []string{"answers.yaml:7:", "https"}},
		{"other version", []string{"sslwizard/v1", "sslwizard/v9"}, 65, []string{"answers.yaml:1:", "sslwizard/v1"}},
		{"not YAML", []string{"certs: {", "certs: {{"}, 65, []string{"answers.yaml:", "not YAML", "line 4"}},
		{"several at once", []string{"email:", "emial:", "firewall: true", "firewall: 3"}, 65, []string{"answers.yaml:3:", "answers.yaml:9:"}},
	} {
		st.answer("native", c.edits...)
		before := st.s.Manifest()
		for _, argv := range [][]string{{"--non-interactive", answers}, {"--dry-run", answers}, {"answers", "validate", answers}} {
			r := st.sslwizard(argv...)
			st.ends(r, c.status, c.says...)
			if strings.Contains(r.Text(), "\x1b[31m.example") {
				t.Errorf("%s: an escape sequence reaches the screen: %q", c.name, r.Text())
			}
		}
		st.untouched(before)
		if t.Failed() {
			t.Fatalf("that was %q", c.name)
		}
	}
}

// TestUsage is every kind of wrong command line.
func TestUsage(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	before := st.s.Manifest()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--no-such-flag"}, 64, "no-such-flag"},
		{[]string{"nonsense", "too", "many"}, 64, `no command "nonsense"`},
		{[]string{"stat"}, 64, `did you mean "status"`},
		{[]string{"help", "nonsense"}, 64, `no command "nonsense"`},
		{[]string{"--dry-run"}, 64, "--dry-run needs an answers file"},
		{[]string{"--non-interactive"}, 64, "answers"},
		{[]string{}, 64, "--non-interactive"},
		{[]string{"--non-interactive", "/root/not-there.yaml"}, 65, "not-there.yaml"},
		{[]string{"-o", "xml", "status"}, 64, "json"},
		{[]string{"remove", "nobody.example.com"}, 64, "nobody.example.com"},
		{[]string{"undo", "no-such-run"}, 64, "no-such-run"},
		{[]string{"undo"}, 0, "Nothing to do"},
		{[]string{"status"}, 0, "No sites"},
	} {
		r := st.sslwizard(c.args...)
		st.ends(r, c.status, c.says)
		st.untouched(before)
	}
}

// TestNoNetwork: a server without a way out. The native executor needs no package, so the site comes up locally.
func TestNoNetwork(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Write("/etc/apt/sources.list", "deb [trusted=yes] http://mirror.invalid/debian ./\n", 0o644)
	st.s.Must("rm", "-rf", "/var/lib/apt/lists")
	st.w.Cut()
	st.answer("nginx")
	before := st.s.Manifest()
	r := st.apply()
	st.ends(r, r.Status, "nginx", "native")
	if r.Status != 69 && r.Status != 4 {
		t.Errorf("exit status %d, want 69 (seen before) or 4 (undone)\n%s", r.Status, r)
	}
	st.restored(before)
	st.answer("native")
	st.ends(st.apply(), 3, "acme.test")
	st.w.Mend()
	st.upWithLocal()
}
