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
	run    string // handle, for the machine
	name   string // in the journal, which is what people type; "" before the run has one
	feed   *following
	rows   []row
	log    record
	looks  *looks // the verification that goes on, or the last one
	begun  time.Time
	last   time.Time // when something was heard of it last
	now    time.Time
	end    *steps.Result
	full   *growing // the whole log, when it is read
	asking *stopBox
	fault  error // what the machine could not do for us
}

// secondMsg comes once a second while a run goes on.
type secondMsg struct{ now time.Time }

func newApply(s *shared, run string) *apply { return &apply{shared: s, run: run} }

func second() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return secondMsg{t} })
}

func (a *apply) title() string {
	what := "applying"
	switch {
	case a.failed() != nil:
		what = "putting back"
	case a.verifying():
		what = "verifying"
	}
	return fmt.Sprintf("%s  %s  %s", a.named(), what, elapsed(a.now.Sub(a.begun)))
}

// named is the run by the name under which it can be undone and followed.
func (a *apply) named() string { return strings.TrimSpace("Run " + steps.CleanLine(a.name)) }

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
			a.rows = append(a.rows, rowOf(e.Change))
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
	return a, replace(a.ends())
}

// event takes one event into the rows and the log.
func (a *apply) event(e steps.Event) {
	if a.begun.IsZero() {
		a.begun = e.Time
	}
	if a.last = e.Time; e.Time.After(a.now) {
		a.now = e.Time
	}
	if e.Run != "" {
		a.name = e.Run
	}
	if e.Check != nil {
		a.looked(e)
	}
	if e.Change != nil {
		a.change(e)
	}
	a.log.note(e)
}

// failed is the change that failed, nil if none did.
func (a *apply) failed() *row {
	for n := range a.rows {
		if a.rows[n].status == steps.Failed {
			return &a.rows[n]
		}
	}
	return nil
}

func (a *apply) change(e steps.Event) {
	key := e.Change.Key()
	if a.looks != nil && a.looks.of == key && (e.Status == steps.Done || e.Status == steps.Failed) {
		a.looks.over = true
	}
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
	r := rowOf(e.Change)
	r.become(e)
	a.rows = append(a.rows, r)
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
		a.full = &growing{}
	case a.verifying():
		a.looks.view.key(key)
	}
	return a, nil
}

func (a *apply) body(width, height int) []string {
	switch {
	case a.asking != nil:
		return a.asking.body(a.theme)
	case a.full != nil:
		return a.full.shown(a.log.lines(a.theme, width), height)
	case a.verifying() && a.fault == nil:
		return a.looks.lines(a, width, height)
	}
	bottom := append([]string{""}, a.bar(width), "")
	bottom = append(bottom, a.newest(width, max(height/5, height-1-len(a.rows)-len(bottom)))...)
	if a.fault != nil {
		bottom = append(bottom, failure(a.shared, a.fault, width)...)
	}
	lines := append([]string{""}, a.list(width, height-1-len(bottom))...)
	return append(lines, bottom...)
}

// newest are the last lines of what is said. The changes before them do not move because of them: they have their room
// from the beginning.
func (a *apply) newest(width, room int) []string {
	lines := make([]string, 0, room)
	for _, e := range a.log.words(room) {
		lines = append(lines, cut("   "+e.when()+e.says(a.theme), width, a.theme))
	}
	return append(lines, make([]string, room-len(lines))...)
}

// list are the rows around the one that is being done.
func (a *apply) list(width, room int) []string {
	lines := make([]string, len(a.rows))
	now := 0
	for n, r := range a.rows {
		if r.status != "" {
			now = n
		}
		lines[n] = r.draw(a.theme, a.now, width)
	}
	if len(lines) == 0 {
		lines = []string{"   " + a.theme.Shape("…", "..") + " waiting for the run to begin"}
	}
	view := scroll{lines: lines, from: now - room*2/3}
	return view.shown(room)
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
		return a.full.where()
	case a.verifying():
		return a.looks.tally() + ".  The run goes on without this window, too."
	}
	return "Safe to close: the run goes on.  sudo " + a.options.Called + " attach"
}

func (a *apply) keys() []key {
	switch {
	case a.asking != nil:
		return []key{{"↑↓", "move"}, {"enter", "choose"}, {"esc", "keep watching"}}
	case a.full != nil:
		return []key{{"↑↓", "scroll"}, {"l", "back"}}
	case a.verifying():
		return []key{{"↑↓", "scroll"}, {"l", "log"}, {"ctrl+c", "stop or leave"}, {"?", "help"}}
	}
	return []key{{"l", "log"}, {"ctrl+c", "stop or leave"}, {"?", "help"}}
}

func (a *apply) help() []string {
	return []string{"The run is a process of its own. This screen only follows what it writes down: it can be closed, the connection can break, and the run goes on to its end.",
		"When a change fails, or the proof at the end does, everything is put back as it was."}
}
