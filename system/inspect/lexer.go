package inspect

import (
	"errors"
	"strings"
)

type tokenKind int

const (
	end tokenKind = iota
	word
	semicolon
	openBrace
	closeBrace
)

type token struct {
	kind tokenKind
	text string // as meant
	raw  string // as written
	line int
}

// lexer splits the text of an nginx configuration, as ngx_conf_read_token does.
type lexer struct {
	src  string
	pos  int
	line int
}

func (l *lexer) next() (token, error) {
	l.skip()
	if l.pos >= len(l.src) {
		return token{line: l.line}, nil
	}
	for i, kind := range []tokenKind{semicolon, openBrace, closeBrace} {
		if l.src[l.pos] == ";{}"[i] {
			l.pos++
			return token{kind: kind, line: l.line}, nil
		}
	}
	if c := l.src[l.pos]; c == '"' || c == '\'' {
		return l.quoted(c)
	}
	return l.bare(), nil
}

// skip goes over space and comments.
func (l *lexer) skip() {
	for ; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case '\n':
			l.line++
		case ' ', '\t', '\r':
		case '#':
			if n := strings.IndexByte(l.src[l.pos:], '\n'); n >= 0 {
				l.pos += n - 1
			} else {
				l.pos = len(l.src)
			}
		default:
			return
		}
	}
}

func (l *lexer) quoted(quote byte) (token, error) {
	start, line := l.pos, l.line
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case '\n':
			l.line++
		case '\\':
			l.pos++
			if l.pos < len(l.src) && l.src[l.pos] == '\n' {
				l.line++
			}
		case quote:
			l.pos++
			raw := l.src[start:l.pos]
			return token{kind: word, text: unescape(raw[1 : len(raw)-1]), raw: raw, line: line}, nil
		}
	}
	return token{}, errors.New("unexpected end of file, expecting the end of a quoted text")
}

// bare reads a word without quotes; "${name}" may have braces in it.
func (l *lexer) bare() token {
	start := l.pos
	for ; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\\':
			l.pos++
		case c == '{' && l.pos > start && l.src[l.pos-1] == '$':
			if n := strings.IndexByte(l.src[l.pos:], '}'); n > 0 {
				l.pos += n
			}
		case strings.IndexByte(" \t\r\n;{", c) >= 0:
			return l.word(start)
		}
	}
	l.pos = len(l.src)
	return l.word(start)
}

func (l *lexer) word(start int) token {
	raw := l.src[start:l.pos]
	return token{kind: word, text: unescape(raw), raw: raw, line: l.line}
}

// unescape undoes the escapes that nginx knows; any other backslash stays, as for a regular expression.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`, `\t`, "\t", `\r`, "\r", `\n`, "\n").Replace(s)
}

// verbatim reads a block in another language up to the brace that closes it, and goes over its strings and comments
// only so far that their braces do not count.
func (l *lexer) verbatim() (string, error) {
	start, depth := l.pos, 1
	for ; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; c {
		case '\n':
			l.line++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				l.pos++
				return l.src[start : l.pos-1], nil
			}
		case '"', '\'':
			if n := closing(l.src[l.pos+1:], c); n >= 0 {
				l.pos += n + 1
			}
		case '-':
			if strings.HasPrefix(l.src[l.pos:], "--") {
				if n := strings.IndexByte(l.src[l.pos:], '\n'); n > 0 {
					l.pos += n - 1
				}
			}
		}
	}
	return "", errors.New("unexpected end of file, expecting \"}\"")
}

// closing is where the quote that ends a one-line string is; -1 when there is none.
func closing(s string, quote byte) int {
	for i := 0; i < len(s) && s[i] != '\n'; i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return -1
}
