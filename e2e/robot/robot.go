// Package robot is a user at a terminal: it runs a program in a real pseudo-terminal, sees what its screen shows, and
// presses keys. It never sleeps: it waits for what it has to see.
package robot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// Patience is how long a robot waits for something to be seen.
const Patience = 30 * time.Second

// Robot is one user with one program. Its methods may be called from several goroutines.
type Robot struct {
	cmd *exec.Cmd
	tty *os.File

	mu      sync.Mutex
	term    vt10x.Terminal
	changed chan struct{} // closed and made anew whenever something was written
	bytes   int
	raw     []byte // the last of what was written, for what must never be there
	stalled bool
	resume  *sync.Cond
	rest    []byte // of a character that came in two pieces
	ended   chan struct{}
}

// Start runs the command in a terminal of that size.
func Start(cmd *exec.Cmd, columns, rows int) (*Robot, error) {
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}) //nolint:gosec // small numbers
	if err != nil {
		return nil, fmt.Errorf("cannot start %s in a terminal: %w", cmd.Path, err)
	}
	r := &Robot{cmd: cmd, tty: tty, changed: make(chan struct{}), ended: make(chan struct{}),
		term: vt10x.New(vt10x.WithSize(columns, rows), vt10x.WithWriter(io.Discard))}
	r.resume = sync.NewCond(&r.mu)
	go r.watch()
	return r, nil
}

