package promises

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Figure is one count that shows a promise, beside what was aimed at.
type Figure struct {
	Promise  int    // its number in List
	What     string // what was counted; with Promise it tells one figure from another
	Target   string // "≥ 1,500", "≤ 10", "0": a figure compared with Measured, or "" where nothing was aimed at
	Measured string // begins with the figure: "4,561", "12 of 12", "0; 30 looks"
	Command  string // what makes it again, typed in the root of this tree
	On       string // the day, as 2006-01-02; Write fills it in
}

// row is the figure as a line of a table.
func (f Figure) row() string {
	return fmt.Sprintf("| %s | %s | %s | `%s` | %s |\n", f.What, f.Target, f.Measured, f.Command, f.On)
}

// parseRow reads what row wrote.
func parseRow(promise int, line string) (Figure, bool) {
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	if len(cells) != 5 {
		return Figure{}, false
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if _, err := time.Parse(time.DateOnly, cells[4]); err != nil {
		return Figure{}, false // the head of the table
	}
	return Figure{promise, cells[0], cells[1], cells[2], strings.Trim(cells[3], "`"), cells[4]}, true
}

// Met tells whether what was measured is what was aimed at.
func (f Figure) Met() (bool, error) {
	if f.Target == "" {
		return true, nil
	}
	sign, bound := "", f.Target
	for _, s := range []string{"≥ ", "≤ "} {
		if rest, ok := strings.CutPrefix(f.Target, s); ok {
			sign, bound = s, rest
		}
	}
	want, err := leading(bound)
	if err != nil {
		return false, fmt.Errorf("cannot read the target %q of %q: %w", f.Target, f.What, err)
	}
	got, err := leading(f.Measured)
	if err != nil {
		return false, fmt.Errorf("cannot read the figure %q of %q: %w", f.Measured, f.What, err)
	}
	switch sign {
	case "≥ ":
		return got >= want, nil
	case "≤ ":
		return got <= want, nil
	}
	return got == want, nil
}

// leading reads the number at the beginning of a text: "1,500 kills", "99.5 %".
func leading(text string) (float64, error) {
	word, _, _ := strings.Cut(text, " ")
	word = strings.TrimSuffix(word, ";")
	return strconv.ParseFloat(strings.ReplaceAll(word, ",", ""), 64)
}

// Count writes a number as the page does: 1,234,567.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
