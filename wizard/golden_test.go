package wizard

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

var update = flag.Bool("update", false, "write what the screens show now into testdata")

var (
	themes = map[string]theme.Theme{"utf8": {}, "ascii": {ASCII: true}, "color": {Color: true}}
	sizes  = []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 60, Height: 16}, {Width: 120, Height: 40}}
)

// golden draws a screen in every theme and size, looks whether it keeps to its room, and compares with the file. In
// UTF-8 all three sizes are kept; of the other themes the usual one.
func golden(t *testing.T, name string, make func(*shared) screen) {
	t.Helper()
	for th := range themes {
		for _, size := range sizes {
			s := themed(t, &fake{}, themes[th])
			m := drawn(newModel(s, make(s)), size)
			view := m.View()
			lint(t, name, th, size, view)
			if th == "utf8" || size.Width == 80 {
				compare(t, fmt.Sprintf("%s.%s.%dx%d", name, th, size.Width, size.Height), view)
			}
		}
	}
}

// drawn gives a model its size.
func drawn(m model, size tea.WindowSizeMsg) model {
	next, _ := m.Update(size)
	return next.(model)
}

// lint holds for every frame: the height is exact, no line reaches the last column, nothing raw gets through, and no
// colour is the only sign.
func lint(t *testing.T, name, th string, size tea.WindowSizeMsg, view string) {
	t.Helper()
	lines := strings.Split(view, "\n")
	if len(lines) != size.Height {
		t.Errorf("%s %s %v: %d lines", name, th, size, len(lines))
	}
	for n, line := range lines {
		plain := ansi.Strip(line)
		if w := ansi.StringWidth(line); w > size.Width-1 {
			t.Errorf("%s %s %v: line %d is %d wide: %q", name, th, size, n+1, w, plain)
		}
		if i := strings.IndexFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			t.Errorf("%s %s %v: line %d has a control character: %q", name, th, size, n+1, plain)
		}
		if themes[th].ASCII && strings.IndexFunc(plain, func(r rune) bool { return r > 0x7e }) >= 0 {
			t.Errorf("%s %s %v: line %d is not ASCII: %q", name, th, size, n+1, plain)
		}
		if !themes[th].Color && plain != line {
			t.Errorf("%s %s %v: line %d has colours: %q", name, th, size, n+1, line)
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got+"\n" {
		t.Errorf("%s is not what the screen shows (%v):\n%s", file, err, got)
	}
}

// press sends keys by their names ("enter", "a", "ctrl+c") and returns the model and the messages that commands made,
// one level deep.
func press(m model, keys ...string) (model, []tea.Msg) {
	var said []tea.Msg
	for _, k := range keys {
		next, cmd := m.Update(keyMsg(k))
		m = next.(model)
		var more []tea.Msg
		m, more = settle(m, cmd)
		said = append(said, more...)
	}
	return m, said
}

// settle runs a command and gives its message to the model, until there is none.
func settle(m model, cmd tea.Cmd) (model, []tea.Msg) {
	var said []tea.Msg
	for cmd != nil {
		msg := cmd()
		said = append(said, msg)
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				var more []tea.Msg
				m, more = settle(m, c)
				said = append(said, more...)
			}
			return m, said
		}
		if _, quit := msg.(tea.QuitMsg); quit || msg == nil {
			return m, said
		}
		var next tea.Model
		next, cmd = m.Update(msg)
		m = next.(model)
	}
	return m, said
}

var named = map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown,
	"left": tea.KeyLeft, "right": tea.KeyRight, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, " ": tea.KeySpace,
	"backspace": tea.KeyBackspace, "ctrl+c": tea.KeyCtrlC, "ctrl+g": tea.KeyCtrlG, "ctrl+u": tea.KeyCtrlU, "ctrl+x": tea.KeyCtrlX, "ctrl+r": tea.KeyCtrlR, "ctrl+n": tea.KeyCtrlN,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd}

func keyMsg(name string) tea.KeyMsg {
	if kind, ok := named[name]; ok {
		return tea.KeyMsg{Type: kind, Runes: []rune(map[bool]string{true: " "}[name == " "])}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}
