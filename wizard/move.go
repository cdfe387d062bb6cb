package wizard

import (
	bind "github.com/charmbracelet/bubbles/key"
)

// The keys that move, in lists and in texts, each with all of its names: those of vi too, and the space of pagers.
var (
	moveUp       = bind.NewBinding(bind.WithKeys("up", "k"))
	moveDown     = bind.NewBinding(bind.WithKeys("down", "j"))
	movePageUp   = bind.NewBinding(bind.WithKeys("pgup"))
	movePageDown = bind.NewBinding(bind.WithKeys("pgdown", " "))
	moveHome     = bind.NewBinding(bind.WithKeys("home", "g"))
	moveEnd      = bind.NewBinding(bind.WithKeys("end", "G"))
)

// pressed is a key as Bubble Tea names it.
type pressed string

func (p pressed) String() string { return string(p) }

// moves reports whether the key is one of those.
func (p pressed) moves(how bind.Binding) bool { return bind.Matches(p, how) }

// vertical is how far a key moves a cursor: one up, one down, or not at all.
func (p pressed) vertical() int {
	switch {
	case p.moves(moveUp):
		return -1
	case p.moves(moveDown):
		return 1
	}
	return 0
}

// among is where a cursor is after the key, in a list of that many.
func (p pressed) among(at, many int) int { return max(0, min(many-1, at+p.vertical())) }
