package wizard

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// list is an answer of several items, one a line. The last line is always empty: there the next one is typed.
type list struct {
	rows []line
	at   int
	ends string // what ends an item: nobody types these within one
	join string // what stands between items in the form of Answers.Text

	refused string // what the last key, or a part of what was pasted, was not taken for
}

func newList(kind steps.Kind) list {
	if kind == steps.KindHeaders {
		return list{rows: make([]line, 1), ends: ";\n", join: "; "}
	}
	return list{rows: make([]line, 1), ends: ", \n\t", join: ", "}
}

// set shows other items. The cursor stays in its line, if that is still there.
func (l *list) set(text string) {
	if text == l.value() {
		return
	}
	l.rows = nil
	for _, item := range strings.FieldsFunc(text, l.isEnd) {
		var row line
		if row.set(strings.TrimSpace(item)); row.value() != "" {
			l.rows = append(l.rows, row)
		}
	}
	l.rows = append(l.rows, line{})
	l.at = min(l.at, len(l.rows)-1)
	if l.at == len(l.rows)-1 && l.at > 0 {
		l.at-- // behind the last item, where a comma begins the next
	}
}

func (l *list) isEnd(r rune) bool { return strings.ContainsRune(l.ends, r) || r == '\r' }

// items are those that are not empty.
func (l *list) items() []string {
	var all []string
	for _, row := range l.rows {
		if text := strings.TrimSpace(row.value()); text != "" {
			all = append(all, text)
		}
	}
	return all
}

func (l *list) value() string { return strings.Join(l.items(), l.join) }

// walk moves the cursor a line; it reports false at the ends.
func (l *list) walk(by int) bool {
	next := l.at + by
	if next < 0 || next >= len(l.rows) {
		return false
	}
	l.at = next
	return true
}

// add puts an item at the end, if it is not there.
func (l *list) add(item string) {
	if !slices.Contains(l.items(), item) {
		var row line
		row.set(item)
		l.rows = append(l.rows[:len(l.rows)-1:len(l.rows)-1], row, line{})
	}
}

// key edits the list; it reports whether the items changed.
func (l *list) key(msg tea.KeyMsg) bool {
	before := l.value()
	l.refused = ""
	switch {
	case msg.Type == tea.KeyCtrlX:
		l.remove()
	case msg.Type == tea.KeyBackspace && l.rows[l.at].value() == "" && l.at > 0:
		l.at-- // the empty line goes by itself
	case msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace:
		l.write(msg)
	default:
		l.rows[l.at].key(msg)
	}
	l.close()
	return l.value() != before
}

// write types text; what ends an item begins the next line.
func (l *list) write(msg tea.KeyMsg) {
	var part []rune
	flush := func() {
		l.rows[l.at].key(tea.KeyMsg{Type: tea.KeyRunes, Runes: part, Paste: msg.Paste})
		if why := l.rows[l.at].refused; why != "" {
			l.refused = why
		}
		part = nil
	}
	for _, r := range msg.Runes {
		if !l.isEnd(r) {
			part = append(part, r)
			continue
		}
		flush()
		l.split()
	}
	flush()
}

// split begins a new line at the cursor; an empty line stays what it is.
func (l *list) split() {
	row := &l.rows[l.at]
	if row.value() == "" {
		return
	}
	var rest line
	rest.set(string(row.text[row.at:]))
	rest.at = 0
	row.set(string(row.text[:row.at]))
	l.at++
	l.rows = slices.Insert(l.rows, l.at, rest)
}

// remove takes the line away; behind the last one it takes the one before.
func (l *list) remove() {
	if l.at == len(l.rows)-1 && l.at > 0 {
		l.at--
	}
	l.rows = slices.Delete(l.rows, l.at, l.at+1)
}

// close keeps one empty line at the end, and none elsewhere but under the cursor.
func (l *list) close() {
	const most = 500 // of all answers; more is a paste gone wrong
	var kept []line
	at := 0
	for n, row := range l.rows[:min(len(l.rows), most)] {
		if n == l.at {
			at = len(kept)
		}
		if row.value() != "" || n == l.at {
			kept = append(kept, row)
		}
	}
	if len(kept) == 0 || kept[len(kept)-1].value() != "" {
		kept = append(kept, line{})
	}
	l.rows, l.at = kept, min(at, len(kept)-1)
}
