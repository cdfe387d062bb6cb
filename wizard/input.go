package wizard

import (
	"cmp"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// joinTime is how long the rest of an escape sequence may be under way. Over SSH the packets of one key arrive 10 to 30
// milliseconds apart; Bubble Tea v1 would take the first part for the Esc key, which means "back" here. A lone Esc costs
// this time.
const joinTime = 60 * time.Millisecond

// input is a terminal's input on which an escape sequence is never torn. Bubble Tea needs it to be a file.
type input struct {
	*os.File
	seen func()        // called after every read that brought something
	gone func()        // called when there is nothing to be read any more
	join time.Duration // 0: joinTime
}

// Read implements io.Reader.
func (i input) Read(buffer []byte) (int, error) {
	n, err := i.File.Read(buffer)
	for err == nil && n < len(buffer) && torn(buffer[:n]) && i.more() {
		var m int
		m, err = i.File.Read(buffer[n:])
		n += m
		if m == 0 {
			break
		}
	}
	if n > 0 {
		i.seen()
		return n, nil // what came with an end is text first; the end comes again
	}
	if err != nil {
		i.gone()
	}
	return n, err
}

// more waits until there is something to read, at most the time in which the rest has to come.
func (i input) more() bool {
	fds := []unix.PollFd{{Fd: int32(i.Fd()), Events: unix.POLLIN}} //nolint:gosec // a file descriptor fits
	for deadline := time.Now().Add(cmp.Or(i.join, joinTime)); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		n, err := unix.Poll(fds, int(left.Milliseconds())+1)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n > 0 && fds[0].Revents&unix.POLLIN != 0
	}
}

// torn reports whether bytes end within an escape sequence (ECMA-48 section 5.4): after ESC alone, after the "ESC O" of a
// function key, or within the parameters of "ESC [". The longest that a keyboard sends is far below the bound.
func torn(data []byte) bool {
	const longest = 32
	for back := 1; back <= min(len(data), longest); back++ {
		if data[len(data)-back] != 0x1b {
			continue
		}
		rest := data[len(data)-back+1:]
		switch {
		case len(rest) == 0:
			return true
		case rest[0] == 'O':
			return len(rest) == 1
		case rest[0] != '[':
			return false
		}
		for _, b := range rest[1:] {
			if b >= 0x40 && b <= 0x7e {
				return false
			}
		}
		return true
	}
	return false
}
