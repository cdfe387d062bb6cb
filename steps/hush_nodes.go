package steps

import (
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// hushedNodes is a YAML document without the values of headers, in whatever notation they stand. What is no YAML stays as it is.
func hushedNodes(text string) string {
	var root yaml.Node
	if err := yaml.Load([]byte(strings.TrimPrefix(text, "\ufeff")), &root); err != nil {
		return text
	}
	d := &hushedDocument{text: []rune(text), done: map[*yaml.Node]bool{}}
	d.lines = lineStarts(d.text)
	d.place(&root)
	slices.Sort(d.starts)
	d.seek(&root)
	return string(d.text)
}

// hushedDocument is a document in which values are hidden.
type hushedDocument struct {
	text   []rune
	lines  []int // where each begins, as YAML counts them
	starts []int // where each node begins
	done   map[*yaml.Node]bool
}

// lineStarts is where the lines begin. YAML has more ends of a line than others have.
func lineStarts(text []rune) []int {
	var all []int
	start := 0
	if len(text) > 0 && text[0] == '\ufeff' {
		start = 1
	}
	all = append(all, start)
	for i, r := range text {
		if r == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			continue
		}
		if strings.ContainsRune("\r\n\u0085\u2028\u2029", r) {
			all = append(all, i+1)
		}
	}
	return all
}

func (d *hushedDocument) start(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(d.lines) {
		return len(d.text)
	}
	return min(d.lines[n.Line-1]+max(n.Column-1, 0), len(d.text))
}

func (d *hushedDocument) place(n *yaml.Node) {
	d.starts = append(d.starts, d.start(n))
	for _, c := range n.Content {
		d.place(c)
	}
}

// seek finds the headers.
func (d *hushedDocument) seek(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && isHeaders(n.Content[i-1]) {
			d.headers(n, c)
		} else {
			d.seek(c)
		}
	}
}

func isHeaders(key *yaml.Node) bool {
	return strings.EqualFold(key.Value, "headers") || strings.EqualFold(key.Value, "header")
}

// headers hides all but the names.
func (d *hushedDocument) headers(parent, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.hide(parent, n)
		return
	}
	for i, c := range n.Content {
		if i%2 == 1 || c.Kind != yaml.ScalarNode {
			d.hide(n, c)
		}
	}
}

func (d *hushedDocument) hide(parent, n *yaml.Node) {
	if n == nil || d.done[n] {
		return
	}
	d.done[n] = true
	if n.Kind == yaml.ScalarNode {
		d.scalar(parent, n)
	}
	for _, c := range n.Content {
		d.hide(n, c)
	}
	d.hide(&yaml.Node{}, n.Alias)
}

// scalar hides a text, up to where the next node begins if nothing ends it before.
func (d *hushedDocument) scalar(parent, n *yaml.Node) {
	from := d.start(n)
	to := len(d.text)
	if i, _ := slices.BinarySearch(d.starts, from+1); i < len(d.starts) {
		to = d.starts[i]
	}
	for from < to && strings.ContainsRune("&!", d.text[from]) { // an anchor, a tag
		for from < to && !unicode.IsSpace(d.text[from]) {
			from++
		}
		for from < to && unicode.IsSpace(d.text[from]) {
			from++
		}
	}
	if from == to {
		return
	}
	switch quote := d.text[from]; {
	case n.Style&yaml.DoubleQuotedStyle != 0 && quote == '"', n.Style&yaml.SingleQuotedStyle != 0 && quote == '\'':
		d.quoted(from, to)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		d.stars(from, d.blockEnd(from, to, parent.Column))
	case parent.Style&yaml.FlowStyle != 0:
		d.stars(from, d.plainEnd(from, to, ",[]{}"))
	default:
		d.stars(from, d.plainEnd(from, d.blockEnd(from, to, parent.Column), ""))
	}
}

// quoted hides what is in quotes, its spaces, too.
func (d *hushedDocument) quoted(from, to int) {
	quote := d.text[from]
	for i := from + 1; i < to; i++ {
		switch r := d.text[i]; {
		case r == '\n' || r == '\r':
			continue
		case i+1 < to && (r == '\\' && quote == '"' && d.text[i+1] != '\n' && d.text[i+1] != '\r' || r == '\'' && quote == r && d.text[i+1] == r):
			d.text[i] = '*'
			i++
		case r == quote:
			return
		}
		d.text[i] = '*'
	}
}

// stars hides what is not in quotes.
func (d *hushedDocument) stars(from, to int) {
	for i := from; i < to; i++ {
		if !unicode.IsSpace(d.text[i]) {
			d.text[i] = '*'
		}
	}
}

// plainEnd is where a text without quotes ends: before a comment or one of these signs.
func (d *hushedDocument) plainEnd(from, to int, signs string) int {
	for i := from; i < to; i++ {
		if strings.ContainsRune(signs, d.text[i]) || d.text[i] == '#' && i > from && unicode.IsSpace(d.text[i-1]) {
			return i
		}
	}
	return to
}

// blockEnd is where a text ends that goes on over lines which stand in so far: before one that does not.
func (d *hushedDocument) blockEnd(from, to, in int) int {
	first, _ := slices.BinarySearch(d.lines, from+1)
	for _, at := range d.lines[first:] {
		if at >= to {
			break
		}
		end := at
		for end < to && d.text[end] == ' ' {
			end++
		}
		if end < to && !unicode.IsSpace(d.text[end]) && end-at < in {
			return at
		}
	}
	return to
}
