package conf

import (
	"fmt"
	"strings"
)

// maxDepth is how deep blocks may nest; nginx's own contexts nest less than ten deep.
const maxDepth = 64

// SyntaxError says where a text stops being a configuration.
type SyntaxError struct {
	File string // as given to ParseFile
	Line int
	Text string // what is wrong there, in nginx's words as far as nginx says as much
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("cannot read the nginx configuration: line %d: %s", e.Line, e.Text)
}

// Parse is ParseFile for a text that is in no file.
func Parse(text []byte) ([]Directive, error) { return ParseFile("", text) }

// ParseFile reads the text of a configuration file by the rules of nginx's own reader (ngx_conf_file.c): words, quotes,
// escapes, comments, "${". The error is a *SyntaxError; the tree is then what stands before it, blocks that it cuts off
// included. name is only noted in each directive and in the error: no file is opened.
func ParseFile(name string, text []byte) ([]Directive, error) {
	p := parser{lexer: lexer{text: string(text), line: 1}, file: name}
	return p.block(0)
}

type parser struct {
	lexer
	file string
}

func (p *parser) fail(text string) error {
	return &SyntaxError{File: p.file, Line: p.line, Text: text}
}

// block reads directives up to the end of the block at this depth; depth 0 is the file.
func (p *parser) block(depth int) ([]Directive, error) {
	tree := []Directive{}
	if depth > maxDepth {
		return tree, p.fail("blocks nest too deep")
	}
	for {
		d, end, err := p.directive()
		switch {
		case err != nil:
			return tree, err
		case end == eof && len(d.Words) > 0:
			return tree, p.fail(`unexpected end of file, expecting ";" or "}"`)
		case end == eof && depth > 0:
			return tree, p.fail(`unexpected end of file, expecting "}"`)
		case end == eof, end == '}' && depth > 0 && len(d.Words) == 0:
			return tree, nil
		case end == '}', len(d.Words) == 0:
			return tree, p.fail(unexpected(end))
		}
		if end == '{' {
			err = p.body(&d, depth)
		}
		if tree = append(tree, d); err != nil {
			return tree, err
		}
	}
}

// directive reads one directive's words and returns what ended them: ';', '{', '}' or eof.
func (p *parser) directive() (d Directive, end byte, err error) {
	d.File = p.file
	for {
		t, said := p.next()
		switch {
		case said != "":
			return d, eof, p.fail(said)
		case t.mark != word:
			return d, t.mark, nil
		case len(d.Words) == 0:
			d.Name, d.Line, d.Args = t.text, t.line, []string{}
		default:
			d.Args = append(d.Args, t.text)
		}
		d.Words = append(d.Words, t.raw)
	}
}

func (p *parser) body(d *Directive, depth int) (err error) {
	if !inLua(d.Name) {
		d.Block, err = p.block(depth + 1)
		return err
	}
	closed := false
	d.Block = []Directive{}
	if d.Lua, closed = p.lua(); !closed {
		return p.fail(`unexpected end of file, expecting "}"`)
	}
	return nil
}

// inLua reports whether the block of the directive is a program in Lua.
func inLua(name string) bool { return strings.HasSuffix(name, "_by_lua_block") }
