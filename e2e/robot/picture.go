package robot

import "github.com/hinshun/vt10x"

// Picture is what a screen showed at one moment.
type Picture struct {
	columns int
	cells   []vt10x.Glyph
}

// Picture is the screen as it is now.
func (r *Robot) Picture() Picture {
	r.mu.Lock()
	defer r.mu.Unlock()
	columns, rows := r.term.Size()
	p := Picture{columns: columns, cells: make([]vt10x.Glyph, 0, columns*rows)}
	for n := range columns * rows {
		p.cells = append(p.cells, r.term.Cell(n%columns, n/columns))
	}
	return p
}

// SVG draws the screen as it is now.
func (r *Robot) SVG(title string) string { return r.Picture().SVG(title) }

// Changed is closed at the next change of the screen.
func (r *Robot) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (p Picture) rows() int { return len(p.cells) / p.columns }

func (p Picture) row(n int) []vt10x.Glyph { return p.cells[n*p.columns : (n+1)*p.columns] }
