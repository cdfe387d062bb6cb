package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// lingerTime is how long what is left of a body is still taken after the answer: a client that sends all before it reads
// would lose the answer to a reset.
const lingerTime = 500 * time.Millisecond

// clientBody is a request body. A client that stops sending for too long is cut, and so is one that goes on and on with
// less than nothing; its faults are told from the upstream's.
type clientBody struct {
	body  io.ReadCloser
	x     *exchange
	mu    sync.Mutex // orders what follows with the deadline that goes with it
	until time.Time  // how long the client may be silent
	pace  pace
	done  bool // nothing more will come
	read  bool // to its end
	left  bool // nobody reads it any more
	given bool // the upstream has a piece to take, and that is measured
}

// Read implements io.Reader.
func (b *clientBody) Read(p []byte) (int, error) {
	x := b.x
	x.silence.pause()
	defer x.silence.resume()
	b.give(false)
	if !b.allowRead() {
		return 0, http.ErrBodyReadAfterClose
	}
	began := time.Now()
	n, err := b.body.Read(p)
	b.came(n, time.Since(began))
	b.give(n > 0 && err == nil)
	if errors.Is(err, io.EOF) {
		if malformed := x.trailed(); malformed != nil {
			err = malformed
		}
	}
	if err != nil {
		b.ended(err)
		x.blameClient(err)
	}
	return n, err
}

// give notes whether the upstream has a piece to take.
func (b *clientBody) give(piece bool) {
	switch {
	case !b.x.lenient || b.given == piece:
	case piece:
		b.x.silence.resume()
	default:
		b.x.silence.pause()
	}
	b.given = piece && b.x.lenient
}

// Close does nothing on HTTP/1: there it would wait for whoever reads, and that one for the client, before the answer is
// sent. leave closes it.
func (b *clientBody) Close() error {
	if b.x.in.ProtoMajor == 1 {
		return nil
	}
	return b.body.Close()
}

func (b *clientBody) allowRead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.left {
		b.extend()
	}
	return !b.left
}

func (b *clientBody) extend() {
	b.until = time.Now().Add(b.pace.wait())
	_ = b.x.control.SetReadDeadline(b.until)
}

func (b *clientBody) came(n int, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.came(n, waited)
}

// answered is for an exchange that goes both ways at once, as a stream of gRPC does: a client that takes what it is sent
// is there, and may be silent for as long again.
func (b *clientBody) answered() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.loose = true
	if !b.left && !b.done && time.Until(b.until) < b.x.patience()*3/4 { // each one costs a timer
		b.extend()
	}
}

func (b *clientBody) ended(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done, b.read = true, b.read || errors.Is(err, io.EOF)
	if !b.left {
		_ = b.x.control.SetReadDeadline(time.Time{}) // net/http reads on by itself to see the client leave
	}
}

// unread reports whether there may be more of the body.
func (b *clientBody) unread() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

// abandon has whoever waits for more of the body come back. An upstream of HTTP/2 has ended its stream, and net/http
// waits there for the body to end too before it says so.
func (b *clientBody) abandon() {
	if !b.unread() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = true
	_ = b.x.control.SetReadDeadline(time.Now())
}

// leave has nobody read the body any more: when it returns, the upstream's side does not touch the connection. After a
// whole answer, which is sent first, a little of what is left of the body is still taken.
func (b *clientBody) leave(whole bool) {
	if !b.unread() {
		return
	}
	if b.x.in.ProtoMajor != 1 {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.left = true
		return
	}
	deadline := time.Now()
	if whole {
		_ = b.x.FlushError()
		deadline = deadline.Add(lingerTime)
	}
	b.mu.Lock()
	b.left = true
	_ = b.x.control.SetReadDeadline(deadline)
	b.mu.Unlock()
	_ = b.body.Close()
}

// newBody is the body of the exchange's request.
func (x *exchange) newBody(from io.ReadCloser) *clientBody {
	return &clientBody{body: from, x: x, pace: x.newPace()}
}

// tooLarge tells the owner: what a visitor could not upload, he alone can allow.
func (x *exchange) tooLarge() {
	x.server.cuts.tell(faultLarge, "a request's body is larger than proxy.maxBody: it is answered with 413", "site", x.site.Name, "limit", x.site.Proxy.MaxBody)
}

func (x *exchange) blameClient(err error) {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
	case errors.As(err, &large):
		x.tooLarge()
		x.fault.Store(&clientFault{http.StatusRequestEntityTooLarge})
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.server.cuts.count(cutBody)
		x.fault.Store(&clientFault{http.StatusRequestTimeout})
	default:
		x.fault.Store(&clientFault{http.StatusBadRequest})
	}
}
