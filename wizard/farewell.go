package wizard

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// farewell is what stays on the normal screen when a run has ended: what is live, what is not, and what to type. About
// ten lines, so that the scrollback keeps what matters. They are broken at words, but for what is to be typed, which is
// to be copied whole. Of the standing nothing may be known.
func farewell(s *shared, r steps.Result, standing steps.SiteStatus, width int) []string {
	lines := hung("sslwizard: "+ended(r), 0, width)
	for _, said := range []string{live(r), tally(r), untilOf(standing)} {
		lines = append(lines, hung(said, 2, width)...)
	}
	if r.Err != nil {
		lines = append(append(lines, ""), reasons(r, width)...)
	}
	return append(append(lines, ""), ways(s, r)...)
}

// mostReasons is how many of the checks that failed are told; the rest is counted.
const mostReasons = 3

// reasons are why it did not end well, and what to do.
func reasons(r steps.Result, width int) []string {
	head, checks := r.Because()
	lines := hung(steps.CleanLine(head), 2, width)
	fixes := steps.Fixes(r.Err)
	all := sightsOf(checks)
	for _, one := range all[:min(len(all), mostReasons)] {
		lines = append(lines, hung(called(one.Check)+", "+one.says(), 4, width)...)
	}
	if more := len(all) - mostReasons; more > 0 {
		lines = append(lines, fmt.Sprintf("    and %d more", more))
	}
	for _, fix := range fixes[:min(len(fixes), mostReasons)] {
		if isCommand(fix) {
			lines = append(lines, "    "+steps.CleanFix(fix))
		} else {
			lines = append(lines, hung(steps.CleanLine(fix), 4, width)...)
		}
	}
	return lines
}

// isCommand reports whether a way on is a command, with what it does or without; any other is prose.
func isCommand(fix string) bool {
	_, comment := steps.SplitFix(fix)
	return comment != "" || strings.HasPrefix(fix, "sudo ")
}

// ended says in a sentence how a run ended.
func ended(r steps.Result) string {
	switch r.Outcome {
	case steps.OutcomeDone:
		return "done and proven."
	case steps.OutcomeNothing:
		return "nothing to do, everything is as asked."
	case steps.OutcomeUnverified:
		return "set up as asked, but not all of it could be proven."
	case steps.OutcomePartial:
		return "HTTPS works, but the trusted certificate is not there yet."
	case steps.OutcomeReverted:
		how := "failed and was taken back"
		if halted(r) {
			how = "was stopped and taken back"
		}
		if len(r.Kept) > 0 {
			return "the run " + how + "; but for what stays this server is as it was before."
		}
		return "the run " + how + "; this server is as it was before."
	case "":
		return "the run came to no result."
	}
	return "the run failed, and not everything could be put back."
}

// halted reports a run that somebody stopped.
func halted(r steps.Result) bool { return steps.ExitStatus(r.Outcome, r.Err) == steps.ExitCancelled }

func codeOf(err error) string {
	var f *steps.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// address is where the site was looked at, "https://shop.example.com"; empty when it was not.
func address(r steps.Result) string { return steps.CleanLine(lastOf(r).Target) }

// live says what was seen to work, and nothing when the run left nothing to see.
func live(r steps.Result) string {
	at := address(r)
	if at == "" || r.Outcome != steps.OutcomeDone && r.Outcome != steps.OutcomePartial && r.Outcome != steps.OutcomeNothing {
		return ""
	}
	if r.Outcome == steps.OutcomePartial {
		return at + " works; browsers do not trust its certificate yet"
	}
	if lastOf(r).Verdict(steps.IDWebSockets) == steps.OK {
		return at + " and " + strings.Replace(at, "https:", "wss:", 1) + " are live"
	}
	return at + " is live"
}

// lastOf is the last report about the site itself; a rehearsal has no URL.
func lastOf(r steps.Result) steps.Report {
	for _, rep := range slices.Backward(r.Reports) {
		if strings.Contains(rep.Target, "://") {
			return rep
		}
	}
	return steps.Report{}
}

// tally is how the checks came out; nothing is said of what was taken back since.
func tally(r steps.Result) string {
	rep := lastOf(r)
	if len(rep.Checks) == 0 || !isLive(r) {
		return ""
	}
	judged, good := 0, 0
	for _, c := range rep.Checks {
		if c.Verdict != steps.Skip {
			judged++
		}
		if c.Verdict == steps.OK {
			good++
		}
	}
	return fmt.Sprintf("%d of %d checks passed", good, judged)
}

// standingOf is the site that is served at an address.
func standingOf(s steps.HostStatus, at string) steps.SiteStatus {
	u, err := url.Parse(at)
	if err != nil {
		return steps.SiteStatus{}
	}
	for _, site := range s.Sites {
		if slices.Contains(site.Domains, steps.Domain(u.Hostname())) {
			return site
		}
	}
	return steps.SiteStatus{}
}

// untilOf is how long the certificate of a site holds, and when it is renewed.
func untilOf(s steps.SiteStatus) string {
	if s.NotAfter.IsZero() {
		return ""
	}
	said := "certificate until " + s.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case s.Source == steps.SourceACME && s.Test:
		return said + ", for tests: no browser trusts it"
	case s.Source != steps.SourceACME && s.Source != steps.SourceFiles:
		said += ", of this server's own CA"
	}
	if !s.RenewAfter.IsZero() {
		said += ", renewed from " + s.RenewAfter.UTC().Format(time.DateOnly) + " on"
	}
	return said
}

// ways are the commands that make sense now.
func ways(s *shared, r steps.Result) []string {
	sudo := "sudo " + s.options.Called
	var lines []string
	switch r.Outcome {
	case steps.OutcomePartial, steps.OutcomeUnverified, steps.OutcomeReverted:
		lines = append(lines, "  Again     "+sudo)
	}
	switch r.Outcome {
	case steps.OutcomeDone, steps.OutcomePartial, steps.OutcomeUnverified:
		lines = append(lines, "  Undo      "+strings.TrimSpace(sudo+" undo "+steps.CleanLine(r.Run)))
	case steps.OutcomeReverted, steps.OutcomeInconsistent:
		lines = append(lines, "  Log       "+sudo+" attach")
	}
	if r.Outcome == steps.OutcomeDone {
		lines = append(lines, "  Replay    "+sudo+" answers print > answers.yaml", "            "+sudo+" --non-interactive answers.yaml")
	}
	if at := address(r); r.Outcome == steps.OutcomeDone && at != "" {
		return append(lines, "  Outside   sslwizard probe "+at)
	}
	return append(lines, "  Look      "+sudo+" status")
}
