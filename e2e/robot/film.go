package robot

import (
	"fmt"
	"strings"
	"time"
)

// Film is pictures one after the other, each for a time.
type Film struct {
	pictures []Picture
	times    []time.Duration
}

// Add adds a picture; one that looks like the last has that one last longer.
func (f *Film) Add(p Picture, lasts time.Duration) {
	if last := len(f.pictures) - 1; last >= 0 && p.drawing() == f.pictures[last].drawing() {
		f.times[last] += lasts
		return
	}
	f.pictures, f.times = append(f.pictures, p), append(f.times, lasts)
}

// Pictures is how many there are.
func (f *Film) Pictures() int { return len(f.pictures) }

// SVG is the film as one file that moves by itself, over and over, with nothing but styles: it moves in an <img> too. A
// row that is in several pictures is in the file once. Who does not want motion, or has a viewer that knows none, sees
// the last picture.
func (f *Film) SVG(title string) string {
	var defs, frames, style strings.Builder
	ids := map[string]string{}
	for n, p := range f.pictures {
		fmt.Fprintf(&frames, "<g class=\"f f%d\">", n)
		for y := range p.rows() {
			row := drawRow(p.row(y))
			if row == "" {
				continue
			}
			id, known := ids[row]
			if !known {
				id = fmt.Sprintf("r%d", len(ids))
				ids[row] = id
				fmt.Fprintf(&defs, "<g id=\"%s\">\n%s</g>\n", id, row)
			}
			fmt.Fprintf(&frames, `<use href="#%s" y="%d"/>`, id, y*cellHeight)
		}
		frames.WriteString("</g>\n")
	}
	f.moves(&style)
	first := f.pictures[0]
	return document(title, first.columns, first.rows(), style.String(), "<defs>\n"+defs.String()+"</defs>\n"+place(frames.String()))
}

// moves writes the styles that show each picture in its time.
func (f *Film) moves(b *strings.Builder) {
	var all, begins time.Duration
	for _, t := range f.times {
		all += t
	}
	fmt.Fprintf(b, ".f{visibility:hidden}\n.f%d{visibility:visible}\n@media (prefers-reduced-motion:no-preference){\n", len(f.times)-1)
	fmt.Fprintf(b, ".f{animation-duration:%dms;animation-timing-function:step-end;animation-iteration-count:infinite}\n", all.Milliseconds())
	for n, t := range f.times {
		percent := func(d time.Duration) string { return fmt.Sprintf("%.3f%%", 100*float64(d)/float64(all)) }
		fmt.Fprintf(b, "@keyframes k%d{0%%{visibility:hidden}%s{visibility:visible}%s{visibility:hidden}}\n.f%[1]d{animation-name:k%[1]d}\n",
			n, percent(begins), percent(begins+t))
		begins += t
	}
	b.WriteString("}\n")
}
