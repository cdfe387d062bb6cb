package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// check prints a check of a probe as it comes; what has to be looked at waits for the report.
func (p *textPrinter) check(c steps.Check) {
	if bad(c) {
		p.held = append(p.held, c)
		return
	}
	p.group(checkGroup{c, addresses(c)})
}

func bad(c steps.Check) bool { return c.Verdict == steps.Fail || c.Verdict == steps.Warn }

// checkGroup is one thing that was seen, and every address at which it was.
type checkGroup struct {
	steps.Check
	at []string
}

func addresses(c steps.Check) []string {
	if c.Address == "" {
		return nil
	}
	return []string{c.Address}
}

// grouped puts checks together that say the same of several addresses, or under several names, in the order in which
// each was first said. An application that is down fails a dozen checks with one and the same reason.
func grouped(checks []steps.Check) []checkGroup {
	var groups []checkGroup
	for _, c := range checks {
		i := slices.IndexFunc(groups, func(g checkGroup) bool { return alike(g.Check, c) })
		if i < 0 {
			groups = append(groups, checkGroup{c, addresses(c)})
		} else if c.Address != "" && !slices.Contains(groups[i].at, c.Address) {
			groups[i].at = append(groups[i].at, c.Address)
		}
	}
	return groups
}

func alike(a, b steps.Check) bool {
	sameName := a.Code != "" || a.Name == b.Name // with a code the reason is known, and is one for every check that has it
	return sameName && a.Verdict == b.Verdict && a.Code == b.Code && a.Detail == b.Detail && a.Browser == b.Browser
}

func (p *textPrinter) group(g checkGroup) {
	where := ""
	if len(g.at) > 0 {
		where = strings.Join(g.at, ", ") + ": "
	}
	name := ""
	if g.Browser != "" {
		name = " [" + g.Browser + "]"
	}
	const indent = 8
	p.lineTo(p.out, indent, "%s  %-11s%-19s%s%s%s%s", p.theme.Mark(g.Verdict), g.Step, g.Name, where, code(g.Code), steps.CleanLine(g.Detail), name)
	if bad(g.Check) && g.Evidence != "" {
		p.lineTo(p.out, indent+2, "          seen: %s", steps.CleanLine(g.Evidence))
	}
	p.fixes(p.out, indent+2, g.Fix)
}

// bads prints what has to be looked at, each thing once; the failures come last, where the eye is.
func (p *textPrinter) bads(checks []steps.Check) {
	for _, v := range []steps.Verdict{steps.Warn, steps.Fail} {
		some := slices.DeleteFunc(slices.Clone(checks), func(c steps.Check) bool { return c.Verdict != v })
		for _, g := range grouped(some) {
			p.group(g)
		}
	}
}

// report ends a probe: what has to be looked at, one verdict a step, and the sum.
func (p *textPrinter) report(r steps.Report) {
	p.release()
	p.line("")
	p.verdicts(r)
	p.line("\n%s", tally(r))
}

// diagnosis ends a doctor's visit: what has to be looked at, and the sum.
func (p *textPrinter) diagnosis(r steps.Report) {
	p.release()
	p.line("\n%s", tally(r))
}

// release prints what was held back for the end.
func (p *textPrinter) release() {
	if len(p.held) > 0 {
		p.gap()
		p.bads(p.held)
		p.held = nil
	}
}

func (p *textPrinter) verdicts(r steps.Report) {
	for _, id := range steps.IDs() {
		p.line("%s  %s", p.theme.Mark(r.Verdict(id)), stepTitle(id))
	}
}

// tally is a report in one line.
func tally(r steps.Report) string {
	n := map[steps.Verdict]int{}
	for _, c := range r.Checks {
		n[c.Verdict]++
	}
	said := fmt.Sprintf("%s: %s passed, %d failed", steps.CleanLine(r.Target), count(n[steps.OK], "check", "checks"), n[steps.Fail])
	if n[steps.Warn] > 0 {
		said += ", " + count(n[steps.Warn], "warning", "warnings")
	}
	if n[steps.Skip] > 0 {
		said += fmt.Sprintf(", %d skipped", n[steps.Skip])
	}
	return said + ", " + r.Took.Round(time.Millisecond).String()
}
