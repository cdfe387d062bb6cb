package wizard

import (
	"fmt"
	"strings"
)

// scroll is a text that may be longer than its room.
type scroll struct {
	lines []string
	from  int
	room  int
}

// key moves the text; it reports whether the key was one of those that do.
func (s *scroll) key(key string) bool {
	page := max(1, s.room-1)
	switch p := pressed(key); {
	case p.vertical() != 0:
		s.from += p.vertical()
	case p.moves(movePageUp):
		s.from -= page
	case p.moves(movePageDown):
		s.from += page
	case p.moves(moveHome):
		s.from = 0
	case p.moves(moveEnd):
		s.from = len(s.lines)
	default:
		return false
	}
	s.keep()
	return true
}

// keep stays within the text.
func (s *scroll) keep() { s.from = max(0, min(s.from, len(s.lines)-s.room)) }

// shown is what is in sight.
func (s *scroll) shown(room int) []string {
	s.room = room
	s.keep()
	return s.lines[s.from:min(len(s.lines), s.from+max(0, room))]
}

// growing is a text that grows at its end: the newest is in sight until somebody scrolls away from it.
type growing struct {
	scroll
	held bool
}

func (g *growing) key(key string) bool {
	moved := g.scroll.key(key)
	if moved {
		g.held = g.from+g.room < len(g.lines)
	}
	return moved
}

// shown is what is in sight of these lines.
func (g *growing) shown(lines []string, room int) []string {
	g.lines = lines
	if !g.held {
		g.from = len(lines)
	}
	return g.scroll.shown(room)
}

// where says which part of a text is in sight, when not all of it is.
func (s *scroll) where() string {
	if len(s.lines) <= s.room {
		return fmt.Sprintf("%d %s", len(s.lines), many(len(s.lines), "line", "lines"))
	}
	return fmt.Sprintf("line %d to %d of %d", s.from+1, min(len(s.lines), s.from+s.room), len(s.lines))
}

// find goes to the next line after the first that has the text; it reports whether there is one.
func (s *scroll) find(text string) bool {
	for n := range s.lines {
		at := (s.from + 1 + n) % len(s.lines)
		if strings.Contains(strings.ToLower(s.lines[at]), strings.ToLower(text)) {
			s.from = at
			s.keep()
			return true
		}
	}
	return false
}
