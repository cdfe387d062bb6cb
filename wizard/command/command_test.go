package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// machine is a strict fake: each call must have been allowed, and returns what it was told to.
type machine struct {
	Follower // nil: a call of what is not below is a panic
	t        *testing.T
	preview  *steps.Preview
	result   *steps.Result
	err      error
	removal  error // of PlanRemoval
	stored   []steps.Site
	status   *steps.HostStatus
	report   *steps.Report
	ca       *steps.OwnCA
	told     *[]steps.Delivery
	accounts []steps.ACMEAccount
	revoked  []steps.RevokeRequest
	moved    []steps.AccountRequest
	visited  steps.DoctorRequest
	applied  int
	asked    []steps.Site
	renewal  steps.RenewRequest
	undone   []string
	broken   *steps.Result // what comes of taking back a run that never ended
	tape     *tape         // what a run streams
}

func (m *machine) Plan(_ context.Context, sites []steps.Site) (steps.Preview, error) {
	m.asked = sites
	return must(m.t, m.preview, "Plan"), m.err
}

func (m *machine) PlanRemoval(context.Context, string) (steps.Preview, error) {
	return must(m.t, m.preview, "PlanRemoval"), m.removal
}
func (m *machine) Stored(context.Context) ([]steps.Site, error) { return m.stored, nil }

func (m *machine) Apply(_ context.Context, _ steps.Preview, sink func(steps.Event)) (steps.Result, error) {
	m.applied++
	if m.play(sink); m.tape == nil {
		sink(steps.Event{Time: time.Unix(0, 0).UTC(), Run: "1", Status: steps.Done, Text: "wrote\x1b[2J it"})
	}
	return must(m.t, m.result, "Apply"), m.err
}

func (m *machine) Recover(context.Context, func(steps.Event)) (steps.Result, bool, error) {
	if m.broken == nil {
		return steps.Result{}, false, nil
	}
	return *m.broken, true, m.err
}

func (m *machine) Undo(_ context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	m.play(sink)
	m.undone = append(m.undone, run)
	return must(m.t, m.result, "Undo"), m.err
}

func (m *machine) Uninstall(_ context.Context, _ bool, sink func(steps.Event)) (steps.Result, error) {
	m.play(sink)
	return must(m.t, m.result, "Uninstall"), m.err
}

func (m *machine) Renew(_ context.Context, req steps.RenewRequest, sink func(steps.Event)) (steps.Result, error) {
	m.play(sink)
	m.renewal = req
	return must(m.t, m.result, "Renew"), m.err
}
func (m *machine) OwnCA(context.Context) (steps.OwnCA, error) { return must(m.t, m.ca, "OwnCA"), m.err }
func (m *machine) Revoke(_ context.Context, req steps.RevokeRequest, sink func(steps.Event)) error {
	m.play(sink)
	m.revoked = append(m.revoked, req)
	return m.err
}
func (m *machine) Accounts(context.Context) ([]steps.ACMEAccount, error) { return m.accounts, m.err }
func (m *machine) RollOver(_ context.Context, req steps.AccountRequest, _ func(steps.Event)) error {
	m.moved = append(m.moved, req)
	return m.err
}
func (m *machine) ImportAccount(_ context.Context, req steps.AccountRequest, _ func(steps.Event)) error {
	m.moved = append(m.moved, req)
	return m.err
}
func (m *machine) SendNotices(context.Context, bool) ([]steps.Delivery, error) {
	return must(m.t, m.told, "SendNotices"), m.err
}
func (m *machine) TestNotices(context.Context) ([]steps.Delivery, error) {
	return must(m.t, m.told, "TestNotices"), m.err
}
func (m *machine) Status(context.Context) (steps.HostStatus, error) {
	return must(m.t, m.status, "Status"), m.err
}

func (m *machine) Probe(_ context.Context, _ steps.ProbeRequest, sink func(steps.Check)) (steps.Report, error) {
	r := must(m.t, m.report, "Probe")
	for _, c := range r.Checks {
		sink(c)
	}
	return r, m.err
}
func (m *machine) Doctor(_ context.Context, req steps.DoctorRequest, sink func(steps.Check)) (steps.Report, error) {
	m.visited = req
	return m.Probe(context.Background(), steps.ProbeRequest{}, sink)
}
func (m *machine) Serve(context.Context, steps.ServeRequest) error { return m.err }
func (m *machine) Demo(context.Context, bool, func(string), func(steps.Check)) error {
	return m.err
}

func must[T any](t *testing.T, v *T, call string) T {
	t.Helper()
	if v == nil {
		t.Fatalf("unexpected call of %s", call)
	}
	return *v
}

