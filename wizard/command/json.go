package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/c93d5bcb/sslwizard/steps"
)

// jsonFormat is the version of the objects below; its minor number grows by addition only.
const jsonFormat = "1.0"

// jsonPrinter prints one object a line, the first of type "version".
type jsonPrinter struct{ enc *json.Encoder }

func newJSON(out io.Writer, version string) jsonPrinter {
	enc := json.NewEncoder(escaping{out})
	enc.SetEscapeHTML(false)
	p := jsonPrinter{enc}
	p.put("version", map[string]any{"sslwizard": version, "format": jsonFormat})
	return p
}

// escaping writes JSON with \u escapes for what could steer a terminal: a program reads the same, and a person who looks at it is
// not deceived. Such runes stand in strings only.
type escaping struct{ to io.Writer }

// Write implements io.Writer for whole lines.
func (e escaping) Write(line []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(line) {
		switch {
		case r == '\n' || !steps.Unsafe(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if _, err := io.WriteString(e.to, b.String()); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (p jsonPrinter) put(kind string, fields map[string]any) {
	fields["type"] = kind
	if _, ok := fields["time"]; !ok {
		fields["time"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	_ = p.enc.Encode(fields)
}

func (p jsonPrinter) preview(v steps.Preview, m previewMode) {
	pending := 0
	for _, e := range v.Effects {
		if e.Action == steps.Nothing {
			continue
		}
		pending++
		p.put("plan_change", map[string]any{
			"step": e.Change.Step(), "key": e.Change.Key(), "action": actionWord(e.Action), "summary": e.Change.Summary(),
			"diff": e.Diff, "commands": list(e.Commands), "note": e.Note,
		})
	}
	for _, f := range findingLists(v.Findings) {
		p.put("finding", map[string]any{"finding": f})
	}
	if m.refused {
		p.put("summary", map[string]any{"outcome": "refused", "applied": false})
		return
	}
	p.put("plan", map[string]any{"plan": v.Hash, "changes": pending, "executor": v.Plan.Executor, "blocked": blocked(v.Findings) != nil,
		"applied": false})
}

func (p jsonPrinter) event(e steps.Event) { _ = p.enc.Encode(steps.LineOfEvent(e)) }

func (p jsonPrinter) check(c steps.Check) { p.put("check", map[string]any{"check": c}) }

func (p jsonPrinter) report(r steps.Report) {
	p.put("report", map[string]any{"report": reportLists([]steps.Report{r})[0]})
}

func (p jsonPrinter) diagnosis(r steps.Report) { p.report(r) }

func (p jsonPrinter) status(s steps.HostStatus, _ bool) {
	p.put("status", map[string]any{"status": statusLists(s)})
}

// answers are the sites of an answers file that is right.
func (p jsonPrinter) answers(sites []steps.Site) {
	names := []string{}
	for _, s := range sites {
		names = append(names, s.Name)
	}
	p.put("answers", map[string]any{"valid": true, "sites": names})
}

func (p jsonPrinter) result(r steps.Result, e ending) {
	_ = p.enc.Encode(steps.ResultLine{Type: "summary", Time: time.Now().UTC(), Run: r.Run, Outcome: r.Outcome, Undone: list(r.Undone), Kept: list(r.Kept),
		Reports: reportLists(r.Reports), Live: list(e.live), Undo: e.undo, ErrorLine: steps.LineOfError(r.Outcome, r.Err)})
}

func (p jsonPrinter) failure(err error) {
	o := map[string]any{"message": steps.Clean(err.Error()), "fix": list(steps.Fixes(err)), "status": steps.ExitStatus("", err)}
	var f *steps.Failure
	if errors.As(err, &f) {
		o["code"] = f.Code
	}
	var wrong *steps.ParseError
	if errors.As(err, &wrong) {
		o["problems"] = list(wrong.Problems)
	}
	p.put("error", o)
}

// actionWord names an action for programs.
func actionWord(a steps.Action) string {
	switch a {
	case steps.Create:
		return "create"
	case steps.Modify:
		return "change"
	case steps.Delete:
		return "remove"
	case steps.Execute:
		return "run"
	}
	return "same"
}
