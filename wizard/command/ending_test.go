package command

import (
	"errors"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestStanding: a site is said to be no more than what was seen of it.
func TestStanding(t *testing.T) {
	t.Parallel()
	withoutWebSockets, silent := well(), well()
	withoutWebSockets.Checks = nil
	silent.Checks = append(silent.Checks, steps.Check{Step: steps.IDWebSockets, Verdict: steps.Warn})
	local, none := standingOf("local").Sites[0], shopSite(t, "")
	none.Trusted.Source = steps.SourceNone
	test := standingOf("acme").Sites[0]
	test.Test = true
	for _, c := range []struct {
		name   string
		site   steps.Site
		status steps.SiteStatus
		report steps.Report
		want   string
	}{
		{"trusted", shopSite(t, ""), standingOf("acme").Sites[0], well(), "https://shop.example.com and wss://shop.example.com are live, trusted until 2027-02-21"},
		{"local for now", shopSite(t, ""), local, well(), "https://shop.example.com and wss://shop.example.com are live, with the local certificate, which browsers do not trust yet"},
		{"local for good", none, local, well(), "https://shop.example.com and wss://shop.example.com are live, with the local certificate, which browsers do not trust"},
		{"staging", shopSite(t, ""), test, well(), "https://shop.example.com and wss://shop.example.com are live, with a test certificate, which no browser trusts"},
		{"own", shopSite(t, ""), standingOf("files").Sites[0], well(), "https://shop.example.com and wss://shop.example.com are live, with your own certificate, until 2027-02-21"},
		{"wss not looked at", shopSite(t, ""), standingOf("acme").Sites[0], withoutWebSockets, "https://shop.example.com is live, trusted until 2027-02-21"},
		{"wss not proven", shopSite(t, ""), standingOf("acme").Sites[0], silent, "https://shop.example.com is live, trusted until 2027-02-21"},
		{"no wss asked for", shopSite(t, "websockets: {enabled: false}\n"), standingOf("acme").Sites[0], well(), "https://shop.example.com is live, trusted until 2027-02-21"},
	} {
		if got := standing(c.site, c.status, c.report); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := siteURL(steps.Site{Name: "2001:db8::7"}); got != "https://[2001:db8::7]" {
		t.Error(got)
	}
}

// TestUndoIsOfferedOnlyWhereItCanBe: no empty name of a run, and no undo of what changed nothing.
func TestUndoIsOfferedOnlyWhereItCanBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		deed deed
		r    steps.Result
		undo bool
	}{
		{applying, steps.Result{Run: "7", Outcome: steps.OutcomeDone}, true},
		{applying, steps.Result{Run: "7", Outcome: steps.OutcomePartial, Err: errors.New("x")}, true},
		{applying, steps.Result{Run: "7", Outcome: steps.OutcomeUnverified, Err: errors.New("x")}, true},
		{removing, steps.Result{Run: "7", Outcome: steps.OutcomeDone}, true},
		{applying, steps.Result{Run: "7", Outcome: steps.OutcomeReverted, Err: errors.New("x")}, false},
		{applying, steps.Result{Outcome: steps.OutcomeUnverified, Err: errors.New("x")}, false},
		{applying, steps.Result{Outcome: steps.OutcomeNothing}, false},
		{undoing, steps.Result{Run: "8", Outcome: steps.OutcomeDone}, false},
		{uninstalling, steps.Result{Outcome: steps.OutcomeDone}, false},
		{renewing, steps.Result{Outcome: steps.OutcomePartial, Err: errors.New("x")}, false},
	} {
		var out strings.Builder
		app := &App{Stdout: &out, Stderr: &out, Env: func(string) string { return "" }}
		p := app.text(&out)
		p.result(c.r, app.endingOf(t.Context(), &machine{t: t, status: &steps.HostStatus{}}, c.deed, nil, c.r))
		if got := strings.Contains(out.String(), "sudo sslwizard undo 7\n"); got != c.undo || !c.undo && strings.Contains(out.String(), "sslwizard undo") {
			t.Errorf("%d, %s: undo offered: %t, want %t\n%s", c.deed, c.r.Outcome, got, c.undo, out.String())
		}
	}
}
