package wizard

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// apply follows a run. The run is a process of its own: leaving this screen, or losing it, changes nothing about it.
type apply struct {
	*shared
	run    string
	feed   *following
	rows   []row
	log    []string
	report *steps.Report // the last look at the live site
	begun  time.Time
	now    time.Time
	end    *steps.Result
	full   *scroll // the whole log, when it is read
	asking *stopBox
	fault  error // what the machine could not do for us
}

// row is one change of the run.
type row struct {
	key, text string
	status    steps.Status
	began     time.Time
	took      time.Duration
}

// secondMsg comes once a second while a run goes on.
type secondMsg struct{ now time.Time }

func newApply(s *shared, run string) *apply { return &apply{shared: s, run: run} }

func second() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return secondMsg{t} })
}

func (a *apply) title() string {
	what := "working"
	if a.end != nil {
		what = string(a.end.Outcome)
	}
	return fmt.Sprintf("Run %s  %s  %s", steps.CleanLine(a.run), what, elapsed(a.now.Sub(a.begun)))
}

// start implements starter.
func (a *apply) start() tea.Cmd {
	if a.feed != nil {
		return nil
	}
	a.planned()
	a.feed = follow(a.ctx, a.machine, a.run)
	return tea.Batch(a.feed.next(a.ctx), second())
}

// planned lists what is going to happen, when it is known.
func (a *apply) planned() {
	if a.preview == nil {
		return
	}
	for _, e := range a.preview.Effects {
		if e.Action != steps.Nothing {
			a.rows = append(a.rows, row{key: e.Change.Key(), text: e.Change.Summary()})
		}
	}
}

func (a *apply) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case eventsMsg:
		if msg.of == a.feed {
			return a.learn(msg)
		}
	case secondMsg:
		if a.now = msg.now; a.end == nil {
			return a, second()
		}
	case stopMsg:
		a.fault = msg.err
	case tea.KeyMsg:
		return a.key(msg.String())
	}
	return a, nil
}

func (a *apply) learn(msg eventsMsg) (screen, tea.Cmd) {
	for _, e := range msg.events {
		a.event(e)
	}
	if msg.result == nil {
		return a, a.feed.next(a.ctx)
	}
	a.end = msg.result
	if a.end.Err == nil {
		a.end.Err = msg.err
	}
	return a, replace(newDone(a))
}

// event takes one event into the rows and the log.
func (a *apply) event(e steps.Event) {
	if a.begun.IsZero() {
		a.begun = e.Time
	}
	if e.Time.After(a.now) {
		a.now = e.Time
	}
	if e.Report != nil {
		a.report = e.Report
	}
	if e.Change != nil {
		a.change(e)
	}
	if text := steps.CleanLine(e.Text); text != "" && e.Status != steps.Started {
		a.log = append(a.log, e.Time.Local().Format("15:04:05")+" "+text)
	}
}

func (a *apply) change(e steps.Event) {
	key := e.Change.Key()
	for n := range a.rows {
		if a.rows[n].key != key || a.rows[n].status == steps.Done {
			continue
		}
		a.rows[n].become(e)
		return
	}
	if e.Status == steps.Unchanged {
		return
	}
	r := row{key: key, text: e.Change.Summary()}
	r.become(e)
	a.rows = append(a.rows, r)
}

func (r *row) become(e steps.Event) {
	if r.began.IsZero() {
		r.began = e.Time
	}
	switch e.Status {
	case steps.Started, steps.Done, steps.Failed:
		r.status, r.took = e.Status, e.Elapsed
	case steps.Unchanged:
		r.status = steps.Done
	case steps.Progress:
		r.status = steps.Started
	}
}

func (a *apply) key(key string) (screen, tea.Cmd) {
	switch {
	case a.asking != nil:
		return a.answer(key)
	case a.full != nil && (key == "esc" || key == "l"):
		a.full = nil
	case a.full != nil:
		a.full.key(key)
	case key == "l":
		a.full = &scroll{lines: a.log, from: len(a.log)}
	}
	return a, nil
}