const minimal = `apiVersion: sslwizard/v1
kind: Answers
certs: {domains: [shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted: {acceptTerms: true}
`

// run is one invocation: what it printed and its exit status.
type run struct {
	out, err string
	status   int
}

func invoke(m *machine, args ...string) run { return invokeAs(m, args) }

// invokeAs is invoke by somebody else, or on another screen.
func invokeAs(m *machine, args []string, changes ...func(*App)) run {
	var out, errs bytes.Buffer
	app := &App{Version: "1.2.3", Stdin: strings.NewReader(minimal), Stdout: &out, Stderr: &errs,
		Machine: func(MachineOptions) Machine { return m },
		ReadFile: func(path string) ([]byte, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
		Root: true, Env: func(string) string { return "" }}
	for _, change := range changes {
		change(app)
	}
	status := app.Run(context.Background(), args)
	return run{out.String(), errs.String(), status}
}

func somePreview(actions ...steps.Action) *steps.Preview {
	p := &steps.Preview{Hash: "7c41e0aa", Plan: steps.Plan{Sites: []steps.Site{{Name: "shop.example.com"}}, Executor: "native"}}
	for _, a := range actions {
		p.Effects = append(p.Effects, steps.Effect{Action: a, Diff: "--- a\n+++ b\n@@ -0,0 +1 @@\n+hello\n", Commands: [][]string{{"systemctl", "enable", "a b"}},
			Change: steps.WriteFile{For: steps.For(steps.IDSSL), Path: "/etc/x", Content: []byte("hello\n"), Mode: 0o644}})
	}
	return p
}

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	blocker := func(code string) *steps.Preview {
		p := somePreview(steps.Create)
		p.Findings = []steps.Finding{{Code: code, Severity: steps.Blocker, Text: "cannot go on", Fix: []string{"do this"}}}
		return p
	}
	cases := []struct {
		name   string
		m      machine
		args   []string
		status int
		out    string
		err    string
	}{
		{"version", machine{}, []string{"--version"}, 0, "sslwizard 1.2.3", ""},
		{"no terminal", machine{}, nil, 64, "", "there is no terminal; use --non-interactive"},
		{"unknown flag", machine{}, []string{"--what"}, 64, "", "there is no flag --what"},
		{"argument too many", machine{}, []string{"status", "now"}, 64, "", "\"now\" is one argument too many"},
		{"bad output", machine{}, []string{"status", "-o", "xml"}, 64, "", "text, json or diff"},
		{"no answers", machine{}, []string{"--non-interactive"}, 64, "", "needs an answers file"},
		{"missing file", machine{}, []string{"--non-interactive", "nowhere.yaml"}, 65, "", "cannot read the answers file"},
		{"dry run", machine{preview: somePreview(steps.Create)}, []string{"--dry-run", "-"}, 0, "Nothing was changed. 1 change is pending.", ""},
		{"dry run, detailed", machine{preview: somePreview(steps.Create)}, []string{"--dry-run", "--detailed-exitcode", "-"}, 2, "", ""},
		{"dry run, nothing", machine{preview: somePreview(steps.Nothing)}, []string{"--dry-run", "--detailed-exitcode", "-"}, 0, "Nothing to do", ""},
		{"dry run, not root", machine{preview: blocker("H01")}, []string{"--dry-run", "-"}, 0, "Nothing was changed", ""},
		{"dry run, blocked", machine{preview: blocker("N01")}, []string{"--dry-run", "-"}, 1, "N01: cannot go on", ""},
		{"not root", machine{preview: blocker("H01")}, []string{"--non-interactive", "-"}, 77, "", "do this"},
		{"broken before us", machine{preview: blocker("N03")}, []string{"--non-interactive", "-"}, 78, "", "N03"},
		{"nothing to do", machine{preview: somePreview(steps.Nothing), result: &steps.Result{Outcome: steps.OutcomeNothing}}, []string{"--non-interactive", "-"}, 0, "Nothing to do", ""},
		{"nothing to do, not working", machine{preview: somePreview(steps.Nothing), result: &steps.Result{Outcome: steps.OutcomeUnverified, Err: errors.New("cannot prove the whole")}}, []string{"--non-interactive", "-"}, 3, "", "cannot prove"},
		{"done", machine{status: &steps.HostStatus{}, preview: somePreview(steps.Create), result: &steps.Result{Run: "1", Outcome: steps.OutcomeDone}}, []string{"--non-interactive", "-"}, 0, "sudo sslwizard undo 1", ""},
		{"partial", machine{preview: somePreview(steps.Create), result: &steps.Result{Outcome: steps.OutcomePartial, Err: errors.New("cannot obtain it")}}, []string{"--non-interactive", "-"}, 3, "", "cannot obtain it"},
		{"reverted", machine{preview: somePreview(steps.Create), result: &steps.Result{Outcome: steps.OutcomeReverted, Undone: []string{"/etc/x"}}}, []string{"--non-interactive", "-"}, 4, "/etc/x", ""},
		{"undo", machine{result: &steps.Result{Outcome: steps.OutcomeDone}}, []string{"undo", "7"}, 0, "", ""},
		{"undo, nothing broken off", machine{}, []string{"undo", "--unended"}, 0, "", ""},
		{"undo, broken off", machine{broken: &steps.Result{Outcome: steps.OutcomeReverted}}, []string{"undo", "--unended"}, 0, "", ""},
		{"undo, not put back", machine{broken: &steps.Result{Outcome: steps.OutcomeInconsistent}, err: &steps.Failure{Text: "cannot undo everything", Status: 5}}, []string{"undo", "--unended"}, 5, "", "cannot undo everything"},
		{"undo of two things", machine{}, []string{"undo", "--unended", "7"}, 64, "", "cannot name a run"},
		{"wrong step", machine{}, []string{"--non-interactive", "-", "--only", "tls"}, 64, "", "there is no such step"},
		{"only, nothing stored", machine{}, []string{"--non-interactive", "-", "--only", "ssl"}, 64, "", "no such site is stored"},
		{"probe failed", machine{report: &steps.Report{Checks: []steps.Check{{Verdict: steps.Fail, Name: "tcp"}}}}, []string{"probe", "https://x.test"}, 3, "fail", ""},
		{"locked", machine{err: &steps.Failure{Text: "cannot start: another run is active", Code: "H02", Status: 75}, preview: &steps.Preview{}}, []string{"--non-interactive", "-"}, 75, "", "H02: cannot start"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.m.t = t
			got := invoke(&c.m, c.args...)
			if got.status != c.status || !strings.Contains(got.out, c.out) || !strings.Contains(got.err, c.err) {
				t.Errorf("exit status %d, want %d\nstdout: %s\nstderr: %s", got.status, c.status, got.out, got.err)
			}
			if c.m.applied > 0 && c.m.result == nil {
				t.Error("applied although nothing was to be applied")
			}
		})
	}
}

