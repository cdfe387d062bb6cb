package steps

import "strings"

// SplitFix parts one of the ways on (Finding.Fix, Check.Fix, Coded.Fix) into what is to be typed and what it does. Two
// or more spaces stand between them, so that a command can be copied without its comment; a line without them is all
// command, or prose. Both parts are clean and on one line.
func SplitFix(line string) (command, comment string) {
	line = strings.TrimSpace(Clean(line))
	line = strings.ReplaceAll(line, "\t", "  ")
	command, comment, _ = strings.Cut(line, "  ")
	return CleanLine(command), strings.TrimPrefix(CleanLine(comment), "# ")
}
