package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// event prints a line of a run as it happens. That something begins, and why it failed, is not said here: the one is
// followed by its end, the other ends the run and is said there.
//
// It comes from the goroutine of the run, which on a screen that stalls may go on after the run: result waits for it.
func (p *textPrinter) event(e steps.Event) {
	p.telling.Lock()
	defer p.telling.Unlock()
	switch {
	case e.Check != nil || e.Output != "": // for who watches
	case e.Report != nil:
		p.brief(e)
	case e.Change == nil && endsRun(e):
		p.took = e.Elapsed
	case e.Status == steps.Started || e.Status == steps.Unchanged || marksPhase(e.Change):
	default:
		p.progress(e)
	}
}

// endsRun reports the event with which a run says how it ended; the result says it in more words.
func endsRun(e steps.Event) bool {
	switch steps.Outcome(e.Text) {
	case steps.OutcomeDone, steps.OutcomeNothing, steps.OutcomeUnverified, steps.OutcomePartial, steps.OutcomeReverted, steps.OutcomeInconsistent:
		return true
	}
	return e.Status == steps.Failed
}

func marksPhase(c steps.Change) bool {
	_, mark := c.(steps.Checkpoint)
	return mark
}

func (p *textPrinter) progress(e steps.Event) {
	text := e.Text
	if e.Change != nil && (text == "" || e.Status == steps.Failed) {
		text = e.Change.Summary()
	}
	if _, verified := e.Change.(steps.Verify); verified && e.Status == steps.Done && p.unwell {
		text += ", with faults"
	}
	p.say(e, p.place(e), steps.CleanLine(text)+took(e.Elapsed))
	if e.Status == steps.Undone || e.Status == steps.Kept {
		if p.said == nil {
			p.said = map[string]bool{}
		}
		p.said[steps.CleanLine(e.Text)] = true
	}
}

func (p *textPrinter) say(e steps.Event, place, text string) {
	const indent = 20
	p.lineTo(p.out, indent, "%s  %s  %s%s", e.Time.Format("15:04:05"), p.theme.Status(e.Status), place, text)
}

// place is where in the run a change is, "7/45", for the line that ends it.
func (p *textPrinter) place(e steps.Event) string {
	if e.Change == nil || p.numbers[e.Change.Key()] == 0 || e.Status != steps.Done && e.Status != steps.Failed {
		return ""
	}
	all := fmt.Sprint(len(p.numbers))
	return fmt.Sprintf("%*d/%s  ", len(all), p.numbers[e.Change.Key()], all)
}

// brief tells of a verification how many checks there were: what has to be looked at comes with the result. Of a
// rehearsal, which is no part of the result, the warnings are said here; its failures end the run, and are told there.
func (p *textPrinter) brief(e steps.Event) {
	if rehearsal(*e.Report) {
		p.bads(slices.DeleteFunc(slices.Clone(e.Report.Checks), func(c steps.Check) bool { return c.Verdict == steps.Fail }))
	}
	e.Status = steps.Progress
	sum := tally(*e.Report)
	p.say(e, "", sum)
	if p.tallied == nil {
		p.tallied = map[string]bool{}
	}
	p.tallied[sum] = true
	p.unwell = len(e.Report.Failed()) > 0
}

// rehearsal reports what was probed aside; a site's own report has its URL.
func rehearsal(r steps.Report) bool { return !strings.Contains(r.Target, "://") }

// result prints how a run ended; the last thing it says is what works now, or what to do.
func (p *textPrinter) result(r steps.Result, e ending) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.gap()
	p.reports(r)
	p.list("Undone", p.unsaid(r.Undone))
	p.list("Kept", p.unsaid(r.Kept))
	for _, line := range p.outcome(r, e) {
		p.line("%s", line)
	}
	p.why(r)
	p.next(r, e)
}

// reports prints what the last look at each site saw. One site is told step by step, several by a line each.
func (p *textPrinter) reports(r steps.Result) {
	if r.Outcome == steps.OutcomeReverted || r.Outcome == steps.OutcomeInconsistent {
		return // what was seen is gone; the error says why
	}
	last := lastReports(r.Reports)
	for _, rep := range last {
		if r.Outcome == steps.OutcomePartial {
			rep.Checks = append(slices.Clone(rep.Checks), steps.Check{Step: steps.IDTrusted, Verdict: steps.Fail}) // it is the one that is not there
		}
		if len(last) == 1 && r.Outcome != steps.OutcomeNothing {
			p.verdicts(rep)
			p.line("")
		}
	}
	for _, rep := range last {
		if some := slices.ContainsFunc(rep.Checks, bad); some {
			p.bads(rep.Checks)
			p.line("")
		}
		if sum := tally(rep); !p.tallied[sum] {
			p.line("%s", sum)
		}
	}
}

// why prints the error. One that only counts up checks is told by them: each reason once, with its addresses.
func (p *textPrinter) why(r steps.Result) {
	if r.Err == nil {
		return
	}
	head, checks := r.Because()
	switch {
	case len(checks) == 0:
		p.failure(r.Err)
	case r.Outcome != steps.OutcomeUnverified: // otherwise they stand above already
		p.bads(checks)
		p.failure(&steps.Failure{Text: head, Code: checks[0].Code})
	}
}

// lastReports keeps the last report of each site: the one that counts.
func lastReports(all []steps.Report) []steps.Report {
	var kept []steps.Report
	for i, r := range all {
		later := slices.ContainsFunc(all[i+1:], func(o steps.Report) bool { return o.Target == r.Target })
		if !later && !rehearsal(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// unsaid are the lines that were not told while they happened.
func (p *textPrinter) unsaid(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return p.said[steps.CleanLine(l)] })
}

// next says what to type after this.
func (p *textPrinter) next(r steps.Result, e ending) {
	undo := p.called.typed("sudo sslwizard undo " + e.undo)
	if r.Outcome == steps.OutcomeDone && e.undo != "" {
		p.line("Undo: %s", undo)
		return
	}
	again := r.Outcome == steps.OutcomePartial || r.Outcome == steps.OutcomeUnverified || r.Outcome == steps.OutcomeReverted
	if again && e.again != "" && !stopped(r) {
		byHand := steps.ExitStatus("", r.Err) == steps.ExitCancelled // there is nothing to put right
		p.line("\n%s:\n  %s", word(byHand, "To go on, run the same again", "Put it right, then run the same again"), e.again)
	}
	if e.undo != "" {
		p.line("Or undo this run:\n  %s", undo)
	}
}

func stopped(r steps.Result) bool { return steps.ExitStatus(r.Outcome, r.Err) == steps.ExitCancelled }