func (a *apply) body(width, height int) []string {
	switch {
	case a.asking != nil:
		return a.asking.body(a.theme)
	case a.full != nil:
		a.full.lines = folded(a.log, a.theme)
		return a.full.shown(height)
	}
	bottom := append([]string{""}, a.bar(width), "")
	const logLines = 4
	for _, line := range a.log[max(0, len(a.log)-logLines):] {
		bottom = append(bottom, cut("   "+a.theme.Fold(line), width, a.theme))
	}
	if a.fault != nil {
		bottom = append(bottom, failure(a.shared, a.fault, width)...)
	}
	lines := append([]string{""}, a.list(width, height-1-len(bottom))...)
	return append(lines, bottom...)
}

func folded(lines []string, t theme.Theme) []string {
	all := make([]string, len(lines))
	for n, line := range lines {
		all[n] = " " + t.Fold(line)
	}
	return all
}

// list are the rows around the one that is being done.
func (a *apply) list(width, room int) []string {
	lines := make([]string, len(a.rows))
	now := 0
	for n, r := range a.rows {
		if r.status != "" {
			now = n
		}
		lines[n] = a.row(r, width)
	}
	if len(lines) == 0 {
		lines = []string{"   " + a.theme.Shape("…", "..") + " waiting for the run to begin"}
	}
	view := scroll{lines: lines, from: now - room*2/3}
	return view.shown(room)
}

func (a *apply) row(r row, width int) string {
	sign, took := a.theme.Shape("○", ".")+" next", ""
	switch r.status {
	case steps.Started:
		sign, took = a.theme.Paint(theme.Active, a.theme.Shape("▸", ">")+" now "), seconds(a.now.Sub(r.began))
	case steps.Done:
		sign, took = a.theme.Paint(theme.Green, a.theme.Shape("✓", "+")+" done"), seconds(r.took)
	case steps.Failed:
		sign, took = a.theme.Paint(theme.Red, a.theme.Shape("✗", "x")+" fail"), seconds(r.took)
	}
	text := pad(cut(a.theme.Fold(steps.CleanLine(r.text)), width-22, a.theme), width-21)
	return "   " + sign + "  " + text + pad("", 8-len(took)) + took
}

// seconds is a time as short as it can be; under a tenth of a second it says nothing.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return ""
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// bar is how far the run is: by what is done, never by a guess.
func (a *apply) bar(width int) string {
	done := 0
	for _, r := range a.rows {
		if r.status == steps.Done {
			done++
		}
	}
	if a.preview == nil || len(a.rows) == 0 {
		return fmt.Sprintf("   %d done", done)
	}
	long := max(10, width-24)
	full := long * done / len(a.rows)
	return "   " + a.theme.Paint(theme.Cyan, strings.Repeat(a.theme.Shape("█", "#"), full)) + strings.Repeat(a.theme.Shape("░", "."), long-full) +
		fmt.Sprintf("  %d of %d", done, len(a.rows))
}

func (a *apply) status() string {
	switch {
	case a.asking != nil:
		return "The run goes on meanwhile."
	case a.full != nil:
		return fmt.Sprintf("%d lines", len(a.log))
	}
	return "Safe to close this window: the run goes on.  sudo " + a.options.Called + " attach"
}

func (a *apply) keys() []key {
	switch {
	case a.asking != nil:
		return []key{{"↑↓", "move"}, {"enter", "choose"}, {"esc", "keep watching"}}
	case a.full != nil:
		return []key{{"↑↓", "scroll"}, {"l", "back"}}
	}
	return []key{{"l", "log"}, {"ctrl+c", "stop or leave"}, {"?", "help"}}
}

func (a *apply) help() []string {
	return []string{"The run is a process of its own. This screen only follows what it writes down: it can be closed, the connection can break, and the run goes on to its end.",
		"When a change fails, or the proof at the end does, everything is put back as it was."}
}
