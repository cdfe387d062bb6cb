package steps

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside safe for a screen or a log: control characters (C0 without newline and tab, DEL, C1),
// bidirectional controls, line separators and invalid UTF-8 become "␛" marks or are replaced. Newlines and tabs stay.
func Clean(s string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			b.WriteRune(utf8.RuneError)
		case r == '\n' || r == '\t' || r >= ' ' && !Unsafe(r):
			b.WriteRune(r)
		case r == '\r':
		default:
			b.WriteRune('␛')
		}
		i += n
	}
	return b.String()
}

// CleanLine is Clean for text that has to stay on one line: newlines and tabs become spaces.
func CleanLine(s string) string {
	if oneLine(s) {
		return s
	}
	return strings.Join(strings.Fields(Clean(s)), " ")
}

// oneLine reports whether s is what CleanLine would make of it, as far as that is seen at once: each request asks it.
func oneLine(s string) bool {
	return printable(s) && !strings.Contains(s, "  ") && strings.Trim(s, " ") == s
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Unsafe reports format and control runes that can move the cursor or reorder text (Unicode categories Cc, Cf,
// Zl, Zp): the whole of Cf, since no text that we show needs any of it.
func Unsafe(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
