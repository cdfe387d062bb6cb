package steps

import (
	"regexp"
	"strings"
)

var (
	// headersKey is where the headers of the application begin in an answers file, misspelt or not. A key that is written with escapes
	// can be any.
	headersKey = regexp.MustCompile(`(?i)(?:^|[\s{,])(?:["']?headers?["']?|"[^"]*\\[^"]*")\s*:`)
	// headersAlone is that key without its colon, which comes in a line below.
	headersAlone = regexp.MustCompile(`(?i)(?:^|[{,])\s*(?:\?\s*["']?headers?["']?|["']headers?["'])\s*(?:#.*)?$`)
	// headerName is a name, up to its value.
	headerName = regexp.MustCompile(`^\s*(?:"[^"]*"|'[^']*'|[^\s:,{}\[\]"'#-][^\s:,{}\[\]"']*)\s*:\s*`)
)

// HushedFile is the text of a file of ours as it may be shown: without the values of the headers that the application is sent,
// which may be passwords of it. It has as many lines, and what is hidden stays as long as it was.
func HushedFile(text string) string {
	return hushedDirectives(strings.Join(hushedHeaders(strings.Split(text, "\n")), "\n"))
}

// hushedHeaders are the lines of an answers file without the values of headers. What they are is taken from YAML, and from how the
// lines look, so that they are hidden in what is no YAML, too; of that rather more is hidden than less.
func hushedHeaders(lines []string) []string {
	out := make([]string, len(lines))
	p := headerLines{within: nowhere}
	for i, line := range lines {
		out[i] = p.hushed(line)
	}
	for _, d := range (&source{lines: lines}).documents() {
		text := strings.Join(d.lines, "\n")
		for i, line := range strings.Split(hushedNodes(text), "\n") {
			out[d.from+i] = bothHidden(out[d.from+i], line)
		}
	}
	return out
}

// bothHidden is a line without what either of its two forms hides.
func bothHidden(a, b string) string {
	hidden, line := []rune(b), []rune(a)
	for i := range line {
		if hidden[i] == '*' {
			line[i] = '*'
		}
	}
	return string(line)
}

// nowhere is no indentation: the line is not below the key of the headers.
const nowhere = -2

// headerLines goes through the lines of an answers file.
type headerLines struct {
	flow         // the braces of the headers that are open
	within  int  // how far the key of the headers stands in, below which everything belongs to them
	names   int  // how far their names stand in
	waiting bool // the key was there, and nothing of its value yet
}

func (p *headerLines) hushed(line string) string {
	blank, in := strings.TrimSpace(line) == "", indentOf(line)
	if p.depth > 0 {
		return p.rest(line, in, true)
	}
	if marker(line, "---") {
		p.within = nowhere
	}
	waiting := p.waiting
	p.waiting = waiting && blank
	space := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch text := line[len(space):]; {
	case waiting && opens(text):
		p.within = nowhere
		return space + p.rest(text, in, true)
	case p.within != nowhere && (blank || in > p.within):
		if p.names < 0 && !blank {
			p.names = in
		}
		return space + hushedBelow(text, in == p.names)
	}
	p.within = nowhere
	if strings.HasPrefix(line[len(space):], "#") {
		return line
	}
	return p.rest(line, in, false)
}

// rest is a text on a line that stands in so far, in which headers may begin, or their braces go on.
func (p *headerLines) rest(text string, in int, braces bool) string {
	var b strings.Builder
	for {
		if !braces {
			at := headersKey.FindStringIndex(text)
			if at == nil {
				if headersAlone.MatchString(text) {
					p.below(in - 1)
				}
				return b.String() + text
			}
			start := strings.TrimLeft(text[at[1]:], " \t")
			b.WriteString(text[:len(text)-len(start)])
			if !opens(start) {
				return b.String() + p.beside(start, in)
			}
			text = start
		}
		out, rest := p.flow.hushed(text)
		b.WriteString(out)
		if after := strings.TrimLeft(rest, " \t\r"); after != "" && !strings.ContainsAny(after[:1], ",}]#") {
			p.below(in) // the brace belongs to a value that has no quotes where it needs them
			return b.String() + stars(rest)
		}
		text, braces = rest, false
	}
}

// beside is what stands behind the key of the headers, and is not in braces.
func (p *headerLines) beside(text string, in int) string {
	p.below(in)
	if strings.TrimSpace(text) == "" || text[0] == '#' {
		p.waiting = true
		return text
	}
	return stars(text)
}

func (p *headerLines) below(in int) { p.within, p.names = in, -1 }

func opens(text string) bool { return text != "" && strings.ContainsAny(text[:1], "{[") }

// hushedBelow is a line below the key of the headers: a name with its value, or more of the value before.
func hushedBelow(text string, name bool) string {
	if at := headerName.FindStringIndex(text); at != nil && name {
		return text[:at[1]] + hushedValue(text[at[1]:])
	}
	return stars(text)
}

// hushedValue keeps the quotes.
func hushedValue(value string) string {
	end := strings.TrimRight(value, " \t\r")
	if len(end) > 1 && strings.ContainsAny(end[:1], `"'`) && end[0] == end[len(end)-1] {
		return end[:1] + stars(end[1:len(end)-1]) + end[:1] + value[len(end):]
	}
	return stars(end) + value[len(end):]
}

// indentOf is how far a line stands in. A tab, which YAML does not take, is far.
func indentOf(line string) int {
	n := 0
	for _, r := range line {
		switch r {
		case ' ':
			n++
		case '\t':
			n += 8
		default:
			return n
		}
	}
	return n
}
