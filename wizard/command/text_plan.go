package command

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// preview prints what would be done or, before it is done, only what is worth knowing of it: what is done is told then.
func (p *textPrinter) preview(v steps.Preview, m previewMode) {
	stops := blocked(v.Findings) != nil
	p.numbers = numbered(v)
	switch {
	case m.refused:
		p.findings(p.err, v.Findings)
		p.lineTo(p.err, 0, "\n"+stoppedBy)
	case m.applies:
		p.findings(p.out, v.Findings)
		if n := len(p.numbers); n > 0 {
			p.gap()
			p.line("%s %s:", count(n, "change", "changes"), m.of(v))
		}
	case stops:
		p.line("Plan %s: it cannot be done yet.", m.of(v))
		p.plan(v)
		p.findings(p.out, v.Findings)
		p.line("\n" + stoppedBy)
	case len(p.numbers) == 0:
		p.findings(p.out, v.Findings)
		p.line("Nothing to do: %s as asked. Nothing was changed.", isAre(len(v.Plan.Sites), siteNames(v.Plan.Sites)))
	default:
		p.line("Plan %s %s", short(v.Hash), m.of(v))
		p.plan(v)
		p.findings(p.out, v.Findings)
		p.line("\nNothing was changed. %s pending. To make %s:", isAre(len(p.numbers), count(len(p.numbers), "change", "changes")),
			word(len(p.numbers) == 1, "it", "them"))
		p.line("  %s", m.next)
	}
}

const stoppedBy = "Nothing was changed. Put right what stops it, then run the same again."

// of says what it is a plan of.
func (m previewMode) of(v steps.Preview) string {
	if m.what != "" {
		return m.what
	}
	return "for " + siteNames(v.Plan.Sites) + ", served by " + v.Plan.Executor
}

// plan lists what differs under the seven steps, then the diffs. The numbers are the order in which it is done, where
// that is not the order of the list.
func (p *textPrinter) plan(v steps.Preview) {
	if reordered(v) {
		p.line("It is done in the order of the numbers.")
	}
	for _, id := range steps.IDs() {
		first := true
		for _, e := range v.Effects {
			if !told(e) || e.Change.Step() != id {
				continue
			}
			if first {
				p.line("\n%s", p.theme.Paint(theme.Cyan, stepTitle(id)))
				first = false
			}
			p.effect(e)
		}
	}
	p.diffs(v)
}

func (p *textPrinter) effect(e steps.Effect) {
	note := ""
	if e.Note != "" {
		note = "  (" + steps.CleanLine(e.Note) + ")"
	}
	p.lineTo(p.out, 8, " %3d  %s %s%s", p.numbers[e.Change.Key()], p.theme.Action(e.Action), steps.CleanLine(e.Change.Summary()), note)
	for _, argv := range e.Commands {
		p.lineTo(p.out, 12, "          $ %s", quoteArgv(argv))
	}
}

// told reports an effect that a reader hears of. Where a phase ends is no change to them.
func told(e steps.Effect) bool {
	_, mark := e.Change.(steps.Checkpoint)
	return e.Action != steps.Nothing && !mark
}

// numbered gives every change that would be made its place in the order of execution.
func numbered(v steps.Preview) map[string]int {
	numbers := map[string]int{}
	for _, e := range v.Effects {
		if told(e) {
			numbers[e.Change.Key()] = len(numbers) + 1
		}
	}
	return numbers
}

// reordered reports whether changes of one step are done before and after those of another.
func reordered(v steps.Preview) bool {
	rank := map[steps.ID]int{}
	for i, id := range steps.IDs() {
		rank[id] = i
	}
	last := 0
	for _, e := range v.Effects {
		if !told(e) {
			continue
		}
		if rank[e.Change.Step()] < last {
			return true
		}
		last = rank[e.Change.Step()]
	}
	return false
}

func (p *textPrinter) diffs(v steps.Preview) {
	for _, e := range v.Effects {
		if e.Diff == "" {
			continue
		}
		p.line("")
		for _, l := range strings.Split(strings.TrimSuffix(e.Diff, "\n"), "\n") {
			_, _ = p.out.Write([]byte(p.theme.Paint(theme.Diff(l), steps.Clean(l)) + "\n")) // a diff is never wrapped
		}
	}
}

// short is enough of a hash to compare by eye.
func short(hash string) string {
	const enough = 12
	if len(hash) > enough {
		return hash[:enough]
	}
	return hash
}

func isAre(n int, what string) string {
	if n == 1 {
		return what + " is"
	}
	return what + " are"
}
