package command

import (
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

func (p *textPrinter) status(s steps.HostStatus, all bool) {
	if len(s.Sites) == 0 {
		p.line("%s", word(blind(s), "No sites can be seen.", "No sites are managed here."))
	}
	for _, site := range s.Sites {
		p.line("%s", p.theme.Paint(theme.Cyan, site.Name))
		p.line("  served by    %s", site.Executor)
		p.line("  names        %s", joinDomains(site.Domains))
		p.upstreams(site.Upstreams)
		p.line("  certificate  %s", certificateLine(site, s.Findings))
	}
	for _, u := range s.Units {
		p.line("%s  %s: %s, %s at boot", p.theme.Mark(unitVerdict(u)), u.Name, word(u.Active, "runs", "does not run"), word(u.Enabled, "starts", "does not start"))
	}
	if s.Proxy != nil {
		p.proxy(*s.Proxy)
	}
	if s.Running != "" {
		p.line("%s  run %s goes on", p.theme.Status(steps.Progress), s.Running)
		p.fixes(p.out, 10, []string{"sudo sslwizard attach    shows it, if the wizard started it"})
	}
	if s.Unended != "" {
		p.line("%s  run %s never ended", p.theme.Mark(steps.Warn), s.Unended)
		p.fixes(p.out, 10, []string{"sudo sslwizard undo    takes it back"})
	}
	p.findings(p.out, s.Findings)
	p.runs(s.Runs, all)
}

// upstreams are where requests go; with several each has its numbers.
func (p *textPrinter) upstreams(all []steps.UpstreamStatus) {
	for n, u := range all {
		label, told := word(len(all) > 1, "upstreams", "upstream"), ""
		if n > 0 {
			label = ""
		}
		if len(all) > 1 && u.Known {
			told = fmt.Sprintf(", %d in progress, %s", u.Busy, count(int(u.Failures), "failure", "failures"))
		}
		if u.Down {
			told = ", down" + told
		}
		p.line("  %-11s  %s%s", label, steps.CleanLine(u.Upstream), told)
	}
}

// proxy is what the native proxy says about itself.
func (p *textPrinter) proxy(s steps.ProxyStatus) {
	p.lineTo(p.out, 8, "%s  proxy: %s and %s open; %s since %s, %d with 5xx", p.theme.Mark(steps.OK),
		count(s.Connections, "connection", "connections"), count(s.WebSockets, "WebSocket", "WebSockets"),
		count(int(s.Requests), "request", "requests"), day(s.Since), s.Failed)
	if s.Error != "" {
		p.lineTo(p.out, 8, "%s  the proxy does not serve what is stored: %s", p.theme.Mark(steps.Fail), steps.CleanLine(s.Error))
		p.fixes(p.out, 10, []string{"sudo journalctl -u sslwizard-proxy.service -n 50"})
	}
}

// runs lists the last runs; all of them only when that was asked for.
func (p *textPrinter) runs(runs []steps.RunRecord, all bool) {
	if len(runs) == 0 {
		return
	}
	const last = 20
	more := 0
	if !all && len(runs) > last {
		more = len(runs) - last
		runs = runs[:last]
	}
	p.line("\nRuns, the newest first:")
	for _, r := range runs {
		undone := ""
		if r.Undone {
			undone = ", undone since"
		}
		p.lineTo(p.out, 4, "  %s  %s: %s%s", r.ID, steps.CleanLine(r.What), outcomeWord(r.Outcome), undone)
	}
	if more > 0 {
		p.fixes(p.out, 2, []string{"sudo sslwizard status --all    shows " + count(more, "earlier run", "earlier runs") + " too"})
	}
}

// outcomeWord says how a run ended, to who was not there.
func outcomeWord(o steps.Outcome) string {
	switch o {
	case steps.OutcomeUnverified:
		return "done, not all of it proven"
	case steps.OutcomePartial:
		return "done, without the trusted certificate"
	case steps.OutcomeReverted:
		return "failed, everything was put back"
	case steps.OutcomeInconsistent:
		return "failed, not everything was put back"
	case steps.OutcomeNothing:
		return "nothing to do"
	}
	return string(o)
}

func certificateLine(s steps.SiteStatus, findings []steps.Finding) string {
	switch s.Source {
	case "":
		return word(hidden(findings), "not known without root", "none")
	case "local":
		return "from the local CA of this server, until " + day(s.NotAfter)
	case steps.SourceFiles:
		return "your own, until " + day(s.NotAfter)
	}
	if s.Test {
		return "for tests, trusted by nobody, until " + day(s.NotAfter)
	}
	return "trusted" + issuerOf(s) + ", until " + day(s.NotAfter) + ", renewed from " + day(s.RenewAfter)
}

// issuerOf says who gave the certificate, and for whom the second CA stood in.
func issuerOf(s steps.SiteStatus) string {
	switch ca := steps.CleanLine(s.CA); {
	case ca == "":
		return ""
	case s.InPlaceOf != "":
		return " (" + ca + ", because " + steps.CleanLine(s.InPlaceOf) + " could not issue)"
	default:
		return " (" + ca + ")"
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func unitVerdict(u steps.UnitStatus) steps.Verdict {
	if u.Active && u.Enabled {
		return steps.OK
	}
	return steps.Fail
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func joinDomains(all []steps.Domain) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = string(d)
	}
	return someOf(names)
}
