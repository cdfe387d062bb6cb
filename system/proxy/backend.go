package proxy

import (
	"fmt"
	"net/http"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// backend is a connection of a loop to an upstream. It is lent to one request after the other.
type backend struct {
	worker *worker
	to     *transport
	stream *loop.Stream
	clock  loop.Timer // while nobody has it
	job    *job       // that has it
	used   bool       // there was a request before
	heard  bool       // something of the answer has come
	waits  bool       // for a request, among the others
	ended  bool       // nothing more can come
	scan   h1.Scan
	before int    // bytes of the answers that another one follows
	mark   uint64 // bytes that were sent before this request
	answer h1.Answer
	body   h1.Body
}

var _ loop.Handler = (*backend)(nil)

// begin has a request be sent on it.
func (b *backend) begin(j *job) {
	b.job, b.heard, b.scan, b.before = j, false, h1.Scan{}, 0
	b.mark = b.stream.Sent()
}

// untouched reports whether nothing of the request can have arrived.
func (b *backend) untouched() bool { return !b.heard && b.stream.Sent() == b.mark }

// Came implements loop.Handler.
func (b *backend) Came(p []byte) int {
	j := b.job
	if j == nil { // nobody has asked for that
		b.drop()
		return len(p)
	}
	b.heard = true
	if j.answered {
		return j.cameOfAnswer(p)
	}
	size := b.scan.End(p)
	if size == 0 {
		if len(p) > maxUpstreamHeader {
			b.wrong(errLongHead)
		}
		j.clock()
		return 0
	}
	if !j.by.takesHead() {
		b.stream.Pause()
		j.clock()
		return 0
	}
	b.head(p[:size])
	return size
}

// head takes the head of an answer.
func (b *backend) head(p []byte) {
	err := b.answer.Read(p)
	switch {
	case err != nil:
		b.wrong(fmt.Errorf("the upstream's answer is wrong: %w", err))
	case b.answer.Switches() && b.job.upgrade && switchesTo(&b.answer, "websocket"):
		b.job.join(&b.answer)
	case b.answer.Switches():
		b.wrong(errProtocol)
	case b.answer.Interim():
		if b.before += len(p); b.before > maxUpstreamHeader {
			b.wrong(errLongHead)
		} else {
			b.job.interim(&b.answer)
		}
	default:
		b.job.answer(&b.answer)
	}
}

// wrong ends a request whose answer cannot be understood.
func (b *backend) wrong(err error) {
	b.job.x.attempt.to.health.count()
	b.job.fail(http.StatusBadGateway, err)
}

// Ended implements loop.Handler.
func (b *backend) Ended(err error) {
	if b.job != nil {
		b.job.backEnded(err)
		return
	}
	b.drop()
}

// Room implements loop.Handler.
func (b *backend) Room() {
	if b.job != nil {
		b.job.backHasRoom()
	}
}

// release takes it from the request that had it. It is kept for the next where there is no doubt about what it would say.
func (b *backend) release(whole bool) {
	b.job, b.used = nil, true
	if !whole || b.ended || b.answer.Close || b.body.UntilEnd() || b.stream.Pending() > 0 || b.stream.Kept() > 0 {
		b.drop()
		return
	}
	b.stream.Resume()
	b.worker.keep(b)
}

// closed is told when the connection is. Where that was not our doing, a fault has ended it, and the request has nobody.
func (b *backend) closed() {
	if j := b.job; j != nil {
		b.job, j.back = nil, nil
		j.by.abort()
	}
}

// drop closes it.
func (b *backend) drop() {
	b.job = nil
	b.clock.Free()
	b.stream.Close()
	if b.waits {
		b.worker.leave(b)
	}
}
