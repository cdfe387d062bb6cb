package wizard

import (
	"fmt"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// line is one line of text that is being typed. The one of bubbles is not used: its ctrl+v starts a program to read a
// clipboard, which no program that runs as root on a server should do.
type line struct {
	text    []rune
	at      int
	refused string // why the last key, or a part of what was pasted, was not taken
}

// longestLine bounds what can be typed or pasted.
const longestLine = 4096

func (l *line) set(text string) { l.text, l.at = []rune(text), len([]rune(text)) }

// refresh is set for a text that may be the same: then the cursor stays.
func (l *line) refresh(text string) {
	if text != l.value() {
		l.set(text)
	}
}

func (l *line) value() string { return string(l.text) }

// key edits the line; it reports whether the text changed.
func (l *line) key(msg tea.KeyMsg) bool {
	before := string(l.text)
	l.refused = ""
	switch msg.Type {
	case tea.KeyRunes, tea.KeySpace:
		runes, refused := readable(msg.Runes)
		l.refused = refused
		l.insert(runes)
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
	if room := longestLine - len(l.text); len(runes) > room {
		runes, l.refused = runes[:room], fmt.Sprintf("No answer is longer than %d characters.", longestLine)
	}
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

// readable leaves out what is no text, and says why where somebody may wonder: control characters are dropped, as a paste
// often ends with one; what is invisible, turns the direction of the text or is two columns wide is refused.
func readable(runes []rune) (kept []rune, refused string) {
	for _, r := range runes {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			kept = append(kept, ' ')
		case unicode.IsControl(r):
		case !unicode.IsPrint(r):
			refused = fmt.Sprintf("U+%04X cannot be seen, so it was left out: it could make a text look like another.", r)
		case ansi.StringWidth(string(r)) != 1:
			refused = fmt.Sprintf("%c was left out: only characters one column wide can be typed. Names have an xn-- form.", r)
		default:
			kept = append(kept, r)
		}
	}
	return kept, refused
}
