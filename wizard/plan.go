package wizard

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// planScreen shows everything that would change, before anything does.
type planScreen struct {
	*shared
	problems []steps.Problem
	view     *steps.Preview
	err      error
	pending  []int // effects that would do something
	at       int
	seen     map[int]bool // effects whose details were opened
	busy     bool         // a run is being started that only proves
}

type plannedMsg struct {
	view steps.Preview
	err  error
}

func newPlan(s *shared) *planScreen { return &planScreen{shared: s, seen: map[int]bool{}} }

func (p *planScreen) title() string {
	if p.view != nil {
		return "Plan " + short(p.view.Hash)
	}
	return "Plan"
}

// start implements starter: whoever comes back from changing an answer sees a new plan.
func (p *planScreen) start() tea.Cmd {
	site, problems := p.talk.site()
	p.problems, p.err = problems, nil
	if len(problems) > 0 {
		return nil
	}
	ctx, machine := p.ctx, p.machine
	return func() tea.Msg {
		view, err := machine.Plan(ctx, []steps.Site{site})
		return plannedMsg{view, err}
	}
}

func (p *planScreen) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case plannedMsg:
		p.learn(msg)
	case startedMsg: // of a run that has nothing to do but to prove
		p.busy = false
		if p.err = msg.err; p.err == nil {
			p.preview = p.view
			return p, open(newApply(p.shared, msg.run))
		}
	case tea.KeyMsg:
		return p.key(msg.String())
	}
	return p, nil
}

// run starts the run of what is shown.
func (p *planScreen) run() tea.Cmd {
	ctx, machine, view := p.ctx, p.machine, *p.view
	return func() tea.Msg {
		run, err := machine.Start(ctx, view)
		return startedMsg{run, err}
	}
}

func (p *planScreen) learn(msg plannedMsg) {
	if p.err = msg.err; p.err != nil {
		p.view = nil
		return
	}
	if p.view == nil || p.view.Hash != msg.view.Hash {
		p.seen = map[int]bool{}
	}
	p.view, p.pending = &msg.view, nil
	for _, id := range steps.IDs() {
		for n, e := range msg.view.Effects {
			if e.Action != steps.Nothing && e.Change.Step() == id {
				p.pending = append(p.pending, n)
			}
		}
	}
	p.at = max(0, min(p.at, len(p.pending)-1))
}

func (p *planScreen) key(key string) (screen, tea.Cmd) {
	p.at = pressed(key).among(p.at, len(p.pending))
	switch key {
	case "esc":
		return p, back()
	case "r":
		return p, p.start()
	case "enter":
		switch {
		case len(p.problems) > 0:
			return p, open(mendStep(p.shared, stepOf(p.problems[0])))
		case p.view != nil && len(p.pending) > 0:
			return p, open(newDetail(p, p.at))
		}
	case "a":
		if p.ready() {
			return p, open(newConfirm(p))
		}
	case "v":
		if p.provable() && !p.busy {
			p.busy = true
			return p, p.run()
		}
	}
	return p, nil
}

// provable reports that there is nothing to do: then a run changes nothing, and its proof can be had without a yes.
func (p *planScreen) provable() bool {
	return p.view != nil && p.err == nil && len(p.problems) == 0 && !blocked(*p.view) && !p.view.Pending()
}

// ready reports whether the plan can be applied.
func (p *planScreen) ready() bool {
	return p.view != nil && len(p.problems) == 0 && !blocked(*p.view) && p.view.Pending()
}

// stepOf is the step that a problem belongs to.
func stepOf(p steps.Problem) steps.ID {
	section, _, _ := strings.Cut(p.Path, ".")
	if number(steps.ID(section)) == 0 {
		return steps.IDInstall
	}
	return steps.ID(section)
}

func (p *planScreen) body(width, height int) []string {
	switch {
	case len(p.problems) > 0:
		return p.wrong(width)
	case p.err != nil:
		return append([]string{""}, failure(p.shared, p.err, width)...)
	case p.view == nil:
		return []string{"", "  " + p.theme.Shape("…", "..") + " comparing with this server"}
	}
	found := p.findings(width)
	if !p.view.Pending() && blocked(*p.view) {
		return append([]string{"", "  There is no plan yet: something stands in the way."}, found...)
	}
	if !p.view.Pending() {
		return append([]string{"", "  Nothing to do: this server is as asked."}, found...)
	}
	found = found[:min(len(found), height/2)]
	return append(p.list(width, height-len(found)), found...)
}

