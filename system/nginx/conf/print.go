package conf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Print writes the tree as nginx reads it. It fails when a word cannot be written (control characters, invalid UTF-8)
// and, since nothing may hide in a word, when reading the text again does not give the same tree.
func Print(tree []Directive) ([]byte, error) {
	var p printer
	p.tree(tree, 0)
	if p.err != nil {
		return nil, p.err
	}
	text := p.b.String()
	again, err := Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration that was just written: %w", err)
	}
	if !Equal(tree, again) {
		return nil, fmt.Errorf("cannot write the configuration: it reads back differently")
	}
	return []byte(text), nil
}

type printer struct {
	b   strings.Builder
	err error
}

func (p *printer) tree(tree []Directive, depth int) {
	for i, d := range tree {
		if i > 0 && depth < 2 && (d.Block != nil || tree[i-1].Block != nil) {
			p.b.WriteByte('\n')
		}
		p.directive(d, depth)
	}
}

func (p *printer) directive(d Directive, depth int) {
	indent := strings.Repeat("    ", depth)
	p.comment(d.Comment, indent)
	p.b.WriteString(indent)
	p.word(d.Name)
	for _, a := range d.Args {
		p.b.WriteByte(' ')
		p.word(a)
	}
	if d.Block == nil {
		p.b.WriteString(";\n")
		return
	}
	if inLua(d.Name) {
		p.lua(d.Lua)
		return
	}
	p.b.WriteString(" {\n")
	p.tree(d.Block, depth+1)
	p.b.WriteString(indent + "}\n")
}

// lua writes the body of a Lua block as it is.
func (p *printer) lua(body string) {
	for _, r := range body {
		if r == utf8.RuneError || r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			p.fail(fmt.Errorf("cannot write %q to a configuration: it has characters that do not print", body))
			return
		}
	}
	p.b.WriteString(" {" + body + "}\n")
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) comment(text, indent string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		for _, r := range line {
			if !unicode.IsPrint(r) {
				p.fail(fmt.Errorf("cannot write the comment %q to a configuration", line))
				return
			}
		}
		p.b.WriteString(indent + strings.TrimRight("# "+line, " ") + "\n")
	}
}

func (p *printer) word(s string) {
	quoted, err := Quote(s)
	if err != nil {
		p.fail(err)
	}
	p.b.WriteString(quoted)
}

// bare are the characters, beside letters and digits, that need no quotes anywhere in a word.
const bare = "_./:=,+@%^~*!$()[]&?|<>-"

// Quote writes a word so that nginx reads back exactly s, in quotes where it needs them. It is the only place that
// quotes. It fails when s has characters that do not print.
func Quote(s string) (string, error) {
	plain := s != ""
	for _, r := range s {
		switch {
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return "", fmt.Errorf("cannot write %q to a configuration: it has characters that do not print", s)
		case r >= utf8.RuneSelf:
			plain = false
		case !isAlnum(byte(r)) && !strings.ContainsRune(bare, r):
			plain = false
		}
	}
	if plain {
		return s, nil
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, nil
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
