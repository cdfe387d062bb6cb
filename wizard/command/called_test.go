package command

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

func TestHowCalled(t *testing.T) {
	t.Parallel()
	const path = "/usr/local/bin:/usr/bin:/home/a/go/bin"
	for _, c := range []struct {
		argv0, file string
		want        Called
	}{
		{"sslwizard", "/usr/local/bin/sslwizard", Called{"sslwizard", "sslwizard"}},
		{"/usr/local/bin/sslwizard", "/usr/local/bin/sslwizard", Called{"sslwizard", "sslwizard"}},
		{"sslwizard", "/home/a/go/bin/sslwizard", Called{"sslwizard", "/home/a/go/bin/sslwizard"}}, // sudo does not look there
		{"./sslwizard", "/home/a/src/sslwizard", Called{"./sslwizard", "./sslwizard"}},
		{"/tmp/go-build12/b001/exe/sslwizard", "/tmp/go-build12/b001/exe/sslwizard", Called{"sslwizard", "sslwizard"}},
		{"", "", Called{"sslwizard", "sslwizard"}},
	} {
		if got := HowCalled(c.argv0, c.file, path); got != c.want {
			t.Errorf("%s: got %v, want %v", c.argv0, got, c.want)
		}
	}
}

func TestTypedOnlyWhereItIsACommand(t *testing.T) {
	t.Parallel()
	c := Called{"./sslwizard", "/opt/my tools/sslwizard"}
	for in, want := range map[string]string{
		"sslwizard status":                          "./sslwizard status",
		"sudo sslwizard undo 7":                     "sudo '/opt/my tools/sslwizard' undo 7",
		"repair it, then run: sudo sslwizard undo":  "repair it, then run: sudo '/opt/my tools/sslwizard' undo",
		"run it as root: sudo sslwizard":            "run it as root: sudo '/opt/my tools/sslwizard'",
		"sudo systemctl status sslwizard-proxy":     "sudo systemctl status sslwizard-proxy",
		"journalctl -u sslwizard-proxy.service":     "journalctl -u sslwizard-proxy.service",
		"/usr/local/bin/sslwizard renew":            "/usr/local/bin/sslwizard renew",
		"use the newer sslwizard":                   "use the newer sslwizard",
		"sslwizard --dry-run a.yaml":                "./sslwizard --dry-run a.yaml",
		"mv /etc/nginx/x.conf /etc/nginx/sslwizard": "mv /etc/nginx/x.conf /etc/nginx/sslwizard",
	} {
		if got := c.typed(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestForReal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"--dry-run a.yaml":                                  "--non-interactive a.yaml",
		"--non-interactive --dry-run a.yaml -o diff":        "--non-interactive a.yaml",
		"-ojson --dry-run=true --answers a.yaml --only ssl": "--non-interactive --answers a.yaml --only ssl",
		"--output json --detailed-exitcode --dry-run -":     "--non-interactive -",
	} {
		if got := strings.Join(forReal(strings.Fields(in), true), " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := strings.Join(forReal([]string{"remove", "x.test", "--dry-run"}, false), " "); got != "remove x.test" {
		t.Error(got)
	}
}

// TestNotRoot: what changes the server is refused before the machine is asked anything, with the line that does it.
func TestNotRoot(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"attach", "undo", "undo 7", "uninstall --keep-certificates", "renew --force", "remove x.test", "--non-interactive -"} {
		got := invokeAs(&machine{t: t}, strings.Fields(args), onScreen, func(a *App) { a.Root = false })
		if got.status != steps.ExitNotRoot || !strings.Contains(got.err, "H01: ") || !strings.HasSuffix(got.err, "\n  sudo ./sslwizard "+args+"\n") {
			t.Errorf("%s: status %d\n%s", args, got.status, got.err)
		}
	}
}

// TestOneWordAboutRoot: a note of the preview about root is no second blocker, and a dry run keeps it.
func TestOneWordAboutRoot(t *testing.T) {
	t.Parallel()
	p := somePreview(steps.Create)
	p.Findings = []steps.Finding{{Code: "H01", Severity: steps.Blocker, Text: "cannot change this server without root", Fix: []string{"sudo"}},
		{Code: "H01", Severity: steps.Info, Text: "without root it cannot be told who edited what"}}
	if got := invoke(&machine{t: t, preview: p}, "--non-interactive", "-"); got.status != steps.ExitNotRoot || strings.Contains(got.err, "who edited") {
		t.Errorf("status %d, %s", got.status, got.err)
	}
	if got := invoke(&machine{t: t, preview: p}, "--dry-run", "-"); got.status != 0 || !strings.Contains(got.out, "who edited") || strings.Contains(got.out, "cannot change") {
		t.Errorf("status %d, %s", got.status, got.out)
	}
}

// TestBlind: what a user may not see is not said to be missing.
func TestBlind(t *testing.T) {
	t.Parallel()
	note := &steps.HostStatus{Findings: []steps.Finding{{Code: "H01", Severity: steps.Info, Text: "earlier runs can be seen by root only"}}}
	user := func(a *App) { a.Root = false }
	got := invokeAs(&machine{t: t, status: note}, []string{"status"}, user)
	if got.status != 0 || !strings.HasPrefix(got.out, "No sites can be seen.\n") {
		t.Errorf("status %d, %s", got.status, got.out)
	}
	none := &steps.Failure{Text: "cannot remove x: no such site is stored", Status: steps.ExitUsage}
	for _, args := range []string{"answers print", "remove x --dry-run", "--dry-run - --only ssl"} {
		got := invokeAs(&machine{t: t, status: note, preview: &steps.Preview{}, removal: none}, strings.Fields(args), user)
		if got.status != steps.ExitNotRoot || !strings.Contains(got.err, "sudo sslwizard "+args) {
			t.Errorf("%s: status %d, %s", args, got.status, got.err)
		}
	}
	if got := invoke(&machine{t: t}, "answers", "print"); got.status != 0 || got.out != "" || !strings.Contains(got.err, "nothing to print") {
		t.Errorf("status %d, %q %q", got.status, got.out, got.err)
	}
}

func TestUnknownWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		says []string
	}{
		{"stat", []string{`no command "stat"`, `did you mean "status"?`, "\n  sslwizard status\n"}},
		{"udno", []string{`did you mean "undo"?`}},
		{"--dryrun -", []string{"there is no flag --dryrun; did you mean --dry-run?", "sslwizard --help"}},
		{"undo --list", []string{"there is no flag --list", "sslwizard undo --help"}},
		{"-x", []string{"there is no flag -x"}},
		{"--output", []string{"needs an argument"}},
		{"rollback", []string{`did you mean "undo"?`}},
		{"verify https://x.test", []string{`did you mean "probe"?`}},
		{"apply", []string{`no command "apply"`, "\n  sudo sslwizard  ", "\n  sudo sslwizard --non-interactive answers.yaml  "}},
		{"remove", []string{"name the site", "\n  sudo sslwizard remove SITE\n"}},
		{"answers apply", []string{`no command "answers apply"`}},
		{"version", []string{"\n  sslwizard --version\n"}},
		{"nonsense too many", []string{`no command "nonsense"`, "sslwizard --help"}},
		{"help nonsense", []string{`no command "nonsense"`}},
		{"help answers nonsense", []string{`no command "answers nonsense"`}},
		{"answers prin", []string{`no command "answers prin"`, `did you mean "print"?`, "\n  sslwizard answers print\n"}},
		{"-", []string{"sslwizard --dry-run -", "sudo sslwizard --non-interactive -"}},
		{"--dry-run", []string{"--dry-run needs an answers file", "sslwizard --dry-run answers.yaml"}},
		{"--non-interactive", []string{"--non-interactive needs an answers file"}},
		{"--dry-run - other.yaml", []string{`"other.yaml" is one too many`}},
		{"status now", []string{`"now" is one argument too many`, "\n  sslwizard status\n"}},
		{"--dry-run - --only tls", []string{"no such step", "websockets"}},
	} {
		got := invoke(&machine{t: t}, strings.Fields(c.args)...)
		if got.status != steps.ExitUsage || got.out != "" {
			t.Errorf("%s: status %d, stdout %q", c.args, got.status, got.out)
		}
		for _, text := range c.says {
			if !strings.Contains(got.err, text) {
				t.Errorf("%s: does not say %q:\n%s", c.args, text, got.err)
			}
		}
	}
	if got := invoke(&machine{t: t}, "nowhere.yaml"); got.status != steps.ExitAnswers || !strings.Contains(got.err, "nowhere.yaml") || !strings.Contains(got.err, "sudo sslwizard  ") {
		t.Errorf("status %d, %s", got.status, got.err)
	}
	if got := invoke(&machine{t: t}, "help", "status"); got.status != 0 || !strings.Contains(got.out, "Usage: sslwizard status\n") {
		t.Errorf("status %d, %s", got.status, got.out)
	}
}

