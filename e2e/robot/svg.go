package robot

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hinshun/vt10x"
)

// The size of a cell, in pixels, where the letters stand in it, and the margin around the screen.
const (
	cellWidth, cellHeight = 8.4, 18
	baseline              = 13.5
	margin                = 16
)

// palette are the 16 colours of a dark terminal.
var palette = []struct{ name, value string }{
	{"black", "#1d1f21"}, {"red", "#e06c6c"}, {"green", "#8fc662"}, {"yellow", "#e5b452"},
	{"blue", "#7aa6da"}, {"magenta", "#c397d8"}, {"cyan", "#56b6c2"}, {"white", "#c5c8c6"},
	{"bright-black", "#7f8890"}, {"bright-red", "#ef8080"}, {"bright-green", "#a5d66f"}, {"bright-yellow", "#f0c674"},
	{"bright-blue", "#99c0e0"}, {"bright-magenta", "#d0a9d8"}, {"bright-cyan", "#6fd3df"}, {"bright-white", "#ffffff"},
}

const background, foreground, edge = "#16181a", "#d6d9d6", "#3a3f44"

// bold is the bit of a cell in bold; the emulator does not export its name.
const bold = 1 << 2

// SVG draws the picture; title is what a screen reader says. It needs no font of its own: every run of letters is made
// exactly as wide as its cells, and what a font may lack or draw with gaps is drawn as a shape.
func (p Picture) SVG(title string) string {
	return document(title, p.columns, p.rows(), "", place(p.drawing()))
}

