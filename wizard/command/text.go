package command

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// textPrinter prints for people: one fact a line, nothing that moves. What was said once in a run is not said again.
type textPrinter struct {
	out    io.Writer
	err    io.Writer
	theme  theme.Theme
	width  int // columns of the screen; 0: nothing is wrapped
	called Called

	telling sync.Mutex      // held while an event or the result is told
	begun   bool            // something was printed
	numbers map[string]int  // key of a change → its place in the order of execution, from 1
	said    map[string]bool // what was undone or kept, as it was told while it happened
	tallied map[string]bool // sums of reports that were printed
	unwell  bool            // the last report had failures
	took    time.Duration   // of the run, when it has ended
	held    []steps.Check   // of a probe: what has to be looked at, for its end
}

func (p *textPrinter) line(format string, args ...any) { p.lineTo(p.out, 0, format, args...) }

// lineTo writes one line and, on a screen too narrow for it, continues it at the indent.
func (p *textPrinter) lineTo(out io.Writer, indent int, format string, args ...any) {
	p.begun = true
	_, _ = fmt.Fprintln(out, theme.Wrap(fmt.Sprintf(format, args...), indent, p.width))
}

// gap parts what follows from what was printed before.
func (p *textPrinter) gap() {
	if p.begun {
		p.line("")
	}
}

// fixes prints the ways on: what is to be typed, and beside it what it does.
func (p *textPrinter) fixes(out io.Writer, indent int, all []string) {
	type way struct{ command, comment string }
	const widest = 60
	ways, column := make([]way, len(all)), 0
	for i, line := range all {
		command, comment := steps.SplitFix(line)
		ways[i] = way{p.called.typed(command), comment}
		if n := theme.Columns(ways[i].command); comment != "" && n <= widest {
			column = max(column, n)
		}
	}
	margin := strings.Repeat(" ", indent)
	for _, w := range ways {
		beside := fmt.Sprintf("%-*s    # %s", column, w.command, w.comment)
		switch {
		case w.comment == "":
			p.lineTo(out, indent, "%s%s", margin, w.command)
		case p.width > 0 && indent+theme.Columns(beside) >= p.width:
			p.lineTo(out, indent, "%s%s", margin, w.command)
			p.lineTo(out, indent+4, "%s  # %s", margin, w.comment)
		default:
			p.lineTo(out, indent, "%s%s", margin, beside)
		}
	}
}

func (p *textPrinter) findings(out io.Writer, all []steps.Finding) {
	if len(all) > 0 && p.begun {
		p.lineTo(out, 0, "")
	}
	const indent = 8
	for _, f := range all {
		p.lineTo(out, indent, "%s  %s%s", p.theme.Severity(f.Severity), code(f.Code), steps.CleanLine(f.Text))
		p.fixes(out, indent+2, f.Fix)
	}
}

// failure prints an error as the first of its lines, then what to type.
func (p *textPrinter) failure(err error) {
	var f *steps.Failure
	c := ""
	if errors.As(err, &f) {
		c = code(f.Code)
	}
	p.lineTo(p.err, 2, "sslwizard: error: %s%s", c, strings.TrimSuffix(steps.Clean(err.Error()), "\n"))
	p.fixes(p.err, 2, steps.Fixes(err))
}

func (p *textPrinter) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("%s:", title)
	for _, l := range lines {
		p.lineTo(p.out, 4, "  %s", steps.CleanLine(l))
	}
}

// code is the row of the failure catalogue before what was seen. Names of our own are for programs; they say nothing to
// a reader that the sentence does not.
func code(c string) string {
	if c == "" || strings.ToUpper(c) != c {
		return ""
	}
	return steps.CleanLine(c) + ": "
}

func took(d time.Duration) string {
	if d < 50*time.Millisecond {
		return ""
	}
	return fmt.Sprintf("  %.1fs", d.Seconds())
}

func siteNames(sites []steps.Site) string {
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = s.Name
	}
	return someOf(names)
}

// someOf joins names for one line: beyond three it says how many more there are.
func someOf(names []string) string {
	const shown = 3
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// stepTitle is the step's own title with its number.
func stepTitle(id steps.ID) string {
	for i, s := range steps.All() {
		if s.ID() == id {
			return fmt.Sprintf("%d %s", i+1, s.Title())
		}
	}
	return string(id)
}