// TestNoFlagsInUsage walks every command's help.
func TestNoFlagsInUsage(t *testing.T) {
	t.Parallel()
	app := &App{Env: func(string) string { return "" }}
	for _, c := range app.tree().Commands() {
		got := invokeAs(&machine{t: t}, []string{c.Name(), "--help"}, onScreen)
		if got.status != 0 || strings.Contains(got.out, "[flags]") || strings.Contains(got.out, "stringArray") || !strings.Contains(got.out, "Usage: sslwizard "+c.Name()) {
			t.Errorf("%s: status %d\n%s", c.Name(), got.status, got.out)
		}
		fits(t, got.out)
	}
}

// fits checks that no line reaches the last column of a screen.
func fits(t *testing.T, text string) {
	t.Helper()
	for _, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > 79 {
			t.Errorf("too long: %s", line)
		}
	}
}

// TestExplainOnAScreen: prose is wrapped where somebody reads it, and is whole where a program does.
func TestExplainOnAScreen(t *testing.T) {
	t.Parallel()
	got := invokeAs(&machine{t: t}, []string{"answers", "explain", "certs.domains"}, onScreen)
	if got.status != 0 || !strings.Contains(got.out, "\n    dig +short A shop.example.com\n") {
		t.Errorf("status %d\n%s", got.status, got.out)
	}
	fits(t, got.out)
	whole := invoke(&machine{t: t}, "answers", "explain", "certs.domains")
	if strings.Join(strings.Fields(whole.out), " ") != strings.Join(strings.Fields(got.out), " ") || strings.Count(whole.out, "\n") >= strings.Count(got.out, "\n") {
		t.Errorf("whole:\n%s\nwrapped:\n%s", whole.out, got.out)
	}
}

