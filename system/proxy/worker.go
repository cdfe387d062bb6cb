package proxy

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/system/proxy/h2"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// worker is a loop and what it has: its clients, and its own connections to upstreams. But for what is posted, all that it
// does is done by the goroutine of the loop.
type worker struct {
	plane    *loopPlane
	server   *Server
	loop     *loop.Loop
	callers  map[caller]bool
	idle     map[*transport][]*backend // the last that came back is the first to go: the others may become old
	jobs     []*job                    // for their next use
	own      []fieldText               // room for the fields that are ours
	room     fieldRoom                 // and for those of an answer
	h2       *h2.Server
	members  []*member  // for their next use
	rooms    loop.Rooms // for what is said in HTTP/2
	date     string
	dated    int64 // the second that it is for
	draining bool
	stopped  bool // nobody comes any more
}

const maxSpareJobs = 256

func newWorker(l *loopPlane) (*worker, error) {
	w := &worker{plane: l, rooms: loop.Rooms{New: partyRoom, Spare: maxRooms}, server: l.server, h2: newH2Server(), callers: map[caller]bool{}, idle: map[*transport][]*backend{}}
	var err error
	w.loop, err = loop.New(l.panicked)
	return w, err
}

func (w *worker) run() {
	if err := w.loop.Run(); err != nil {
		w.plane.lose(fmt.Errorf("an event loop has ended: %w", err))
	}
}

// admit begins with a connection.
func (w *worker) admit(v caller, fd int) {
	s, err := w.loop.Open(fd, v.arrived().secure, v)
	if err != nil {
		w.lose(v, fd)
		return
	}
	w.callers[v] = true
	v.arrived().stream = s
	s.Do(func() { v.begin(w, s) })
	if w.draining {
		s.Do(v.ebb)
	}
}

// lose ends a connection that no loop can take.
func (w *worker) lose(v caller, fd int) {
	_ = unix.Close(fd)
	v.arrived().leave()
	w.plane.guests.Add(-1)
}

// forget is told that a client has gone.
func (w *worker) forget(v caller) { delete(w.callers, v) }

// drain has every client get one more answer at most on its connection, or what it has asked for already.
func (w *worker) drain() {
	w.draining = true
	for v := range w.callers {
		v.arrived().stream.Do(v.ebb)
	}
}

// cut ends them all.
func (w *worker) cut() {
	for v := range w.callers {
		v.arrived().stream.Do(v.abort)
	}
}

// stop ends the loop, when the last connection is closed.
func (w *worker) stop() {
	w.close(func(*transport) bool { return true })
	w.stopped = true
	w.loop.Stop()
}

// retire closes what waits for requests to upstreams that nobody is sent to any more.
func (w *worker) retire() {
	used := map[*transport]bool{}
	for _, one := range w.server.table().transports() {
		used[one] = true
	}
	w.close(func(to *transport) bool { return !used[to] })
}

// close closes what waits for requests to some upstreams.
func (w *worker) close(which func(*transport) bool) {
	for to, some := range w.idle {
		if which(to) {
			delete(w.idle, to)
			for _, b := range some {
				b.drop()
			}
		}
	}
}

// now is the time as a field of an answer.
func (w *worker) httpDate() string {
	if second := w.loop.Now().Unix(); second != w.dated {
		w.dated, w.date = second, w.loop.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return w.date
}

// job is one for a request.
func (w *worker) job(by asker, on *arrival) *job {
	if n := len(w.jobs); n > 0 {
		j := w.jobs[n-1]
		w.jobs = w.jobs[:n-1]
		j.serve(by, on)
		return j
	}
	return newJob(w, by, on)
}

func (w *worker) freeJob(j *job) {
	j.reset()
	if len(w.jobs) < maxSpareJobs {
		w.jobs = append(w.jobs, j)
	} else {
		j.quiet.Free()
		j.slow.Free()
	}
}

// take returns a connection to the upstream that waits for a request; nil when there is none. sure asks the kernel whether
// it is still good: for what cannot be sent twice.
func (w *worker) take(to *transport, sure bool) *backend {
	some := w.idle[to]
	for len(some) > 0 {
		b := some[len(some)-1]
		some[len(some)-1] = nil
		some = some[:len(some)-1]
		w.idle[to] = some
		b.waits = false
		to.idle.Add(-1)
		if b.stream.Quiet(sure) {
			b.clock.Stop()
			return b
		}
		b.drop() // something has come that nobody asked for, or its end
	}
	return nil
}

// keep has a connection wait for the next request.
func (w *worker) keep(b *backend) {
	if w.stopped || !b.to.spare() {
		b.drop()
		return
	}
	b.waits = true
	w.idle[b.to] = append(w.idle[b.to], b)
	b.clock.Set(w.loop.Now().Add(upstreamIdle))
}

// leave takes one out that does not wait any more.
func (w *worker) leave(b *backend) {
	some := w.idle[b.to]
	b.waits = false
	b.to.idle.Add(-1)
	for i, one := range some {
		if one == b {
			w.idle[b.to] = append(some[:i], some[i+1:]...)
			return
		}
	}
}

// dial connects to an upstream, aside: names have to be looked up. What comes of it is told to done, in the loop; a
// connection that comes too late for whoever asked is a spare one.
func (w *worker) dial(to *transport, done func(*backend, error)) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), to.dial+time.Second)
		defer cancel()
		conn, err := to.connect(ctx)
		var fd int
		if err == nil {
			fd, err = descriptorOf(conn)
		}
		if !w.loop.Post(func() { w.dialled(to, fd, err, done) }) && err == nil {
			_ = unix.Close(fd)
		}
	}()
}

func descriptorOf(conn net.Conn) (int, error) {
	fd, err := takeDescriptor(conn)
	if err != nil {
		_ = conn.Close()
	}
	return fd, err
}

func (w *worker) dialled(to *transport, fd int, err error, done func(*backend, error)) {
	if err != nil {
		done(nil, err)
		return
	}
	b := &backend{worker: w, to: to}
	if b.stream, err = w.loop.Open(fd, nil, b); err != nil {
		_ = unix.Close(fd)
		done(nil, err)
		return
	}
	b.stream.Hears, b.stream.Done = true, b.closed
	b.clock = b.stream.Timer(b.drop)
	done(b, nil)
}
