package steps

import (
	"regexp"
	"strings"
)

var (
	// setHeader is where a header stands in a configuration of nginx.
	setHeader = regexp.MustCompile(`_set_header\s+`)
	// directiveWord is a word of nginx, whole or as far as the text goes.
	directiveWord = regexp.MustCompile(`^(?:"(?:[^"\\]|\\[\s\S])*"?|'(?:[^'\\]|\\[\s\S])*'?|(?:[^\s;\\]|\\[\s\S])+\\?|\\)`)
	// oneVariable is a value that says nothing, as a variable of nginx, or none.
	oneVariable = regexp.MustCompile(`^(?:\$\w+|\$\{\w+\}|)$`)
)

// hushedDirectives is a configuration of nginx without the values of the headers that the application is sent, but for those that are
// no more than a variable.
func hushedDirectives(text string) string {
	var out strings.Builder
	for {
		at := setHeader.FindStringIndex(text)
		if at == nil {
			return out.String() + text
		}
		out.WriteString(text[:at[1]])
		text = text[at[1]:]
		for n := 0; ; n++ {
			word := directiveWord.FindString(text)
			if n > 0 {
				out.WriteString(hushedWord(word))
			} else {
				out.WriteString(word)
			}
			text = text[len(word):]
			space := text[:len(text)-len(strings.TrimLeft(text, " \t\r\n\f"))]
			out.WriteString(space)
			if text = text[len(space):]; text == "" || text[0] == ';' {
				break
			}
		}
	}
}

// hushedWord keeps the quotes, and the ends of lines.
func hushedWord(word string) string {
	open, value, end := "", word, ""
	if word != "" && strings.ContainsAny(word[:1], `"'`) {
		open, value = word[:1], word[1:]
		if strings.HasSuffix(value, open) {
			value, end = value[:len(value)-1], open
		}
	}
	if oneVariable.MatchString(value) {
		return word
	}
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		lines[i] = stars(line)
	}
	return open + strings.Join(lines, "\n") + end
}
