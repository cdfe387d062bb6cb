package native

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What waits for a log is bounded, and so is how long the end of the service waits for it.
const (
	waitingLines = 4096
	mostRoom     = 256 << 10 // that is kept for the next lines
	gatherTime   = 50 * time.Millisecond
	endTime      = 2 * time.Second
	complainTime = time.Minute // between two complaints
)

var errNoRoom = errors.New("what it is written to stood still")

// sink is where lines end up.
type sink interface {
	open() (io.Writer, error) // before each batch
	close()
}

// standing is a sink that is there all the time.
type standing struct{ io.Writer }

func (s standing) open() (io.Writer, error) { return s.Writer, nil }
func (standing) close()                     {}

// logWriter writes lines one behind the other, on its own time: who writes to it never waits. Lines for which there is no
// room, and those that could not be written, are lost and counted.
type logWriter struct {
	to       sink
	complain func(error)
	lost     *atomic.Uint64
	gather   time.Duration // how long the first line waits for others: each time that somebody is woken costs more than a line
	begun    chan struct{} // there is a line
	hurry    chan struct{} // there are many
	stop     chan struct{}
	done     chan struct{}
	told     time.Time

	mu      sync.Mutex
	waiting []byte
	lines   int
	missed  int // of the lost ones, those for which there was no room and nobody was told of
	stopped bool
}

func newLogWriter(to sink, lost *atomic.Uint64, gather time.Duration, complain func(error)) *logWriter {
	w := &logWriter{to: to, complain: complain, lost: lost, gather: gather,
		begun: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// add has somebody append a line, if there is room.
func (w *logWriter) add(form func([]byte) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped: // of a request that had begun when its site was still logged here
		w.lost.Add(1)
		return
	case w.lines == waitingLines:
		w.lost.Add(1)
		w.missed++
		return
	}
	w.waiting = form(w.waiting)
	w.lines++
	switch w.lines {
	case 1:
		tell(w.begun)
	case waitingLines / 4:
		tell(w.hurry)
	}
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Write implements io.Writer, for a line. It never fails: whoever logs has nobody to tell.
func (w *logWriter) Write(line []byte) (int, error) {
	w.add(func(b []byte) []byte { return append(b, line...) })
	return len(line), nil
}

// end has what waits written, and gives up when that does not go in time: a disk can hang for ever.
func (w *logWriter) end() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	close(w.stop)
	select {
	case <-w.done:
	case <-time.After(endTime):
	}
}

func (w *logWriter) run() {
	defer close(w.done)
	defer w.to.close()
	var room []byte
	for {
		select {
		case <-w.begun:
			w.wait()
			room = w.put(room)
		case <-w.stop:
			w.put(room)
			return
		}
	}
}

// wait gives others the time to come.
func (w *logWriter) wait() {
	if w.gather == 0 {
		return
	}
	timer := time.NewTimer(w.gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.hurry:
	case <-w.stop:
	}
}

// put writes what waits, and returns room for what comes later. The room given is what is waited in meanwhile.
func (w *logWriter) put(room []byte) []byte {
	w.mu.Lock()
	batch, count, missed := w.waiting, w.lines, w.missed
	w.waiting, w.lines, w.missed = room[:0], 0, 0
	w.mu.Unlock()
	if count == 0 {
		return batch
	}
	out, err := w.to.open()
	if err == nil {
		_, err = out.Write(batch)
	}
	switch {
	case err != nil:
		w.lost.Add(uint64(count)) //nolint:gosec // no negative number
		if now := time.Now(); now.Sub(w.told) > complainTime {
			w.told = now
			w.complain(err)
		}
	case missed > 0: // once for each time that it stood still
		w.complain(fmt.Errorf("%w: %d lines", errNoRoom, missed))
	}
	if cap(batch) > mostRoom {
		return nil
	}
	return batch
}

// logFile is a file to which lines are added. It may be moved away at any time: the next batch goes into a new one.
type logFile struct {
	path string
	file *os.File
	info os.FileInfo
}

// open returns the file that has the path now, and makes it where there is none.
func (f *logFile) open() (io.Writer, error) {
	there, err := os.Stat(f.path)
	if f.file != nil && err == nil && os.SameFile(there, f.info) {
		return f.file, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f.close()
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f.file, f.info = file, info
	return file, nil
}

func (f *logFile) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
