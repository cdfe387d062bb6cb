package conf

import (
	"bytes"
	"fmt"
	"strings"
)

// maxDepth is how deep blocks may nest; nginx's own contexts nest less than ten deep.
const maxDepth = 64

// SyntaxError says where a text stops being a configuration.
type SyntaxError struct {
	Line int
	Text string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("cannot read the nginx configuration: line %d: %s", e.Line, e.Text)
}

// Parse reads a configuration file by the rules of nginx's own reader (ngx_conf_file.c): words, quotes, escapes,
// comments, "${". Bodies of Lua blocks are skipped. The error is a *SyntaxError.
func Parse(text []byte) ([]Directive, error) {
	p := parser{text: bytes.TrimPrefix(text, []byte("\ufeff")), line: 1}
	tree, err := p.block(0)
	if err != nil {
		return nil, err
	}
	return tree, nil
}

type parser struct {
	text []byte
	pos  int
	line int
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Line: p.line, Text: fmt.Sprintf(format, args...)}
}

// block reads directives up to the end of the block at this depth; depth 0 is the file.
func (p *parser) block(depth int) ([]Directive, error) {
	if depth > maxDepth {
		return nil, p.fail("blocks nest too deep")
	}
	tree := []Directive{}
	for {
		words, line, end, err := p.words()
		switch {
		case err != nil:
			return nil, err
		case end == eof && depth > 0:
			return nil, p.fail("a block is not closed")
		case end == eof && len(words) > 0:
			return nil, p.fail("%q does not end with \";\"", words[len(words)-1])
		case end == eof, end == '}' && depth > 0 && len(words) == 0:
			return tree, nil
		case end == '}', len(words) == 0:
			return nil, p.fail("unexpected %q", string(end))
		}
		d := Directive{Name: words[0], Args: words[1:], Line: line}
		if end == '{' {
			if d.Block, err = p.body(d.Name, depth); err != nil {
				return nil, err
			}
		}
		tree = append(tree, d)
	}
}

func (p *parser) body(name string, depth int) ([]Directive, error) {
	if strings.HasSuffix(name, "_by_lua_block") {
		return []Directive{}, p.skipLua()
	}
	return p.block(depth + 1)
}

// skipLua passes over a body in another language by counting its braces.
func (p *parser) skipLua() error {
	for open := 1; p.pos < len(p.text); p.pos++ {
		switch p.text[p.pos] {
		case '\n':
			p.line++
		case '{':
			open++
		case '}':
			open--
		}
		if open == 0 {
			p.pos++
			return nil
		}
	}
	return p.fail("a Lua block is not closed")
}

// eof is what words ends with at the end of the text.
const eof = 0

// words reads one directive's words and returns what ended them: ';', '{', '}' or eof. line is that of the first.
func (p *parser) words() (words []string, line int, end byte, err error) {
	for {
		p.space()
		if p.pos >= len(p.text) {
			return words, line, eof, nil
		}
		c := p.text[p.pos]
		if c == ';' || c == '{' || c == '}' {
			p.pos++
			return words, line, c, nil
		}
		if len(words) == 0 {
			line = p.line
		}
		var w string
		if c == '"' || c == '\'' {
			w, err = p.quoted(c)
		} else {
			w, err = p.bare()
		}
		if err != nil {
			return nil, 0, eof, err
		}
		words = append(words, w)
	}
}

// space skips blanks and comments.
func (p *parser) space() {
	for comment := false; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '\n':
			p.line++
			comment = false
		case comment, c == ' ', c == '\t', c == '\r':
		case c == '#':
			comment = true
		default:
			return
		}
	}
}

// quoted reads a word in quotes; the next character has to end the word.
func (p *parser) quoted(quote byte) (string, error) {
	start := p.pos + 1
	for p.pos = start; p.pos < len(p.text) && p.text[p.pos] != quote; p.pos++ {
		p.count()
		if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) {
			p.pos++
			p.count()
		}
	}
	if p.pos >= len(p.text) {
		return "", p.fail("a quote is not closed")
	}
	word := unescape(p.text[start:p.pos])
	p.pos++
	if p.pos < len(p.text) && !bytes.ContainsRune([]byte(" \t\r\n;{)"), rune(p.text[p.pos])) {
		return "", p.fail("unexpected %q after a closing quote", string(rune(p.text[p.pos])))
	}
	return word, nil
}

// bare reads a word without quotes. "${" does not open a block.
func (p *parser) bare() (string, error) {
	start := p.pos
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos++
			p.count()
		case c == '$' && p.pos+1 < len(p.text) && p.text[p.pos+1] == '{':
			p.pos++
		case c == ' ', c == '\t', c == '\r', c == '\n', c == ';', c == '{':
			return unescape(p.text[start:p.pos]), nil
		}
	}
	return "", p.fail("the file ends in the middle of a word")
}

// count keeps the line number inside words.
func (p *parser) count() {
	if p.text[p.pos] == '\n' {
		p.line++
	}
}

// unescape does what nginx does to a word: only these six escapes mean something, any other backslash stays.
func unescape(raw []byte) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) {
			if at := strings.IndexByte(`"'\trn`, raw[i+1]); at >= 0 {
				i++
				b.WriteByte("\"'\\\t\r\n"[at])
				continue
			}
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}