// document is an SVG file around what is drawn in cells.
func document(title string, columns, rows int, style, body string) string {
	width, height := number(float64(columns)*cellWidth+2*margin), number(float64(rows)*cellHeight+2*margin)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>\n", html.EscapeString(title))
	b.WriteString(`text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:currentColor;white-space:pre}` + "\n")
	b.WriteString("g rect{shape-rendering:crispEdges}\nrect,path{fill:currentColor}\n.l{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}\n.b text{font-weight:bold}\n")
	fmt.Fprintf(&b, "svg{color:%s}\n", foreground)
	for _, c := range palette {
		if strings.Contains(body, `class="`+c.name+`"`) || strings.Contains(body, `class="`+c.name+` b"`) {
			fmt.Fprintf(&b, ".%s{color:%s}\n", c.name, c.value)
		}
	}
	b.WriteString(style + "</style>\n")
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="%s" height="%s" rx="10" style="fill:%s;stroke:%s"/>`+"\n",
		number(float64(columns)*cellWidth+2*margin-1), number(float64(rows)*cellHeight+2*margin-1), background, edge)
	b.WriteString(body + "</svg>\n")
	return b.String()
}

// place puts what is drawn in cells inside the margin.
func place(drawing string) string {
	return fmt.Sprintf("<g transform=\"translate(%d %d)\" xml:space=\"preserve\">\n%s</g>\n", margin, margin, drawing)
}

// drawing are the rows, one below the other.
func (p Picture) drawing() string {
	var b strings.Builder
	for n := range p.rows() {
		if row := drawRow(p.row(n)); row != "" {
			fmt.Fprintf(&b, "<g transform=\"translate(0 %d)\">\n%s</g>\n", n*cellHeight, row)
		}
	}
	return b.String()
}

// drawRow draws the cells of one row, run by run of those that look alike.
func drawRow(cells []vt10x.Glyph) string {
	var b strings.Builder
	for from := 0; from < len(cells); {
		to := from + 1
		for to < len(cells) && cells[to].FG == cells[from].FG && cells[to].BG == cells[from].BG && cells[to].Mode == cells[from].Mode {
			to++
		}
		drawRun(&b, cells[from:to], from)
		from = to
	}
	return b.String()
}

// drawRun draws cells that have all one look, the first of them at that column.
func drawRun(b *strings.Builder, cells []vt10x.Glyph, column int) {
	if ground := cells[0].BG; ground < vt10x.Color(len(palette)) {
		fmt.Fprintf(b, `<rect class="%s" x="%s" width="%s" height="%d"/>`+"\n", palette[ground].name, at(column), at(len(cells)), cellHeight)
	}
	var text strings.Builder
	for n := 0; n < len(cells); {
		part, length := piece(cells[n:])
		if part != "" {
			text.WriteString(part.drawn(column+n, length) + "\n")
		}
		n += length
	}
	if text.Len() == 0 {
		return
	}
	if class := look(cells[0]); class != "" {
		fmt.Fprintf(b, "<g class=\"%s\">\n%s</g>\n", class, text.String())
		return
	}
	b.WriteString(text.String())
}

// look is the class of a cell that is not in the standard colour.
func look(c vt10x.Glyph) string {
	class := ""
	if c.FG < vt10x.Color(len(palette)) {
		class = palette[c.FG].name
	}
	if c.Mode&bold != 0 {
		class += " b"
	}
	return strings.TrimSpace(class)
}

// run is what is drawn as one: words with one space between them, or one shape several times.
type run string

// piece is the run with which the cells begin, and how many cells it takes; spaces are nothing to draw.
func piece(cells []vt10x.Glyph) (run, int) {
	first := glyph(cells[0])
	_, shape := shapes[first]
	n := 1
	for n < len(cells) {
		switch next := glyph(cells[n]); {
		case shape || first == ' ':
			if next != first {
				return trimmed(cells[:n]), n
			}
		case shapes[next] != nil, next == ' ' && (n+1 == len(cells) || glyph(cells[n+1]) == ' '):
			return trimmed(cells[:n]), n
		}
		n++
	}
	return trimmed(cells), n
}

func glyph(c vt10x.Glyph) rune {
	if c.Char == 0 {
		return ' '
	}
	return c.Char
}

func trimmed(cells []vt10x.Glyph) run {
	var b strings.Builder
	for _, c := range cells {
		b.WriteRune(glyph(c))
	}
	return run(strings.TrimRight(b.String(), " "))
}

// drawn is the run at a column.
func (r run) drawn(column, length int) string {
	first, _ := utf8.DecodeRuneInString(string(r))
	if draw, ok := shapes[first]; ok {
		return draw(column, length)
	}
	width := ""
	if length = utf8.RuneCountInString(string(r)); length > 1 {
		width = fmt.Sprintf(` textLength="%s"`, at(length))
	}
	return fmt.Sprintf(`<text x="%s" y="%s"%s>%s</text>`, at(column), number(baseline), width, html.EscapeString(string(r)))
}

// shapes are the signs that are not left to a font: lines and blocks, which have to touch, and marks, which many fonts
// for programmers lack.
var shapes = map[rune]func(column, length int) string{
	'─': box(0, 9, 1, 1, ""),
	'│': box(3.7, 0, 0, cellHeight, ""),
	'█': box(0, 1, 1, 16, ""),
	'░': box(0, 1, 1, 16, ` opacity=".25"`),
	'▏': box(0, 1, 0, 16, ""),
	'✓': each(` class="l"`, 1.1, "9.5l2.2 2.8l4-6.6"),
	'✗': each(` class="l"`, 1.4, "6l5.6 6.4m0-6.4l-5.6 6.4"),
	'▸': each("", 1.6, "4.5l6 4.7l-6 4.7z"),
	'○': each(` class="l"`, 1.5, "9.3a2.7 2.7 0 1 1 5.4 0a2.7 2.7 0 1 1-5.4 0z"),
	'•': each("", 1.8, "9.3a2.4 2.4 0 1 1 4.8 0a2.4 2.4 0 1 1-4.8 0z"),
}

// box is one rectangle over all cells of a run; without a width in cells it is a line at the left of it.
func box(x, y, cells, height float64, more string) func(column, length int) string {
	return func(column, length int) string {
		width := number(max(1, cells*float64(length)*cellWidth))
		return fmt.Sprintf(`<rect x="%s" y="%s" width="%s" height="%s"%s/>`, number(float64(column)*cellWidth+x), number(y), width, number(height), more)
	}
}

// each is a path in every cell of a run, which begins that far from the left of its cell.
func each(class string, x float64, path string) func(column, length int) string {
	return func(column, length int) string {
		var all strings.Builder
		for n := range length {
			fmt.Fprintf(&all, "M%s %s", number(float64(column+n)*cellWidth+x), path)
		}
		return fmt.Sprintf(`<path%s d="%s"/>`, class, all.String())
	}
}

// at is where a column begins.
func at(column int) string { return number(float64(column) * cellWidth) }

// number writes a number as short as it can be, to a tenth.
func number(n float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}
