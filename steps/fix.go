package steps

import "strings"

// SplitFix parts one of the ways on (Finding.Fix, Check.Fix, Coded.Fix) into what is to be typed and what it does. Two
// or more spaces stand between them, so that a command can be copied without its comment; a line without them is all
// command, or prose. Both parts are clean and on one line.
func SplitFix(line string) (command, comment string) {
	command, comment, _ = strings.Cut(strings.TrimSpace(strings.ReplaceAll(Clean(line), "\t", "  ")), "  ")
	return CleanLine(command), strings.TrimPrefix(CleanLine(comment), "# ")
}

// CleanFix is CleanLine for one of the ways on: what parts the command from its comment stays.
func CleanFix(line string) string {
	command, comment := SplitFix(line)
	if comment == "" {
		return command
	}
	return command + "    " + comment
}
