package wizard

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// done is how a run ended: the report card when it is live, and what was put back when it failed.
type done struct {
	*apply
	result steps.Result
	site   steps.Site
	view   string // "", "checks", "log" or "answers"
	text   scroll
}

func newDone(a *apply) *done {
	d := &done{apply: a, result: *a.end}
	if a.preview != nil { // of a run that is only followed nobody here said what it is about
		d.site, _ = a.talk.site()
	}
	if d.live() {
		a.preview = nil
	}
	return d
}

// live reports a run after which the site is served.
func (d *done) live() bool {
	switch d.result.Outcome {
	case steps.OutcomeDone, steps.OutcomePartial, steps.OutcomeUnverified, steps.OutcomeNothing:
		return true
	}
	return false
}

func (d *done) title() string {
	word := map[steps.Outcome]string{steps.OutcomeDone: "done", steps.OutcomePartial: "live, not trusted yet", steps.OutcomeUnverified: "live, not proven",
		steps.OutcomeReverted: "taken back", steps.OutcomeInconsistent: "failed", steps.OutcomeNothing: "nothing to do"}[d.result.Outcome]
	if word == "" {
		word = "ended"
	}
	return fmt.Sprintf("Run %s  %s", steps.CleanLine(d.run), word)
}

// start implements starter in place of the run's.
func (d *done) start() tea.Cmd { return nil }

// finish leaves the wizard. What was answered is not needed any more after all went well, now that somebody has seen it:
// a screen that shows it may have nobody before it.
func (d *done) finish() tea.Cmd {
	if d.result.Outcome != steps.OutcomeDone {
		return leave(d.ending())
	}
	forget, end := d.forget(), leaveMsg{d.ending()}
	return func() tea.Msg {
		forget()
		return end
	}
}

// interrupt implements stubborn: there is nothing left to ask about.
func (d *done) interrupt() (screen, tea.Cmd) { return d, d.finish() }

func (d *done) ending() ending {
	return ending{status: steps.ExitStatus(d.result.Outcome, d.result.Err), report: farewell(d.shared, d.site, d.result)}
}

func (d *done) update(msg tea.Msg) (screen, tea.Cmd) {
	key, ok := msg.(tea.KeyMsg)
	if !ok {
		return d, nil
	}
	if d.view != "" {
		if key.String() == "esc" || key.String() == "enter" {
			d.view = ""
		}
		d.text.key(key.String())
		return d, nil
	}
	switch key.String() {
	case "enter", "q":
		return d, d.finish()
	case "esc":
		if !d.live() {
			return d, back()
		}
	case "v":
		d.open("checks", d.checks())
	case "l":
		d.open("log", folded(d.log, d.theme))
	case "o":
		if d.site.Name != "" {
			d.open("answers", folded(strings.Split(strings.TrimSpace(string(steps.Print(d.site))), "\n"), d.theme))
		}
	}
	return d, nil
}

func (d *done) open(view string, lines []string) { d.view, d.text = view, scroll{lines: lines} }

func (d *done) body(width, height int) []string {
	if d.view != "" {
		return d.text.shown(height)
	}
	if !d.live() {
		return d.failed(width, height)
	}
	lines := append([]string{""}, d.card(width)...)
	if d.result.Err != nil {
		lines = append(lines, "")
		lines = append(lines, failure(d.shared, d.result.Err, width)...)
	}
	return lines
}

// padlock is drawn in ASCII only, so that it can be pasted anywhere.
var padlock = []string{
	"      .-------.    ",
	"     /  .---.  \\   ",
	"     |  |   |  |   ",
	"  .--'--'---'--'--. ",
	"  |               | ",
	"  |     HTTPS     | ",
	"  |               | ",
	"  '---------------' ",
}

// card is the report card: what is live, and how each of the seven steps was seen.
func (d *done) card(width int) []string {
	var right []string
	rep := lastOf(d.result)
	for _, id := range steps.IDs() {
		if len(rep.Checks) > 0 {
			right = append(right, d.theme.Mark(rep.Verdict(id))+" "+titleOf(id))
		}
	}
	right = append(right, "")
	right = append(right, tallies(d.result)...)
	lines := []string{cut("   "+d.headline(), width, d.theme), ""}
	for n, text := range right {
		lock := ""
		if n < len(padlock) && d.result.Outcome == steps.OutcomeDone {
			lock = padlock[n]
		}
		lines = append(lines, cut("    "+pad(lock, 24)+d.theme.Fold(strings.TrimPrefix(text, "  ")), width, d.theme))
	}
	return lines
}

func (d *done) headline() string {
	text := strings.TrimSpace(strings.Join(live(d.site, d.result), " "))
	if text == "" {
		text = ended(d.result)
	}
	return d.theme.Paint(theme.Bold, text)
}

// failed says what failed in the server's own words, what was put back and what stays.
func (d *done) failed(width, height int) []string {
	lines := []string{""}
	if d.result.Err != nil {
		lines = append(lines, failure(d.shared, d.result.Err, width)...)
	}
	lines = append(lines, "", "   "+d.theme.Paint(theme.Bold, strings.ToUpper(ended(d.result)[:1])+ended(d.result)[1:]))
	for _, part := range []struct {
		title string
		lines []string
	}{{"What stays", d.result.Kept}, {"What was put back", d.result.Undone}} {
		if len(part.lines) > 0 {
			lines = append(lines, "", "   "+part.title)
		}
		for _, line := range part.lines {
			lines = append(lines, cut("     "+d.theme.Fold(steps.CleanLine(line)), width, d.theme))
		}
	}
	if len(lines) > height {
		lines = append(lines[:height-1], "     "+d.theme.Shape("…", "..")+" l shows all")
	}
	return lines
}

// checks is everything that the last look saw.
func (d *done) checks() []string {
	var lines []string
	for _, c := range lastOf(d.result).Checks {
		text := fmt.Sprintf(" %s  %-18s %s", d.theme.Mark(c.Verdict), c.Name, d.theme.Fold(steps.CleanLine(strings.TrimSpace(c.Address+"  "+c.Detail))))
		if c.Browser != "" {
			text += " [" + c.Browser + "]"
		}
		lines = append(lines, text)
		for _, fix := range c.Fix {
			command, comment := steps.SplitFix(fix)
			lines = append(lines, "                             "+d.theme.Fold(strings.TrimSpace(command+"  "+comment)))
		}
	}
	return lines
}

func (d *done) status() string {
	switch {
	case d.view == "answers":
		return "For another server: " + d.options.Called + " answers print > answers.yaml"
	case d.view != "":
		return fmt.Sprintf("%d lines", len(d.text.lines))
	case d.live():
		return "Undo it any time: sudo " + d.options.Called + " undo"
	}
	return "Your answers are kept. Esc leads back to the plan."
}

func (d *done) keys() []key {
	if d.view != "" {
		return []key{{"↑↓", "scroll"}, {"esc", "back"}}
	}
	keys := []key{{"enter", "finish"}, {"l", "log"}}
	if len(lastOf(d.result).Checks) > 0 {
		keys = append(keys, key{"v", "all checks"})
	}
	if d.site.Name != "" {
		keys = append(keys, key{"o", "answers"})
	}
	if !d.live() {
		keys = append(keys, key{"esc", "back to the plan"})
	}
	return keys
}

func (d *done) help() []string {
	return []string{"The checks are those of `" + d.options.Called + " probe`: they can be made again at any time, from any machine, without root."}
}
