package h2

// leaving is how far a connection is with its end (RFC 9113 section 6.8).
type leaving uint8

const (
	staying   leaving = iota
	announced         // the client was told to open nothing more; what it has opened meanwhile is under way
	decided           // and which stream was the last
)

// drainPing comes back behind all that the client has opened before it knew.
var drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}

// Drain has the connection end when what is asked on it is answered. The client is told first, and what it opens until it
// can know counts. Whoever calls it again does not wait for that.
func (c *Conn) Drain() {
	switch {
	case c.over || c.leaving == decided:
	case c.leaving == announced:
		c.decide()
	default:
		c.begin()
		c.leaving = announced
		c.out = appendGoAway(c.out, maxStream, NoError)
		c.out = appendPing(c.out, 0, drainPing[:])
	}
}

// decide has no stream count that is not there.
func (c *Conn) decide() {
	c.leaving = decided
	c.out = appendGoAway(c.out, c.counts, NoError)
	c.left()
}

// left ends a connection that has nothing left to do.
func (c *Conn) left() {
	if c.leaving == decided && len(c.streams) == 0 {
		c.finish(NoError, nil)
	}
}
