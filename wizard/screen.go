package wizard

import (
	tea "github.com/charmbracelet/bubbletea"
)

// screen is one screen: what it says, and what it does with a key. It is told of every message but those that hold for
// all screens (quitting, help, a change of size); it draws into the room that it is given and never beyond.
type screen interface {
	// title stands at the right end of the head line: "Step 1 of 7  Install".
	title() string
	// update takes a message. It returns itself, changed, with a command: for going elsewhere one of open, replace,
	// back and leave.
	update(msg tea.Msg) (screen, tea.Cmd)
	// body draws at most height lines of at most width columns.
	body(width, height int) []string
	// status is the line above the keys: what matters now.
	status() string
	// keys are the bindings of the last line and of the help.
	keys() []key
}

// typist is a screen in which letters are text: `?` and `q` are not keys there.
type typist interface{ typing() bool }

// explainer is a screen that has something to say when help is asked for.
type explainer interface{ help() []string }

// starter is a screen with something to do when it is opened, and again when somebody comes back to it.
type starter interface{ start() tea.Cmd }

// resized is a screen that keeps something that depends on its room.
type resized interface{ resize(width, height int) }

// stubborn is a screen that cannot be left with Esc or ctrl+c just so; ask says what to do instead.
type stubborn interface{ interrupt() (screen, tea.Cmd) }

// bare is a screen that may leave the terminal's normal screen to text that was printed there; then only this line is drawn.
type bare interface{ bare() (string, bool) }

// everywhere is a message that concerns every screen, not just the one that is seen: something was found out.
type everywhere interface{ everywhere() }

// key is a binding as people read it: "enter", "next".
type key struct{ key, does string }

// The ways from one screen to another.
type (
	openMsg    struct{ screen screen } // put it on top; back leads here again
	replaceMsg struct{ screen screen } // put it in place of this one
	backMsg    struct{}                // to the one below
	leaveMsg   struct{ end ending }    // out of the wizard
)

// ending is how a wizard ended: the exit status, and what stays in the scrollback of the terminal.
type ending struct {
	status int
	report []string
}

func open(s screen) tea.Cmd    { return func() tea.Msg { return openMsg{s} } }
func replace(s screen) tea.Cmd { return func() tea.Msg { return replaceMsg{s} } }
func back() tea.Cmd            { return func() tea.Msg { return backMsg{} } }
func leave(e ending) tea.Cmd   { return func() tea.Msg { return leaveMsg{e} } }
