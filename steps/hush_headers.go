package steps

import (
	"regexp"
	"strings"
)

var (
	// headersKey is where the headers of the application begin in an answers file, misspelt or not.
	headersKey = regexp.MustCompile(`(?i)(?:^|[\s{,])["']?headers?["']?\s*:`)
	// headerPair is a name with its value, whole or as far as the line goes.
	headerPair = regexp.MustCompile(`^(\s*(?:"[^"]*"|'[^']*'|[^\s:,{}"'#-][^\s:,{}"']*)\s*:\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^,}]*)`)
	// setHeader is a header in a configuration of nginx that has no variable for its value.
	setHeader = regexp.MustCompile(`(_set_header[ \t]+\S+[ \t]+["']?)[^\s"'$;][^;\n]*?(["']?[ \t]*;|\n|$)`)
)

// HushedFile is the text of a file of ours as it may be shown: without the values of the headers that the application is sent,
// which may be passwords of it. It has as many lines, and what is hidden stays as long as it was.
func HushedFile(text string) string {
	return hush(setHeader, strings.Join(hushedHeaders(strings.Split(text, "\n")), "\n"))
}

// hushedHeaders are the lines of an answers file without the values of headers. It takes lines that are no YAML, too, and then
// hides rather more than less.
func hushedHeaders(lines []string) []string {
	out := make([]string, len(lines))
	within := -1 // how far the key of the headers stands in, below which everything belongs to them
	for i, line := range lines {
		blank := strings.TrimSpace(line) == ""
		if within >= 0 && (blank || indentOf(line) > within) {
			out[i] = hushedBelow(line)
			continue
		}
		out[i], within = line, -1
		if at := headersKey.FindStringIndex(line); at != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			rest, closed := hushedBeside(line[at[1]:])
			out[i] = line[:at[1]] + rest
			if !closed {
				within = indentOf(line)
			}
		}
	}
	return out
}

// hushedBeside is what stands beside the key of the headers, and whether that was all of them.
func hushedBeside(rest string) (string, bool) {
	start := strings.TrimLeft(rest, " \t")
	if start == "" || start[0] == '#' {
		return rest, false
	}
	out := rest[:len(rest)-len(start)]
	if start[0] != '{' {
		return out + stars(start), false
	}
	out, rest = out+"{", start[1:]
	for {
		at := headerPair.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		out, rest = out+rest[:at[3]]+hushedValue(rest[at[4]:at[5]]), rest[at[5]:]
		if !strings.HasPrefix(rest, ",") {
			break
		}
		out, rest = out+",", rest[1:]
	}
	if space := strings.TrimLeft(rest, " \t"); strings.HasPrefix(space, "}") {
		return out + rest, true
	}
	return out + stars(rest), false
}

// hushedBelow is a line below the key of the headers: a name with its value, or more of the value before.
func hushedBelow(line string) string {
	text := strings.TrimLeft(line, " \t")
	if at := headerPair.FindStringSubmatchIndex(text); at != nil {
		return line[:len(line)-len(text)] + text[:at[3]] + hushedValue(text[at[3]:])
	}
	return line[:len(line)-len(text)] + stars(text)
}

// hushedValue keeps the quotes.
func hushedValue(value string) string {
	end := strings.TrimRight(value, " \t\r")
	if len(end) > 1 && strings.ContainsAny(end[:1], `"'`) && end[0] == end[len(end)-1] {
		return end[:1] + stars(end[1:len(end)-1]) + end[:1] + value[len(end):]
	}
	return stars(end) + value[len(end):]
}

// indentOf is how far a line stands in. A tab, which YAML does not take, is far.
func indentOf(line string) int {
	n := 0
	for _, r := range line {
		switch r {
		case ' ':
			n++
		case '\t':
			n += 8
		default:
			return n
		}
	}
	return n
}
