package hostile

import (
	"errors"
	"strings"
)

// Directive is a directive of an nginx configuration: its words, and what stands in its braces.
type Directive struct {
	Words []string
	Block []Directive
	Opens bool // it has braces, with something in them or not
}

// readNginx reads a configuration by the rules of nginx's own reader (ngx_conf_read_token), and knows nothing of the parser of
// system/nginx/conf, which it is held against. A word ends at a space, ; or {; a quoted one at its quote, after which a
// space, ;, { or ) has to stand; a backslash takes the meaning away from the next character; ${ in a word is no brace.
func readNginx(text string) ([]Directive, error) {
	r := &nginxReader{rest: text}
	tree, err := r.block(0)
	if err == nil && r.rest != "" {
		err = errors.New("a brace closes nothing")
	}
	return tree, err
}

type nginxReader struct{ rest string }

// block reads up to the brace that closes it, or the end of the file.
func (r *nginxReader) block(depth int) (tree []Directive, err error) {
	for {
		words, end, err := r.words()
		switch {
		case err != nil:
			return nil, err
		case end == ';' && len(words) > 0:
			tree = append(tree, Directive{Words: words})
		case end == '{' && len(words) > 0:
			inner, err := r.block(depth + 1)
			if err != nil {
				return nil, err
			}
			tree = append(tree, Directive{Words: words, Block: inner, Opens: true})
		case end == '}' && len(words) == 0 && depth > 0, end == 0 && len(words) == 0 && depth == 0:
			return tree, nil
		default:
			return nil, errors.New("unexpected end of a directive")
		}
	}
}

// words reads the words of a directive, and what ends it: ; { } or 0 for the end of the file.
func (r *nginxReader) words() (words []string, end byte, err error) {
	for {
		r.rest = strings.TrimLeft(r.rest, " \t\r\n")
		if r.rest == "" {
			return words, 0, nil
		}
		switch c := r.rest[0]; c {
		case '#':
			_, r.rest, _ = strings.Cut(r.rest, "\n")
		case ';', '{', '}':
			r.rest = r.rest[1:]
			return words, c, nil
		case '"', '\'':
			word, ok := r.until(func(i int, c2 byte) bool { return i > 0 && c2 == c })
			if !ok || r.rest == "" || !strings.ContainsRune(" \t\r\n;{)", rune(r.rest[0])) {
				return nil, 0, errors.New("a quoted word does not end as it has to")
			}
			words = append(words, word[1:])
		default:
			variable := false
			word, _ := r.until(func(_ int, c byte) bool {
				stop := strings.IndexByte(" \t\r\n;", c) >= 0 || c == '{' && !variable
				variable = c == '$'
				return stop
			})
			words = append(words, word)
		}
	}
}

// until reads up to a character for which stop holds and that no backslash stands before. A quote is taken with it.
func (r *nginxReader) until(stop func(int, byte) bool) (string, bool) {
	var word strings.Builder
	quoted := r.rest[0] == '"' || r.rest[0] == '\''
	for i := 0; i < len(r.rest); i++ {
		c := r.rest[i]
		if c == '\\' && i+1 < len(r.rest) {
			i++
			word.WriteString(escaped(r.rest[i]))
			continue
		}
		if stop(i, c) {
			r.rest = r.rest[i:]
			if quoted {
				r.rest = r.rest[1:]
			}
			return word.String(), true
		}
		word.WriteByte(c)
	}
	r.rest = ""
	return word.String(), false
}

// escaped is what a backslash and this character stand for.
func escaped(c byte) string {
	switch c {
	case '"', '\'', '\\':
		return string(c)
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case 'n':
		return "\n"
	}
	return "\\" + string([]byte{c})
}
