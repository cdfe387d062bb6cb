package command

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// textPrinter prints for people: one fact a line, nothing that moves.
type textPrinter struct {
	out   io.Writer
	err   io.Writer
	style style
}

func (p textPrinter) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}

func (p textPrinter) preview(v steps.Preview, m previewMode) {
	if m == refused {
		p.out = p.err
		p.findings(v.Findings)
		p.line("\nNothing was changed.")
		return
	}
	if m == dryRun {
		p.line("Plan %s for %s, executor %s", v.Hash, siteNames(v.Plan.Sites), v.Plan.Executor)
	}
	if !v.Pending() {
		p.findings(v.Findings)
		p.line("Nothing to do: %s as asked.", isAre(len(v.Plan.Sites), siteNames(v.Plan.Sites)))
		return
	}
	p.steps(v)
	if m == dryRun {
		p.diffs(v)
	}
	p.findings(v.Findings)
	if m == dryRun {
		p.line("\nNothing was changed. %d changes are pending.", pending(v))
	}
}

// steps lists what differs, grouped by step, with the commands under each.
func (p textPrinter) steps(v steps.Preview) {
	last := steps.ID("")
	for _, e := range v.Effects {
		if e.Action == steps.Nothing {
			continue
		}
		if id := e.Change.Step(); id != last {
			p.line("\n%s", p.style.paint(cyan, stepTitle(id)))
			last = id
		}
		note := ""
		if e.Note != "" {
			note = "  (" + steps.CleanLine(e.Note) + ")"
		}
		p.line("  %s %s%s", p.style.action(e.Action), steps.CleanLine(e.Change.Summary()), note)
		for _, argv := range e.Commands {
			p.line("      $ %s", quoteArgv(argv))
		}
	}
}

func (p textPrinter) diffs(v steps.Preview) {
	p.line("")
	for _, e := range v.Effects {
		if e.Diff == "" {
			continue
		}
		for _, l := range strings.Split(strings.TrimSuffix(e.Diff, "\n"), "\n") {
			p.line("%s", p.style.paint(diffColor(l), steps.Clean(l)))
		}
	}
}

func diffColor(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	case strings.HasPrefix(line, "@@"):
		return cyan
	}
	return ""
}

func (p textPrinter) findings(all []steps.Finding) {
	if len(all) > 0 {
		p.line("")
	}
	for _, f := range all {
		p.line("%s  %s%s", p.style.severity(f.Severity), code(f.Code), steps.CleanLine(f.Text))
		for _, fix := range f.Fix {
			p.line("          %s", steps.CleanLine(fix))
		}
	}
}

func (p textPrinter) event(e steps.Event) {
	if e.Report != nil {
		p.brief(e)
		return
	}
	if e.Status == steps.Unchanged || e.Status == steps.Started {
		return
	}
	text := e.Text
	if text == "" && e.Change != nil {
		text = e.Change.Summary()
	}
	p.line("%s  %-9s %s%s", e.Time.Format("15:04:05"), e.Status, steps.CleanLine(text), took(e.Elapsed))
}

// brief tells of a report what somebody has to look at, and how many checks there were; json has them all.
func (p textPrinter) brief(e steps.Event) {
	for _, c := range e.Report.Checks {
		if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
			p.check(c)
		}
	}
	p.line("%s  %-9s %s", e.Time.Format("15:04:05"), "checked", tally(*e.Report))
}

func (p textPrinter) check(c steps.Check) {
	where := ""
	if c.Address != "" {
		where = c.Address + ": "
	}
	name := ""
	if c.Browser != "" {
		name = " [" + c.Browser + "]"
	}
	p.line("%s  %-11s %-18s %s%s%s%s", p.style.mark(c.Verdict), c.Step, c.Name, where, code(c.Code), steps.CleanLine(c.Detail), name)
	for _, fix := range c.Fix {
		p.line("                                       %s", steps.CleanLine(fix))
	}
}

func (p textPrinter) report(r steps.Report) {
	p.line("")
	for _, id := range steps.IDs() {
		p.line("%s  %s", p.style.mark(r.Verdict(id)), stepTitle(id))
	}
	p.line("\n%s", tally(r))
}

// tally is a report in one line.
func tally(r steps.Report) string {
	count := map[steps.Verdict]int{}
	for _, c := range r.Checks {
		count[c.Verdict]++
	}
	return fmt.Sprintf("%s: %d passed, %d failed, %d warnings, %d skipped, %s", steps.CleanLine(r.Target), count[steps.OK], count[steps.Fail],
		count[steps.Warn], count[steps.Skip], r.Took.Round(time.Millisecond))
}

func (p textPrinter) result(r steps.Result) {
	p.line("")
	for _, rep := range lastReports(r.Reports) {
		p.report(rep)
	}
	switch r.Outcome {
	case steps.OutcomeDone:
		p.line("Done. Undo: sudo sslwizard undo %s", r.Run)
	case steps.OutcomeNothing:
		p.line("Nothing to do.")
	case steps.OutcomeUnverified:
		p.line("The site is set up as asked, but the application behind it did not answer as it should. Undo: sudo sslwizard undo %s", r.Run)
	case steps.OutcomePartial:
		p.line("The site is up with the certificate it has; the trusted certificate is not there yet.")
	case steps.OutcomeReverted:
		p.line("The run failed and everything was undone.")
	case steps.OutcomeInconsistent:
		p.line("The run failed and the undo is not complete.")
	}
	p.list("Undone", r.Undone)
	p.list("Kept", r.Kept)
	if r.Err != nil {
		p.failure(r.Err)
	}
}

// lastReports keeps the last report of each site: the one that counts.
func lastReports(all []steps.Report) []steps.Report {
	var kept []steps.Report
	for i, r := range all {
		later := slices.ContainsFunc(all[i+1:], func(o steps.Report) bool { return o.Target == r.Target })
		if !later {
			kept = append(kept, r)
		}
	}
	return kept
}

func (p textPrinter) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("%s:", title)
	for _, l := range lines {
		p.line("  %s", steps.CleanLine(l))
	}
}

// failure prints an error as the first of its lines, then what to type.
func (p textPrinter) failure(err error) {
	var f *steps.Failure
	c := ""
	if errors.As(err, &f) {
		c = code(f.Code)
	}
	_, _ = fmt.Fprintf(p.err, "sslwizard: error: %s%s\n", c, strings.TrimSuffix(steps.Clean(err.Error()), "\n"))
	for _, fix := range steps.Fixes(err) {
		_, _ = fmt.Fprintf(p.err, "  %s\n", steps.CleanLine(fix))
	}
}

func code(c string) string {
	if c == "" {
		return ""
	}
	return c + ": "
}

func took(d time.Duration) string {
	if d < 50*time.Millisecond {
		return ""
	}
	return fmt.Sprintf("  %.1f s", d.Seconds())
}

func pending(v steps.Preview) int {
	n := 0
	for _, e := range v.Effects {
		if e.Action != steps.Nothing {
			n++
		}
	}
	return n
}

func siteNames(sites []steps.Site) string {
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

func isAre(n int, names string) string {
	if n == 1 {
		return names + " is"
	}
	return names + " are"
}

// stepTitle is the step's own title with its number.
func stepTitle(id steps.ID) string {
	for i, s := range steps.All() {
		if s.ID() == id {
			return fmt.Sprintf("%d %s", i+1, s.Title())
		}
	}
	return string(id)
}

// quoteArgv writes argv as a shell would need it, for people to copy.
func quoteArgv(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>()*?[]{}~#`!") {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return steps.CleanLine(strings.Join(words, " "))
}