func (p *planScreen) wrong(width int) []string {
	lines := []string{"", "  These answers are still missing or wrong:", ""}
	for _, problem := range p.problems {
		lines = append(lines, indented(p.theme.Mark(steps.Fail)+" ", p.theme.Fold(steps.CleanLine(problem.String())), width)...)
	}
	return append(lines, "", "  Enter leads to the first of them.")
}

// list are the changes under their steps, with the chosen one in sight.
func (p *planScreen) list(width, room int) []string {
	var lines []string
	at := 0
	last := steps.ID("")
	for n, i := range p.pending {
		e := p.view.Effects[i]
		if id := e.Change.Step(); id != last {
			lines = append(lines, "", "  "+p.theme.Paint(theme.Bold, fmt.Sprintf("%d %s", number(id), titleOf(id))))
			last = id
		}
		if n == p.at {
			at = len(lines)
		}
		lines = append(lines, p.row(e, n == p.at, p.seen[i], width))
	}
	const around = 2 // what comes before and after is in sight too
	return window(lines, max(0, at-around), min(len(lines), at+1+around), room, p.theme)
}

func titleOf(id steps.ID) string { return steps.All()[number(id)-1].Title() }

// row is one change: its sign, what it does, how many lines it adds and takes away.
func (p *planScreen) row(e steps.Effect, chosen, seen bool, width int) string {
	counts := ""
	if added, removed := linesOfDiff(e.Diff); added+removed > 0 {
		counts = fmt.Sprintf("+%d", added)
		if removed > 0 {
			counts += fmt.Sprintf(" -%d", removed)
		}
	}
	if seen {
		counts += " seen"
	}
	sign := "   " + p.theme.Action(e.Action) + " "
	const side = 12 // for the counts
	room, text := width-len("   + "), e.Change.Summary()
	if counts == "" {
		text = sign + brief(text, room-1, p.theme)
	} else {
		text = sign + pad(brief(text, room-side-1, p.theme), room-side) + counts
	}
	if chosen {
		return p.theme.Paint(theme.Active, " >"+text[2:])
	}
	return text
}

// linesOfDiff counts what a unified diff adds and removes.
func linesOfDiff(diff string) (added, removed int) {
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		case strings.HasPrefix(line, "+"):
			added++
		case strings.HasPrefix(line, "-"):
			removed++
		}
	}
	return added, removed
}

func (p *planScreen) findings(width int) []string {
	lines := []string{""}
	for _, f := range p.view.Findings {
		lines = append(lines, indented(p.theme.Severity(f.Severity)+" ", p.theme.Fold(steps.CleanLine(f.Text)), width)...)
		if f.Severity == steps.Blocker {
			lines = append(lines, fixes(p.shared, f.Fix, width)...)
		}
	}
	return lines
}

// fixes are the ways on, each a line to be typed with what it does behind it.
func fixes(s *shared, all []string, width int) []string {
	var lines []string
	for _, fix := range all {
		lines = append(lines, advice(fix, s.theme, inset+len("x fail "), width)...)
	}
	return lines
}

// failure is an error with its ways on.
func failure(s *shared, err error, width int) []string {
	lines := indented(s.theme.Mark(steps.Fail)+" ", s.theme.Fold(steps.CleanLine(err.Error())), width)
	return append(lines, fixes(s, steps.Fixes(err), width)...)
}

func (p *planScreen) status() string {
	switch {
	case p.view == nil || len(p.problems) > 0:
		return "Nothing has been changed."
	case blocked(*p.view):
		return "This cannot be done before what is marked \"stop\" is put right. r looks again."
	case !p.view.Pending():
		return "Nothing has been changed, and nothing has to be."
	}
	return fmt.Sprintf("%d changes. Nothing has been changed yet.", len(p.pending))
}

func (p *planScreen) keys() []key {
	var keys []key
	switch {
	case len(p.problems) > 0:
		keys = []key{{"enter", "put it right"}}
	case len(p.pending) > 0:
		keys = []key{{"↑↓", "move"}, {"enter", "details"}}
	}
	if p.ready() {
		keys = append(keys, key{"a", "apply"})
	}
	if p.provable() {
		keys = append(keys, key{"v", "prove it now"})
	}
	return append(keys, key{"r", "look again"}, key{"esc", "back"}, key{"?", "help"})
}

func (p *planScreen) help() []string {
	return []string{"Everything that a run would do, under the step that asks for it: + makes, ~ changes, - removes, " + p.theme.Action(steps.Execute) + " runs a command. Enter shows the whole of it: every line of a file, every word of a command.",
		"Every file is backed up before it is touched. When anything fails, or the proof at the end does, all of it is put back."}
}
