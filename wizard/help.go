package wizard

import (
	tea "github.com/charmbracelet/bubbletea"
)

// help is what `?` opens: what the screen below has to say, and its keys.
type help struct {
	*shared
	below screen
	text  scroll
}

func newHelp(s *shared, below screen) *help { return &help{shared: s, below: below} }

func (h *help) resize(width, _ int) {
	h.text.lines = nil
	if e, ok := h.below.(explainer); ok {
		for _, paragraph := range e.help() {
			h.say("")
			for _, line := range wrap(paragraph, width-4) {
				h.say("  " + line)
			}
		}
	}
	h.say("")
	h.say("  Keys")
	for _, k := range h.below.keys() {
		h.say("    " + pad(h.theme.Key(k.key), 12) + k.does)
	}
}

func (h *help) say(line string) { h.text.lines = append(h.text.lines, line) }

func (h *help) title() string { return "Help" }

func (h *help) update(msg tea.Msg) (screen, tea.Cmd) {
	key, ok := msg.(tea.KeyMsg)
	if !ok || h.text.key(key.String()) {
		return h, nil
	}
	switch key.String() {
	case "enter", "q", "?", "ctrl+g":
		return nil, nil
	}
	return h, nil
}

func (h *help) body(_, height int) []string { return h.text.shown(height) }

func (h *help) status() string {
	if h.text.from+h.text.room < len(h.text.lines) {
		return "There is more below."
	}
	return ""
}

func (h *help) keys() []key {
	return []key{{"↑↓", "scroll"}, {"esc", "back"}}
}
