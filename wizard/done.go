package wizard

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// done is how a run ended: the report card of a site that is live. What went wrong has a screen of its own.
type done struct {
	*apply
	result   steps.Result
	site     steps.Site
	standing steps.SiteStatus // what the server has now; zero until it was asked
	view     string           // "", "checks", "log" or "answers"
	text     growing
	width    int  // columns, for what stays on the terminal
	again    bool // the plan is below, or the first screen
}

// standingMsg is what the server says of the site.
type standingMsg struct{ site steps.SiteStatus }

// ends is the screen of a run that ended.
func (a *apply) ends() screen {
	d := &done{apply: a, result: *a.end, width: 79, again: a.preview != nil}
	if d.result.Run != "" {
		a.name = d.result.Run
	}
	if a.talk != nil && d.again {
		d.site, _ = a.talk.site()
	}
	if !isLive(d.result) {
		return newBroken(d)
	}
	a.preview = nil // it is done: the plan below would be another
	return d
}

// isLive reports a run after which the site is served.
func isLive(r steps.Result) bool {
	switch r.Outcome {
	case steps.OutcomeDone, steps.OutcomePartial, steps.OutcomeUnverified, steps.OutcomeNothing:
		return true
	}
	return false
}

func (d *done) title() string {
	word := map[steps.Outcome]string{steps.OutcomeDone: "done", steps.OutcomePartial: "live, not trusted yet", steps.OutcomeUnverified: "live, not proven",
		steps.OutcomeReverted: "failed, put back", steps.OutcomeInconsistent: "failed", steps.OutcomeNothing: "nothing to do"}[d.result.Outcome]
	switch {
	case d.result.Outcome == steps.OutcomeReverted && halted(d.result):
		word = "stopped, put back"
	case word == "":
		word = "ended"
	}
	return d.named() + "  " + word
}

// start implements starter: how the site stands is asked for the card.
func (d *done) start() tea.Cmd {
	ctx, machine, at := d.ctx, d.machine, address(d.result)
	return func() tea.Msg {
		status, err := machine.Status(ctx)
		if err != nil {
			return nil
		}
		return standingMsg{standingOf(status, at)}
	}
}

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
	return ending{status: steps.ExitStatus(d.result.Outcome, d.result.Err), report: farewell(d.shared, d.result, d.standing, d.width)}
}

func (d *done) resize(width, _ int) { d.width = width }

func (d *done) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case standingMsg:
		d.standing = msg.site
	case tea.KeyMsg:
		if d.reads(msg.String()) {
			return d, nil
		}
		switch msg.String() {
		case "enter", "q":
			return d, d.finish()
		case "e":
			if d.result.Err != nil {
				return d, open(newBroken(d))
			}
		case "r":
			if d.retries() {
				return d, open(newPlan(d.shared))
			}
		}
	}
	return d, nil
}

// reads opens and closes what there is to read; it reports whether the key was for that.
func (d *done) reads(key string) bool {
	switch {
	case d.view != "" && (key == "esc" || key == "enter" || key == "q"):
		d.view = ""
	case d.view != "":
		d.text.key(key)
	case key == "v" && len(lastOf(d.result).Checks) > 0:
		d.view, d.text = "checks", growing{held: true}
	case key == "l":
		d.view, d.text = "log", growing{}
	case key == "o" && d.site.Name != "":
		d.view, d.text = "answers", growing{held: true}
	default:
		return false
	}
	return true
}

// page is what is read, in full.
func (d *done) page(width int) []string {
	switch d.view {
	case "checks":
		return sightsOf(lastOf(d.result).Checks).bySteps(d.theme, width)
	case "log":
		return d.log.lines(d.theme, width)
	}
	var lines []string
	for line := range strings.Lines(string(steps.Print(d.site))) {
		text := strings.TrimLeft(line, " ")
		lines = append(lines, hung(d.theme.Fold(steps.CleanLine(text)), 1+len(line)-len(text), width)...)
	}
	return lines
}

// retries reports whether what is missing can be tried again from here.
func (d *done) retries() bool { return d.again && d.result.Err != nil }

