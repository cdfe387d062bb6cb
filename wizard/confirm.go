package wizard

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// confirm is the last question: only "yes", typed letter by letter, starts the run.
type confirm struct {
	plan   *planScreen
	typed  line
	pasted bool
	busy   bool
	err    error
}

type startedMsg struct {
	run string
	err error
}

func newConfirm(p *planScreen) *confirm { return &confirm{plan: p} }

func (c *confirm) title() string { return "Plan " + short(c.plan.view.Hash) + "  confirm" }

func (c *confirm) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case startedMsg:
		c.busy = false
		if c.err = msg.err; c.err == nil {
			c.plan.preview = c.plan.view
			return c, replace(newApply(c.plan.shared, msg.run))
		}
	case tea.KeyMsg:
		return c.key(msg)
	}
	return c, nil
}

func (c *confirm) key(msg tea.KeyMsg) (screen, tea.Cmd) {
	switch {
	case c.busy:
	case msg.Paste:
		c.pasted = true
		c.typed.set("")
	case msg.Type == tea.KeyEsc:
		return c, back()
	case msg.Type == tea.KeyEnter && c.err != nil:
		return c, back()
	case msg.Type == tea.KeyEnter && strings.ToLower(c.typed.value()) == "yes":
		return c, c.begin()
	case msg.Type == tea.KeyEnter:
	default:
		c.pasted = false
		c.typed.key(msg)
	}
	return c, nil
}

func (c *confirm) begin() tea.Cmd {
	c.busy, c.err = true, nil
	return c.plan.run()
}

func (c *confirm) typing() bool { return true }

func (c *confirm) body(width, height int) []string {
	s := c.plan.shared
	lines := []string{"", "", "   " + s.theme.Fold(fmt.Sprintf("Apply plan %s to %s?", short(c.plan.view.Hash), s.host)), ""}
	for _, line := range c.numbers() {
		lines = append(lines, indented("", s.theme.Fold(line), width)...)
	}
	lines = append(lines, "")
	lines = append(lines, indented(s.theme.Mark(steps.OK)+" ", "every file is backed up before it is touched", width)...)
	lines = append(lines, indented(s.theme.Mark(steps.OK)+" ", "if anything fails, all of it is put back", width)...)
	if unread, all := c.unread(); unread > 0 {
		lines = append(lines, indented(s.theme.Mark(steps.Warn)+" ", fmt.Sprintf("%d of %d diffs %s not been opened", unread, all, many(all, "has", "have")), width)...)
	}
	if height < tight { // the last line is the one that must be seen
		lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	}
	lines = append(lines, "")
	switch {
	case c.err != nil:
		return append(lines, failure(s, c.err, width)...)
	case c.busy:
		return append(lines, "   "+s.theme.Shape("…", "..")+" starting")
	}
	return append(lines, "   Type  yes  and press enter:  "+s.theme.Fold(c.typed.shown(20, s.theme.Shape("█", "_"), s.theme.Shape("▏", "|"))))
}

// numbers says in a few lines what is going to happen.
func (c *confirm) numbers() []string {
	files, commands, asks := 0, 0, 0
	for _, i := range c.plan.pending {
		e := c.plan.view.Effects[i]
		switch e.Change.(type) {
		case steps.ObtainCertificate:
			asks++
		case steps.WriteFile, steps.RemoveFile, steps.InstallBinary:
			files++
		}
		commands += len(e.Commands)
	}
	lines := []string{fmt.Sprintf("%d %s, %d %s", files, many(files, "file changes", "files change"), commands, many(commands, "command runs", "commands run"))}
	if asks > 0 {
		lines = append(lines, fmt.Sprintf("%d trusted %s asked for", asks, many(asks, "certificate is", "certificates are")))
	}
	return lines
}

func many(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// unread is how many of all the diffs nobody has looked at.
func (c *confirm) unread() (unread, all int) {
	for _, i := range c.plan.pending {
		if c.plan.view.Effects[i].Diff == "" {
			continue
		}
		if all++; !c.plan.seen[i] {
			unread++
		}
	}
	return unread, all
}

func (c *confirm) status() string {
	switch {
	case c.pasted:
		return "Pasted text does not count: please type it."
	case c.err != nil:
		return "Nothing was started."
	}
	return "Only \"yes\" starts the run. Nothing has been changed yet."
}

func (c *confirm) keys() []key { return []key{{"enter", "apply"}, {"esc", "back to the plan"}} }
