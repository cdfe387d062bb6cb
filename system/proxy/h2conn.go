package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// What a client of HTTP/2 may do in vain on one connection. net/http bounds the memory of it, not the work, and closes
// no connection because of it.
const (
	// Requests that the client takes back, or makes us refuse, before there is an answer (rapid reset, CVE-2023-44487;
	// MadeYouReset, CVE-2025-8671), or opens beyond maxStreams. The upstream goes on with what it has begun, so these go
	// around maxStreams. Every request that is answered allows one more: a page that cancels a search at every key or the
	// tiles of a map stays far below. With maxStreams that is less than the 5*maxStreams at which net/http closes a
	// connection by itself: it is ended here, where it is counted and logged.
	vainRequests          = 300
	vainRequestsPerSecond = 10
	// Frames that carry nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA and what is unknown.
	vainFrames          = 10_000
	vainFramesPerSecond = 10
	// Frames of that kind that go with a request, and with a frame of an answer.
	framesOfRequest = 20
	framesOfAnswer  = 4
)

// goAwayTime is how long a connection that is ended stays for its GOAWAY.
const goAwayTime = time.Second

// h2Conn is a connection of HTTP/2 whose frames are counted both ways. One on which too much happens in vain is ended.
// To net/http it is one without TLS, for what has TLS it reads by itself.
type h2Conn struct {
	net.Conn // is secure
	secure   *tls.Conn
	ended    func(reason string)
	writing  sync.Mutex // one frame behind the other

	mu       sync.Mutex
	in, out  h2Frames
	last     uint32          // stream that the client opened
	open     map[uint32]bool // streams without the end of an answer, maxStreams at most; true: it has begun
	requests budget
	frames   budget
	flood    string // the reason to end it
	told     bool   // the client was told
}

func newH2Conn(c *tls.Conn, ended func(reason string)) *h2Conn {
	return &h2Conn{
		Conn: c, secure: c, ended: ended, in: h2Frames{skip: len(http2.ClientPreface)}, open: map[uint32]bool{},
		requests: newBudget(vainRequests, vainRequestsPerSecond), frames: newBudget(vainFrames, vainFramesPerSecond),
	}
}

// Read implements net.Conn. A flood is the last that is read.
func (c *h2Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if reason := c.heard(p[:n]); reason != "" {
		c.ended(reason)
		c.leave()
		return 0, io.EOF
	}
	return n, err
}

func (c *h2Conn) heard(p []byte) (flood string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in.follow(p, c.asked)
	return c.flood
}

// leave gives the client a moment to read why its connection ends: while more comes of it, closing would take that away.
func (c *h2Conn) leave() {
	_ = c.SetDeadline(time.Now().Add(goAwayTime))
	c.writing.Lock() // a write that the client does not take ends then
	c.goAway()
	c.writing.Unlock()
	_, _ = io.Copy(io.Discard, c.secure.NetConn())
}

// Write implements net.Conn.
func (c *h2Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.out.follow(p, c.answered)
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	if err == nil {
		c.goAway()
	}
	return n, err
}

// goAway tells the client why its connection ends (RFC 9113 section 6.8), once, as soon as that comes between two frames.
func (c *h2Conn) goAway() {
	c.mu.Lock()
	due, last := c.flood != "" && !c.told && c.out.between(), c.last
	c.told = c.told || due
	c.mu.Unlock()
	if due {
		_ = http2.NewFramer(c.Conn, nil).WriteGoAway(last, http2.ErrCodeEnhanceYourCalm, nil)
	}
}

// asked notes a frame of the client.
func (c *h2Conn) asked(f h2Frame) {
	switch {
	case f.kind == http2.FrameHeaders && f.stream > c.last:
		c.last = f.stream
		c.frames.earn(framesOfRequest)
		c.opened(f.stream)
		return
	case f.kind == http2.FrameHeaders, f.kind == http2.FrameData && (f.length > 0 || f.flags.Has(http2.FlagDataEndStream)):
		return
	case f.kind == http2.FrameRSTStream:
		begun, open := c.open[f.stream]
		delete(c.open, f.stream)
		c.inVain(open && !begun)
	}
	if !c.frames.spend() {
		c.flood = cutFrames
	}
}

// opened notes a new stream. One beyond those that the client may have open is in vain already, for its reset may wait long
// to be written.
func (c *h2Conn) opened(stream uint32) {
	if len(c.open) >= maxStreams {
		c.inVain(true)
		return
	}
	c.open[stream] = false
}

// answered notes a frame of ours.
func (c *h2Conn) answered(f h2Frame) {
	_, open := c.open[f.stream]
	switch {
	case f.kind == http2.FrameRSTStream:
		delete(c.open, f.stream)
		c.inVain(open && clientsFault(f.code))
	case f.kind != http2.FrameHeaders && f.kind != http2.FrameData: // no part of an answer
	case f.flags.Has(http2.FlagDataEndStream): // HEADERS has the same flag
		delete(c.open, f.stream)
		c.requests.earn(1)
		c.frames.earn(framesOfAnswer)
	default:
		if open {
			c.open[f.stream] = true
		}
		c.frames.earn(framesOfAnswer)
	}
}

func (c *h2Conn) inVain(request bool) {
	if request && !c.requests.spend() {
		c.flood = cutResets
	}
}

// clientsFault reports whether a stream that we reset with this code was reset because of what the client did.
func clientsFault(code http2.ErrCode) bool {
	switch code {
	case http2.ErrCodeNo, http2.ErrCodeInternal, http2.ErrCodeCancel:
		return false // an answer that ended before the body of its request, or that broke behind us
	default:
		return true
	}
}
