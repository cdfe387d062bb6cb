package native

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// What waits for a log is bounded, and so is how long the end of the service waits for it.
const (
	waitingLines = 4096
	batchBytes   = 64 << 10
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
	missed   atomic.Uint64 // of the lost ones, those for which there was no room and nobody was told of
	lines    chan []byte
	stop     chan struct{}
	done     chan struct{}
	told     time.Time
}

func newLogWriter(to sink, lost *atomic.Uint64, complain func(error)) *logWriter {
	w := &logWriter{to: to, complain: complain, lost: lost,
		lines: make(chan []byte, waitingLines), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *logWriter) write(line []byte) {
	select {
	case <-w.stop: // of a request that had begun when its site was still logged here
		w.lost.Add(1)
		return
	default:
	}
	select {
	case w.lines <- line:
	default:
		w.lost.Add(1)
		w.missed.Add(1)
	}
}

// Write implements io.Writer, for a line. It never fails: whoever logs has nobody to tell.
func (w *logWriter) Write(line []byte) (int, error) {
	w.write(slices.Clone(line))
	return len(line), nil
}

// end has what waits written, and gives up when that does not go in time: a disk can hang for ever.
func (w *logWriter) end() {
	close(w.stop)
	select {
	case <-w.done:
	case <-time.After(endTime):
	}
}

func (w *logWriter) run() {
	defer close(w.done)
	defer w.to.close()
	for {
		select {
		case line := <-w.lines:
			w.put(line)
		case <-w.stop:
			for {
				select {
				case line := <-w.lines:
					w.put(line)
				default:
					return
				}
			}
		}
	}
}

// put writes a line with those that wait behind it.
func (w *logWriter) put(batch []byte) {
	count := uint64(1)
	for more := true; more && len(batch) < batchBytes; {
		select {
		case line := <-w.lines:
			batch = append(batch, line...)
			count++
		default:
			more = false
		}
	}
	out, err := w.to.open()
	if err == nil {
		_, err = out.Write(batch)
	}
	if err == nil {
		if n := w.missed.Swap(0); n > 0 { // once for each time that it stood still
			w.complain(fmt.Errorf("%w: %d lines", errNoRoom, n))
		}
		return
	}
	w.lost.Add(count)
	if now := time.Now(); now.Sub(w.told) > complainTime {
		w.told = now
		w.complain(err)
	}
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
