package wizard

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// farewell is what stays on the normal screen when a run has ended: what is live, what is not, and what to type. About
// ten lines, so that the scrollback keeps what matters. The site may be the zero one, of a run that was only followed.
func farewell(s *shared, site steps.Site, r steps.Result) []string {
	lines := []string{"sslwizard: " + ended(r)}
	lines = append(lines, live(site, r)...)
	lines = append(lines, tallies(r)...)
	if r.Err != nil {
		lines = append(lines, "", "  "+steps.CleanLine(r.Err.Error()))
		for _, fix := range steps.Fixes(r.Err) {
			command, comment := steps.SplitFix(fix)
			lines = append(lines, "    "+strings.TrimSpace(command+"    "+comment))
		}
	}
	return append(lines, ways(s, r)...)
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
		return "the run was taken back; this server is as it was before."
	}
	return "the run failed, and not everything could be put back. Look at this before anything else:"
}

// live are the addresses that were seen to work.
func live(site steps.Site, r steps.Result) []string {
	host := hostOf(site, r)
	if host == "" || r.Outcome != steps.OutcomeDone && r.Outcome != steps.OutcomePartial {
		return nil
	}
	said := "  https://" + host
	if lastOf(r).Verdict(steps.IDWebSockets) == steps.OK {
		return []string{said + " and wss://" + host + " are live"}
	}
	return []string{said + " is live"}
}

// hostOf is the host of the site's address. Of a run that was only followed the proof knows it.
func hostOf(site steps.Site, r steps.Result) string {
	if site.Name == "" {
		_, host, _ := strings.Cut(steps.CleanLine(lastOf(r).Target), "://")
		return host
	}
	host := string(site.Certs.Domains[0])
	if strings.Contains(host, ":") {
		host = strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
	}
	return host
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

func tallies(r steps.Result) []string {
	rep := lastOf(r)
	if len(rep.Checks) == 0 || r.Outcome == steps.OutcomeReverted {
		return nil
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
	return []string{fmt.Sprintf("  %d of %d checks passed", good, judged)}
}

// ways are the commands that make sense now.
func ways(s *shared, r steps.Result) []string {
	lines := []string{""}
	sudo := "sudo " + s.options.Called
	switch r.Outcome {
	case steps.OutcomePartial, steps.OutcomeUnverified, steps.OutcomeReverted:
		lines = append(lines, "  Again     "+sudo)
	}
	switch r.Outcome {
	case steps.OutcomeDone, steps.OutcomePartial, steps.OutcomeUnverified:
		lines = append(lines, "  Undo      "+strings.TrimSpace(sudo+" undo "+steps.CleanLine(r.Run)),
			"  Replay    "+s.options.Called+" answers print > answers.yaml; "+sudo+" --non-interactive answers.yaml")
	}
	return append(lines, "  Look      "+s.options.Called+" status")
}
