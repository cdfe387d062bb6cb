package wizard

import (
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