func TestDiffOutputIsOnlyDiff(t *testing.T) {
	t.Parallel()
	p := somePreview(steps.Create)
	p.Findings = []steps.Finding{{Severity: steps.Warning, Text: "look here"}}
	p.Effects[0].Note = "the values of headers are not shown"
	got := invoke(&machine{t: t, preview: p}, "--dry-run", "-", "-o", "diff")
	if want := "--- a\n+++ b\n@@ -0,0 +1 @@\n+hello\n"; got.out != want || !strings.Contains(got.err, "look here") || !strings.Contains(got.err, "the values of headers are not shown") {
		t.Errorf("stdout %q, stderr %q", got.out, got.err)
	}
}

func TestJSONIsOneObjectALineAndClean(t *testing.T) {
	t.Parallel()
	got := invoke(&machine{t: t, status: &steps.HostStatus{}, preview: somePreview(steps.Create), result: &steps.Result{Run: "1", Outcome: steps.OutcomeDone}}, "--non-interactive", "-", "-o", "json")
	var kinds []string
	for _, line := range strings.Split(strings.TrimSpace(got.out), "\n") {
		var o struct{ Type string }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, o.Type)
	}
	if want := "version plan_change plan event summary"; strings.Join(kinds, " ") != want {
		t.Errorf("got %v, want %s", kinds, want)
	}
	if strings.ContainsRune(got.out, 0x1b) || strings.Contains(got.out, `\u001b`) {
		t.Error("an escape reached the output")
	}
}

func TestTextIsClean(t *testing.T) {
	t.Parallel()
	got := invoke(&machine{t: t, status: &steps.HostStatus{}, preview: somePreview(steps.Create), result: &steps.Result{Run: "1", Outcome: steps.OutcomeDone}}, "--non-interactive", "-")
	if strings.ContainsRune(got.out, 0x1b) || !strings.Contains(got.out, "wrote␛[2J it") {
		t.Errorf("got %q", got.out)
	}
}

func TestHelpFitsAScreen(t *testing.T) {
	t.Parallel()
	got := invoke(&machine{t: t}, "--help")
	if n := strings.Count(got.out, "\n"); n > 23 || got.status != 0 {
		t.Errorf("%d lines, status %d", n, got.status)
	}
	fits(t, got.out)
}

func TestArgvIsShownForAShell(t *testing.T) {
	t.Parallel()
	if got := quoteArgv([]string{"a", "b c", "d'e", ""}); got != `a 'b c' 'd'\''e' ''` {
		t.Error(got)
	}
}
