package steps

import (
	"strings"
	"unicode/utf8"
)

// flow is what is open of a value in braces or brackets, whose notation goes on over lines. All of it is hidden but its signs and,
// where it begins with a brace, its names.
type flow struct {
	depth int
	quote byte // that the text is in
	fresh bool // a quote would begin a text here
	named bool // it has names
	name  bool // one would begin here
}

// hushed is what belongs to it, as it may be shown, and the rest behind its end.
func (f *flow) hushed(text string) (out, rest string) {
	var b strings.Builder
	for at := 0; at < len(text); {
		spaced := at == 0 || strings.IndexByte(" \t\r", text[at-1]) >= 0
		if f.name && f.depth == 1 && f.quote == 0 && (at == 0 || !spaced) {
			if name := headerName.FindString(text[at:]); name != "" {
				f.name, f.fresh = false, true
				b.WriteString(name)
				at += len(name)
				continue
			}
		}
		size, shown := f.next(text[at:], spaced)
		if piece := text[at : at+size]; shown {
			b.WriteString(piece)
		} else {
			b.WriteString(stars(piece))
		}
		if at += size; f.depth == 0 {
			return b.String(), text[at:]
		}
	}
	return b.String(), ""
}

// next takes the next sign, which stands behind a space or does not. It returns how long it is, and whether it says nothing of a value.
func (f *flow) next(text string, spaced bool) (size int, shown bool) {
	c := text[0]
	_, size = utf8.DecodeRuneInString(text)
	switch {
	case f.quote != 0:
		return f.quoted(text, size)
	case f.fresh && strings.IndexByte(`"'`, c) >= 0:
		f.quote, f.fresh, f.name = c, false, false
	case strings.IndexByte("{[", c) >= 0:
		if f.depth++; f.depth == 1 {
			f.named = c == '{'
		}
		f.fresh, f.name = true, f.named && f.depth == 1
	case strings.IndexByte("}]", c) >= 0:
		f.depth, f.fresh = f.depth-1, false
	case c == ',':
		f.fresh, f.name = true, f.named
	case c == '#' && spaced:
		return len(text), false
	case strings.IndexByte(" \t\r", c) >= 0:
	default:
		f.fresh, f.name = c == ':', false
		return size, false
	}
	return size, true
}

// quoted goes on in a text in quotes.
func (f *flow) quoted(text string, size int) (int, bool) {
	switch c := text[0]; {
	case c == '\\' && f.quote == '"' && len(text) > 1:
		_, more := utf8.DecodeRuneInString(text[1:])
		return 1 + more, false
	case c == '\'' && f.quote == c && len(text) > 1 && text[1] == c:
		return 2, false
	case c == f.quote:
		f.quote = 0
		return size, true
	}
	return size, false
}
