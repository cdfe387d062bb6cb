package wizard

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// detail is one change with all that is in it. The text has no borders, so that it can be selected and copied.
type detail struct {
	*planScreen
	at     int // in pending
	whole  []text
	width  int // for which the text was laid out
	text   scroll
	search *line // what is being looked for; nil: nothing
	sought string
}

func newDetail(p *planScreen, at int) *detail {
	d := &detail{planScreen: p}
	d.show(at)
	return d
}

// show goes to another change.
func (d *detail) show(at int) {
	d.at = at
	d.planScreen.at = at
	i := d.pending[at]
	d.seen[i] = true
	d.whole, d.width, d.text = d.content(d.view.Effects[i]), 0, scroll{}
}

// text is one line of a change, however long, and its color.
type text struct {
	line  string
	color theme.Color
}

// content is the whole of a change.
func (d *detail) content(e steps.Effect) []text {
	all := []text{{line: " " + d.theme.Action(e.Action) + " " + d.theme.Fold(steps.CleanLine(e.Change.Summary()))}}
	if e.Note != "" {
		all = append(all, text{line: "   " + d.theme.Fold(steps.CleanLine(e.Note))})
	}
	for _, argv := range e.Commands {
		all = append(all, text{line: " $ " + d.theme.Fold(steps.CleanLine(strings.Join(argv, " ")))})
	}
	all = append(all, text{})
	for raw := range strings.Lines(e.Diff) {
		line := " " + d.theme.Fold(strings.ReplaceAll(steps.Clean(strings.TrimSuffix(raw, "\n")), "\t", "    "))
		all = append(all, text{line, theme.Diff(raw)})
	}
	return all
}

// layout breaks what is too wide: whoever agrees to a change has to be able to read all of it.
func (d *detail) layout(width int) {
	if d.width == width {
		return
	}
	const inset = 3
	d.width, d.text.lines = width, nil
	for _, t := range d.whole {
		pieces := []string{t.line}
		if ansi.StringWidth(t.line) > width {
			pieces = wrap(t.line, width-inset)
		}
		for n, piece := range pieces {
			if n > 0 {
				piece = pad("", inset) + piece
			}
			d.text.lines = append(d.text.lines, d.theme.Paint(t.color, piece))
		}
	}
}

func (d *detail) title() string {
	return fmt.Sprintf("Plan %s  %d of %d", short(d.view.Hash), d.at+1, len(d.pending))
}

// start implements starter in place of the plan's: nothing is looked at again.
func (d *detail) start() tea.Cmd { return nil }

func (d *detail) update(msg tea.Msg) (screen, tea.Cmd) {
	key, ok := msg.(tea.KeyMsg)
	switch {
	case !ok:
		_, cmd := d.planScreen.update(msg)
		return d, cmd
	case d.search != nil:
		d.searching(key)
		return d, nil
	case d.text.key(key.String()):
		return d, nil
	}
	switch key.String() {
	case "esc", "enter":
		return d, back()
	case "n", "right", "tab":
		d.show(min(d.at+1, len(d.pending)-1))
	case "p", "left", "shift+tab":
		d.show(max(d.at-1, 0))
	case "/":
		d.search = &line{}
	case "a":
		if d.ready() {
			return d, open(newConfirm(d.planScreen))
		}
	}
	return d, nil
}

// searching takes what is looked for, letter by letter; Enter goes to the next place.
func (d *detail) searching(msg tea.KeyMsg) {
	switch msg.String() {
	case "esc":
		d.search = nil
	case "enter":
		d.sought = d.search.value()
		if d.sought != "" && !d.text.find(d.sought) {
			d.sought += " (not there)"
		}
	default:
		d.search.key(msg)
	}
}

func (d *detail) typing() bool { return d.search != nil }

func (d *detail) body(width, height int) []string {
	d.layout(width)
	return d.text.shown(height)
}

func (d *detail) status() string {
	if d.search != nil {
		return "/" + d.theme.Fold(d.search.shown(40, d.theme.Shape("█", "_"), d.theme.Shape("▏", "|"))) + "   " + d.theme.Fold(d.sought)
	}
	first, last := d.text.from+1, min(len(d.text.lines), d.text.from+d.text.room)
	return fmt.Sprintf("line %d to %d of %d", first, last, len(d.text.lines))
}

func (d *detail) keys() []key {
	if d.search != nil {
		return []key{{"enter", "find next"}, {"esc", "end"}}
	}
	keys := []key{{"↑↓", "scroll"}, {"n p", "next, previous"}, {"/", "find"}}
	if d.ready() {
		keys = append(keys, key{"a", "apply"})
	}
	return append(keys, key{"esc", "plan"})
}
