package conf

import (
	"fmt"
	"strings"
)

// What a token is, beside ';', '{' and '}': the end of the text, or a word.
const (
	eof  = 0
	word = 'w'
)

type token struct {
	mark byte
	text string // of a word, as nginx takes it
	raw  string // as it was written
	line int    // where it begins
}

// lexer splits the text of a configuration, as ngx_conf_read_token does.
type lexer struct {
	text string
	pos  int
	line int
}

// next returns the next token, or what is wrong at the present line.
func (l *lexer) next() (token, string) {
	l.space()
	if l.pos >= len(l.text) {
		return token{mark: eof, line: l.line}, ""
	}
	switch c := l.text[l.pos]; c {
	case ';', '{', '}':
		l.pos++
		return token{mark: c, line: l.line}, ""
	case '"', '\'':
		return l.quoted(c)
	}
	return l.bare()
}

// space skips blanks and comments.
func (l *lexer) space() {
	for comment := false; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\n':
			l.line++
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
func (l *lexer) quoted(quote byte) (token, string) {
	start, line := l.pos, l.line
	for l.pos++; l.pos < len(l.text) && l.text[l.pos] != quote; l.pos++ {
		l.count()
		if l.text[l.pos] == '\\' && l.pos+1 < len(l.text) {
			l.pos++
			l.count()
		}
	}
	if l.pos >= len(l.text) {
		return token{}, "unexpected end of file, expecting the end of a quoted text"
	}
	l.pos++
	if l.pos < len(l.text) && !strings.Contains(" \t\r\n;{)", l.text[l.pos:l.pos+1]) {
		return token{}, unexpected(l.text[l.pos])
	}
	raw := l.text[start:l.pos]
	return token{word, unescape(raw[1 : len(raw)-1]), raw, line}, ""
}

// unexpected is how nginx puts it, but for a character that does not print.
func unexpected(c byte) string {
	if c > ' ' && c <= '~' {
		return `unexpected "` + string(rune(c)) + `"`
	}
	return fmt.Sprintf("unexpected %q", []byte{c})
}

// bare reads a word without quotes. "${" does not open a block.
func (l *lexer) bare() (token, string) {
	start, line := l.pos, l.line
	for ; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\\' && l.pos+1 < len(l.text):
			l.pos++
			l.count()
		case c == '$' && l.pos+1 < len(l.text) && l.text[l.pos+1] == '{':
			l.pos++
		case c == ' ', c == '\t', c == '\r', c == '\n', c == ';', c == '{':
			raw := l.text[start:l.pos]
			return token{word, unescape(raw), raw, line}, ""
		}
	}
	return token{}, `unexpected end of file, expecting ";" or "}"`
}

// count keeps the line number inside words.
func (l *lexer) count() {
	if l.text[l.pos] == '\n' {
		l.line++
	}
}

// unescape does what nginx does to a word: only these six escapes mean something, any other backslash stays.
func unescape(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
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

// lua reads a program up to the brace that closes its block, false when none does. It goes over strings and comments
// only so far that their braces do not count.
func (l *lexer) lua() (string, bool) {
	start, depth := l.pos, 1
	for ; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; c {
		case '\n':
			l.line++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				l.pos++
				return l.text[start : l.pos-1], true
			}
		case '"', '\'':
			if n := closing(l.text[l.pos+1:], c); n >= 0 {
				l.line += strings.Count(l.text[l.pos+1:l.pos+1+n], "\n")
				l.pos += n + 1
			}
		case '-':
			if !strings.HasPrefix(l.text[l.pos:], "--") {
				continue
			}
			n := strings.IndexByte(l.text[l.pos:], '\n')
			if n < 0 {
				return "", false
			}
			l.pos += n - 1
		}
	}
	return "", false
}

// closing is where the quote that ends a Lua string is, which goes on in the next line only after a backslash; -1 when
// there is none.
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
