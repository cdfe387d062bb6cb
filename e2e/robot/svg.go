package robot

import (
	"fmt"
	"html"
	"strings"

	"github.com/hinshun/vt10x"
)

// The size of a cell, in pixels, and the margin around the screen.
const (
	cellWidth, cellHeight = 8.4, 18
	margin                = 14
)

// palette are the 16 colours of a dark terminal, and the default ones.
var palette = []string{"#1d1f21", "#cc6666", "#8fbf5f", "#e0b050", "#81a2be", "#b294bb", "#5fb3b3", "#c5c8c6",
	"#707880", "#e57373", "#a5d66f", "#f0c674", "#99c0e0", "#d0a9d8", "#7fd0d0", "#ffffff"}

// bold is the bit of a cell in bold; the emulator does not export its name.
const bold = 1 << 2

const background, foreground = "#16181a", "#d6d9d6"

// SVG draws the screen as it is. Every run of cells of one colour is one text of exactly its width, so that it looks
// the same in every font; title is what a screen reader says.
func (r *Robot) SVG(title string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	columns, rows := r.term.Size()
	width, height := float64(columns)*cellWidth+2*margin, float64(rows)*cellHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	b.WriteString(`<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">` + "\n")
	for y := range rows {
		for x := 0; x < columns; {
			x = r.run(&b, x, y, columns)
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// run draws the cells from x on that look alike and returns where the next begin.
func (r *Robot) run(b *strings.Builder, x, y, columns int) int {
	first := r.term.Cell(x, y)
	from, text := x, ""
	for ; x < columns; x++ {
		c := r.term.Cell(x, y)
		if c.FG != first.FG || c.BG != first.BG || c.Mode != first.Mode || (c.Char == ' ') != (first.Char == ' ') {
			break
		}
		text += string(c.Char)
	}
	left, top := margin+float64(from)*cellWidth, margin+float64(y)*cellHeight
	if first.BG != vt10x.DefaultBG {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>`+"\n", left, top, float64(x-from)*cellWidth, cellHeight, color(first.BG, background))
	}
	if strings.Trim(text, " \x00") == "" {
		return x
	}
	weight := ""
	if first.Mode&bold != 0 {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s"%s>%s</text>`+"\n", left, top+14, float64(x-from)*cellWidth,
		color(first.FG, foreground), weight, html.EscapeString(text))
	return x
}

func color(c vt10x.Color, standard string) string {
	switch {
	case c == vt10x.DefaultFG || c == vt10x.DefaultBG || c == vt10x.DefaultCursor:
		return standard
	case int(c) < len(palette):
		return palette[c]
	}
	return standard
}
