package wizard

import (
	tea "github.com/charmbracelet/bubbletea"
)

// help is what `?` opens: what the screen below has to say, and its keys.
type help struct {
	*shared
	below  screen
	lines  []string
	offset int
	height int
}

func newHelp(s *shared, below screen) *help { return &help{shared: s, below: below} }

func (h *help) resize(width, height int) {
	h.height = height
	h.lines = nil
	if e, ok := h.below.(explainer); ok {
		for _, paragraph := range e.help() {
			h.lines = append(h.lines, "")
			for _, line := range wrap(paragraph, width-4) {
				h.lines = append(h.lines, "  "+line)
			}
		}
	}
	h.lines = append(h.lines, "", "  Keys")
	for _, k := range h.below.keys() {
		h.lines = append(h.lines, "    "+pad(h.theme.Key(k.key), 12)+k.does)
	}
}

func (h *help) title() string { return "Help" }

func (h *help) update(msg tea.Msg) (screen, tea.Cmd) {
	key, ok := msg.(tea.KeyMsg)
	if !ok {
		return h, nil
	}
	page := max(1, h.height-1)
	switch key.String() {
	case "up", "k":
		h.offset--
	case "down", "j":
		h.offset++
	case "pgup":
		h.offset -= page
	case "pgdown", " ":
		h.offset += page
	case "enter", "q", "?", "ctrl+g":
		return nil, nil
	}
	h.offset = max(0, min(h.offset, len(h.lines)-h.height))
	return h, nil
}

func (h *help) body(_, height int) []string {
	return h.lines[min(h.offset, len(h.lines)):min(h.offset+height, len(h.lines))]
}

func (h *help) status() string {
	if len(h.lines) > h.height {
		return "There is more below."
	}
	return ""
}

func (h *help) keys() []key {
	return []key{{"↑↓", "scroll"}, {"esc", "back"}}
}