func (d *done) body(width, height int) []string {
	if d.view != "" {
		return d.text.shown(d.page(width), height)
	}
	lines := append([]string{""}, d.card(width, height-1)...)
	room := height - len(lines) - 1
	var more []string
	if d.result.Err != nil {
		more = wrong(d.shared, d.result, nil, width, width)
	} else {
		for _, line := range ways(d.shared, d.result) {
			more = append(more, " "+d.theme.Fold(line))
		}
	}
	if room > 0 && len(more) > 0 {
		lines = append(append(lines, ""), more[:min(room, len(more))]...)
	}
	for n := range lines {
		lines[n] = cut(lines[n], width, d.theme)
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

// card is the report card: what is live, how each of the seven steps was seen, and until when.
func (d *done) card(width, height int) []string {
	var right []string
	rep := lastOf(d.result)
	for _, id := range steps.IDs() {
		if len(rep.Checks) > 0 {
			right = append(right, d.theme.Mark(d.verdict(rep, id))+" "+titleOf(id))
		}
	}
	lines := []string{cut("   "+d.headline(width-4), width, d.theme)}
	const roomy = 12
	if height >= roomy {
		lines = append(lines, "")
	}
	for n, text := range right {
		if d.result.Outcome == steps.OutcomeDone {
			text = pad(padlock[n], 24) + text
		}
		lines = append(lines, "    "+text)
	}
	if d.result.Outcome == steps.OutcomeDone && len(right) > 0 && height >= roomy {
		lines = append(lines, "    "+padlock[len(padlock)-1])
	}
	for _, text := range append(d.numbers(), d.until()...) {
		lines = append(lines, "   "+d.theme.Fold(text))
	}
	return lines
}

// verdict is that of the probe; a trusted certificate that is not there is not judged by it, and is not well.
func (d *done) verdict(rep steps.Report, id steps.ID) steps.Verdict {
	if id == steps.IDTrusted && d.result.Outcome == steps.OutcomePartial {
		return steps.Fail
	}
	return rep.Verdict(id)
}

// numbers are the checks and what was done, in a line.
func (d *done) numbers() []string {
	said := tally(d.result)
	if n := d.changes(); n > 0 {
		said += fmt.Sprintf("; %d %s", n, many(n, "change", "changes"))
		if took := seconds(d.last.Sub(d.begun)); took != "" {
			said += " in " + took
		}
	}
	if said = strings.TrimPrefix(said, "; "); said == "" {
		return nil
	}
	return []string{said}
}

func (d *done) changes() int {
	n := 0
	for _, r := range d.rows {
		if r.status == steps.Done {
			n++
		}
	}
	return n
}

// until is how long the certificate holds, when the server has said it.
func (d *done) until() []string {
	if said := untilOf(d.standing); said != "" {
		return []string{said}
	}
	return nil
}

func (d *done) headline(width int) string {
	text := live(d.result)
	switch {
	case text == "":
		text = capital(ended(d.result))
	case d.result.Outcome == steps.OutcomePartial && len(text) > width:
		text = address(d.result) + " works, not trusted yet"
	case len(text) > width && strings.HasSuffix(text, " are live"):
		text = address(d.result) + " is live, and so is wss://"
	}
	return d.theme.Paint(theme.Bold, d.theme.Fold(text))
}

func (d *done) status() string {
	switch {
	case d.view == "answers":
		return "Kept in " + steps.SitesDir + "/" + d.site.Name + ".yaml"
	case d.view != "":
		return d.text.where()
	case d.retries():
		return "Put it right, then try again: r, or later sudo " + d.options.Called
	case d.result.Err != nil:
		return "Put it right, then start again: sudo " + d.options.Called
	case d.result.Run == "":
		return "Nothing was changed."
	}
	return "Undo it any time: sudo " + d.options.Called + " undo"
}

func (d *done) keys() []key {
	if d.view != "" {
		return []key{{"↑↓", "scroll"}, {"esc", "back"}}
	}
	keys := []key{{"enter", "finish"}}
	if d.result.Err != nil {
		keys = append(keys, key{"e", "what went wrong"})
	}
	if d.retries() {
		keys = append(keys, key{"r", "try again"})
	}
	if len(lastOf(d.result).Checks) > 0 {
		keys = append(keys, key{"v", "all checks"})
	}
	if keys = append(keys, key{"l", "log"}); d.site.Name != "" {
		keys = append(keys, key{"o", "answers"})
	}
	return keys
}

func (d *done) help() []string {
	return []string{"The checks are those of `" + d.options.Called + " probe`: they can be made again at any time, from any machine, without root. From this server a firewall in front of it cannot be seen."}
}