// TestFixesStayApart: a comment never becomes part of the command beside it, on any screen.
func TestFixesStayApart(t *testing.T) {
	t.Parallel()
	fixes := []string{"sudo x    what it does", "sudo longer --flag    # why", "only prose", strings.Repeat("word ", 30) + "end    comment"}
	for _, width := range []int{0, 40, 80} {
		var out strings.Builder
		(&textPrinter{width: width}).fixes(&out, 2, fixes)
		for _, l := range strings.Split(out.String(), "\n") {
			if command, comment, both := strings.Cut(l, "#"); both && command != "" && !strings.HasSuffix(command, "  ") || strings.HasPrefix(comment, "#") {
				t.Errorf("width %d: %q", width, l)
			}
			if strings.Contains(l, "x what") || strings.Contains(l, "flag why") {
				t.Errorf("width %d: %q runs together", width, l)
			}
		}
		if width == 0 && !strings.HasPrefix(out.String(), "  sudo x                # what it does\n  sudo longer --flag    # why\n") {
			t.Errorf("not aligned:\n%s", out.String())
		}
	}
}

func TestWrapKeepsEveryWord(t *testing.T) {
	t.Parallel()
	text := "✗ fail  certs      certs.names        127.0.0.1:443: the certificate is for a.very.long.name.example.com and for nothing else at all"
	for width := range 120 {
		got := theme.Wrap(text, 8, width)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Fatalf("width %d: %q", width, got)
		}
		for _, l := range strings.Split(got, "\n") {
			if width >= 70 && theme.Columns(l) >= width {
				t.Errorf("width %d: %q has %d columns", width, l, theme.Columns(l))
			}
		}
	}
	if got := theme.Wrap("  a  b "+strings.Repeat("c ", 20), 4, 0); !strings.HasPrefix(got, "  a  b c") {
		t.Errorf("%q", got)
	}
	if got := theme.Columns("\x1b[31m✗ stop\x1b[0m x"); got != 8 {
		t.Error(got)
	}
}

// TestGrouped: one reason at many addresses is one block.
func TestGrouped(t *testing.T) {
	t.Parallel()
	groups := grouped(appDown().Failed())
	if len(groups) != 1 || strings.Join(groups[0].at, " ") != "127.0.0.1:443 [::1]:443" {
		t.Errorf("%+v", groups)
	}
	other := appDown().Failed()
	other[3].Detail = "another reason"
	if got := grouped(other); len(got) != 2 {
		t.Errorf("two reasons became %d", len(got))
	}
}

// TestNoNullInJSON: a list without entries is [].
func TestNoNullInJSON(t *testing.T) {
	t.Parallel()
	p := somePreview(steps.Create)
	p.Effects[0].Commands, p.Findings = nil, []steps.Finding{{Severity: steps.Info, Text: "x"}}
	all := invoke(&machine{t: t, status: &steps.HostStatus{Sites: []steps.SiteStatus{{Name: "x"}}, Findings: []steps.Finding{{Text: "y"}}}}, "status", "-o", "json").out +
		invoke(&machine{t: t, status: &steps.HostStatus{}}, "status", "-o", "json").out +
		invoke(&machine{t: t, preview: p}, "--dry-run", "-", "-o", "json").out +
		invoke(&machine{t: t, result: &steps.Result{Outcome: steps.OutcomeDone}}, "undo", "-o", "json").out +
		invoke(&machine{t: t, report: &steps.Report{}}, "probe", "https://x.test", "-o", "json").out +
		invoke(&machine{t: t}, "stat", "-o", "json").out + invoke(&machine{t: t}, "-o", "json", "answers", "validate", "-").out
	if strings.Contains(all, "null") || !strings.Contains(all, `"sites":["shop.example.com"]`) || !strings.Contains(all, `"findings":[]`) {
		t.Error(all)
	}
	if n := strings.Count(all, "\n"); n < 14 {
		t.Errorf("only %d objects", n)
	}
}

// TestHelpIsNoError also when the context is gone: nothing is asked of the machine.
func TestHelpIsNoError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	app := &App{Stdout: &out, Stderr: &out, Env: func(string) string { return "" }}
	if status := app.Run(ctx, []string{"help"}); status != 0 || !strings.Contains(out.String(), "--replace FILE") {
		t.Errorf("status %d, %s", status, out.String())
	}
}
