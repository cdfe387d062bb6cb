package command

import (
	"io"

	"github.com/c93d5bcb/sslwizard/steps"
)

// printer tells the story of a command in one of the output formats.
type printer interface {
	preview(steps.Preview, previewMode)
	event(steps.Event)
	check(steps.Check)
	result(steps.Result, ending)
	report(steps.Report)
	diagnosis(steps.Report)
	status(s steps.HostStatus, allRuns bool)
	ownCA(steps.OwnCA, []steps.TrustGuide)
	deliveries([]steps.Delivery)
	accounts([]steps.ACMEAccount)
	failure(error)
}

// previewMode says what follows a preview; the zero value is a dry run.
type previewMode struct {
	applies bool   // the apply follows
	refused bool   // nothing follows: the findings stand in the way
	what    string // what it is a plan of; empty: of its sites
	next    string // of a dry run: the command that does it
}

// printer chooses by --output. Text for people goes to stdout, and its errors to stderr; with json or diff stdout is
// for the program that reads it.
func (a *App) printer() printer {
	if a.out == nil {
		a.out = a.newPrinter()
	}
	return a.out
}

func (a *App) newPrinter() printer {
	switch a.flags.output {
	case "json":
		return newJSON(a.Stdout, a.Version)
	case "diff":
		text := a.text(a.Stderr)
		return diffPrinter{printer: cleaning{text}, text: text, out: a.Stdout}
	}
	return cleaning{a.text(a.Stdout)}
}

func (a *App) text(out io.Writer) *textPrinter {
	return &textPrinter{out: out, err: a.Stderr, theme: a.theme(), width: a.Width, called: a.called()}
}

// diffPrinter prints the unified diffs and nothing else on stdout, so that `patch --dry-run` can read it; the rest goes
// to stderr.
type diffPrinter struct {
	printer
	text *textPrinter
	out  io.Writer
}

func (p diffPrinter) preview(v steps.Preview, _ previewMode) {
	p.text.numbers = numbered(v)
	for _, e := range v.Effects {
		_, _ = io.WriteString(p.out, e.Diff)
		if e.Diff != "" && e.Note != "" { // what is not shown of it, and so not there for patch
			p.text.lineTo(p.text.err, 2, "%s: %s", steps.CleanLine(e.Change.Summary()), steps.CleanLine(e.Note))
		}
	}
	p.text.findings(p.text.err, clean(v.Findings))
}