// watch draws what the program writes until it ends.
func (r *Robot) watch() {
	defer close(r.ended)
	buffer := make([]byte, 32<<10)
	for {
		r.mu.Lock()
		for r.stalled {
			r.resume.Wait()
		}
		r.mu.Unlock()
		n, err := r.tty.Read(buffer)
		if n > 0 {
			r.draw(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// draw gives whole characters to the screen.
func (r *Robot) draw(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += len(data)
	const kept = 1 << 20
	r.raw = append(r.raw, data...)
	r.raw = r.raw[max(0, len(r.raw)-kept):]
	data = append(r.rest, data...)
	whole := len(data)
	for whole > 0 && len(data)-whole < utf8.UTFMax && !utf8.RuneStart(data[whole-1]) {
		whole--
	}
	if whole > 0 && !utf8.FullRune(data[whole-1:]) {
		whole--
	} else {
		whole = len(data)
	}
	_, _ = r.term.Write(data[:whole])
	r.rest = append([]byte(nil), data[whole:]...)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Screen is what the user sees, line by line, without the spaces at the ends.
func (r *Robot) Screen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.screen()
}

func (r *Robot) screen() string {
	lines := strings.Split(r.term.String(), "\n")
	for n := range lines {
		lines[n] = strings.TrimRight(lines[n], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Await waits until the screen shows all of the texts.
func (r *Robot) Await(texts ...string) error { return r.AwaitFor(Patience, texts...) }

// AwaitFor is Await with another patience.
func (r *Robot) AwaitFor(patience time.Duration, texts ...string) error {
	return r.Until(patience, func(screen string) string {
		if missing := lacking(screen, texts); missing != "" {
			return fmt.Sprintf("%q", missing)
		}
		return ""
	})
}

// Until waits until nothing is missing on the screen any more.
func (r *Robot) Until(patience time.Duration, missing func(screen string) string) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		screen, changed := r.screen(), r.changed
		r.mu.Unlock()
		what := missing(screen)
		if what == "" {
			return nil
		}
		select {
		case <-changed:
		case <-r.ended:
			if what = missing(r.Screen()); what == "" {
				return nil
			}
			return fmt.Errorf("the program ended without showing %s; the screen is\n%s", what, r.Screen())
		case <-late.C:
			return fmt.Errorf("%s was not seen within %s; the screen is\n%s", what, patience, screen)
		}
	}
}

func lacking(screen string, texts []string) string {
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			return text
		}
	}
	return ""
}

// keys are those that are more than a letter.
var keys = map[string]string{
	"enter": "\r", "esc": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	"pgup": "\x1b[5~", "pgdown": "\x1b[6~", "home": "\x1b[H", "end": "\x1b[F", "backspace": "\x7f", "space": " ",
	"ctrl+a": "\x01", "ctrl+c": "\x03", "ctrl+d": "\x04", "ctrl+e": "\x05", "ctrl+g": "\x07", "ctrl+k": "\x0b", "ctrl+r": "\x12", "ctrl+u": "\x15", "ctrl+x": "\x18",
}

// Press presses keys by their names ("enter", "down"); any other text is typed.
func (r *Robot) Press(names ...string) error {
	for _, name := range names {
		text, ok := keys[name]
		if !ok {
			text = name
		}
		if _, err := r.tty.WriteString(text); err != nil {
			return fmt.Errorf("cannot press %q: %w", name, err)
		}
	}
	return nil
}

// PressTorn presses a key whose bytes arrive one by one, as packets over a slow connection do: the next comes when the
// program has taken the last.
func (r *Robot) PressTorn(name string) error {
	number, err := unix.IoctlGetInt(int(r.tty.Fd()), unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("cannot tell which terminal this is: %w", err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer program.Close()
	late := time.Now().Add(Patience)
	for _, b := range []byte(keys[name]) {
		if err := r.Press(string(rune(b))); err != nil {
			return err
		}
		for waiting := 1; waiting > 0; {
			if waiting, err = unix.IoctlGetInt(int(program.Fd()), unix.TIOCINQ); err != nil {
				return fmt.Errorf("cannot tell what the program has read: %w", err)
			}
			if time.Now().After(late) {
				return fmt.Errorf("the program does not read what is typed")
			}
		}
	}
	return nil
}

// Keys is how many keys somebody presses for these: every letter that is typed is one.
func Keys(names ...string) int {
	count := 0
	for _, name := range names {
		if _, ok := keys[name]; ok {
			count++
		} else {
			count += utf8.RuneCountInString(name)
		}
	}
	return count
}

// Strokes is how many of these are keys beyond typed text: "enter" is one, a name is none.
func Strokes(names ...string) int {
	count := 0
	for _, name := range names {
		if _, ok := keys[name]; ok {
			count++
		}
	}
	return count
}

// Paste is what a terminal sends when text is pasted.
func (r *Robot) Paste(text string) error { return r.Press("\x1b[200~" + text + "\x1b[201~") }

// Resize changes the size of the terminal.
func (r *Robot) Resize(columns, rows int) error {
	r.mu.Lock()
	r.term.Resize(columns, rows)
	r.mu.Unlock()
	return pty.Setsize(r.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}) //nolint:gosec // small numbers
}

// Stall has the terminal take nothing any more, as when a laptop sleeps; false ends it.
func (r *Robot) Stall(stalled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled = stalled
	r.resume.Broadcast()
}

// Hangup closes the terminal under the program.
func (r *Robot) Hangup() error { return r.tty.Close() }

// Bytes is how many bytes the program has written.
func (r *Robot) Bytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}

// Raw is the last MiB that the program has written.
func (r *Robot) Raw() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.raw)
}

// Process is the program's process.
func (r *Robot) Process() *os.Process { return r.cmd.Process }

// Wait waits for the program's end and returns its exit status; a program that does not end is killed.
func (r *Robot) Wait() (int, error) {
	r.Stall(false)
	late := time.AfterFunc(Patience, func() { _ = r.cmd.Process.Kill() })
	err := r.cmd.Wait()
	if !late.Stop() {
		return -1, fmt.Errorf("the program did not end within %s; the screen is\n%s", Patience, r.Screen())
	}
	<-r.ended // what it wrote last is drawn
	_ = r.tty.Close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err
	}
	return r.cmd.ProcessState.ExitCode(), nil
}

// Kill ends the program; for cleaning up.
func (r *Robot) Kill() {
	r.Stall(false)
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	_ = r.tty.Close()
}
