package wizard

import (
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
)

// line is one line of text that is being typed. The one of bubbles is not used: its ctrl+v starts a program to read a
// clipboard, which no program that runs as root on a server should do.
type line struct {
	text []rune
	at   int
}

// longestLine bounds what can be typed or pasted.
const longestLine = 4096

func (l *line) set(text string) { l.text, l.at = []rune(text), len([]rune(text)) }

func (l *line) value() string { return string(l.text) }

// key edits the line; it reports whether the text changed.
func (l *line) key(msg tea.KeyMsg) bool {
	before := string(l.text)
	switch msg.Type {
	case tea.KeyRunes, tea.KeySpace:
		l.insert(typable(msg.Runes))
	case tea.KeyBackspace:
		l.cut(l.at-1, l.at)
	case tea.KeyDelete, tea.KeyCtrlD:
		l.cut(l.at, l.at+1)
	case tea.KeyLeft:
		l.at--
	case tea.KeyRight:
		l.at++
	case tea.KeyHome, tea.KeyCtrlA:
		l.at = 0
	case tea.KeyEnd, tea.KeyCtrlE:
		l.at = len(l.text)
	case tea.KeyCtrlU:
		l.cut(0, l.at)
	case tea.KeyCtrlK:
		l.cut(l.at, len(l.text))
	case tea.KeyCtrlW:
		l.cut(l.word(), l.at)
	}
	l.at = max(0, min(l.at, len(l.text)))
	return string(l.text) != before
}

func (l *line) insert(runes []rune) {
	runes = runes[:min(len(runes), longestLine-len(l.text))]
	l.text = append(l.text[:l.at:l.at], append(runes, l.text[l.at:]...)...)
	l.at += len(runes)
}

func (l *line) cut(from, to int) {
	from, to = max(0, from), min(to, len(l.text))
	if from < to {
		l.text = append(l.text[:from:from], l.text[to:]...)
		l.at = from
	}
}

// word is where the word before the cursor begins.
func (l *line) word() int {
	n := l.at
	for n > 0 && l.text[n-1] == ' ' {
		n--
	}
	for n > 0 && l.text[n-1] != ' ' {
		n--
	}
	return n
}

// shown is the part around the cursor that fits, with a cursor that needs no colour and does not blink.
func (l *line) shown(width int, end, between string) string {
	from := max(0, l.at-width)
	block := end
	if l.at < len(l.text) {
		block = between
	}
	return string(l.text[from:l.at]) + block + string(l.text[l.at:min(len(l.text), max(l.at, from+width))])
}

// typable leaves out what is no text: control characters and those that change the direction of what follows.
func typable(runes []rune) []rune {
	var all []rune
	for _, r := range runes {
		if r == '\n' || r == '\r' || r == '\t' {
			r = ' '
		}
		if unicode.IsPrint(r) {
			all = append(all, r)
		}
	}
	return all
}
