package steps

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// userinfo is what stands before the @ of a URL, and a password before one without a scheme.
	userinfo = regexp.MustCompile(`(://|\w:)[^\s"'/]*(@)`)
	// misplaced is a value in the place of the path of a file with a secret: often the secret itself.
	misplaced = regexp.MustCompile(`((?:webhook|credentials|keyFile)["']?\s*:\s*["']?)[^\s"',}/][^"',}]*()`)
)

// Hushed is a text without what may be a password in it: what stands before the @ of a URL. It stays as long as it was.
func Hushed(s string) string { return hush(userinfo, s) }

// hush puts stars between what the first and the second group of an expression match.
func hush(e *regexp.Regexp, s string) string {
	var b strings.Builder
	from := 0
	for _, at := range e.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(s[from:at[3]] + stars(s[at[3]:at[4]]))
		from = at[4]
	}
	return b.String() + s[from:]
}

func stars(s string) string { return strings.Repeat("*", utf8.RuneCountInString(s)) }

// secretFile takes the path of a file with a secret. What is no path is not told: it may be the secret itself.
func (b *siteBuilder) secretFile(path, value, belongs string) {
	if !strings.HasPrefix(value, "/") {
		b.fail(path, bad("it has to be the path of a file, which begins with /; %s", belongs))
		return
	}
	b.check(path, checkFilePath(value))
}

// hushed is a line of the answers file without what may be a secret in it: the values of headers, what stands where
// the path of a file with a secret should, and passwords in URLs.
func (s *source) hushed(n int) string {
	if s.shown == nil {
		s.shown = hushedHeaders(s.lines)
	}
	return Hushed(hush(misplaced, s.shown[n-1]))
}
