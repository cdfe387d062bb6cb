package h1

// Body follows the body of a message to its end.
type Body struct {
	kind   Framing
	left   uint64
	chunks Chunks
}

// Next returns the first piece of the body in what has come, and how many bytes that took: it is called until those are
// used up or the body has ended. Between pieces there may be bytes that are of no piece.
func (b *Body) Next(p []byte) (piece []byte, n int, end bool, err error) {
	switch b.kind {
	case Chunked:
		return b.chunks.Next(p)
	case Measured:
		n = int(min(b.left, uint64(len(p))))
		b.left -= uint64(n)
		return p[:n], n, b.left == 0, nil
	case Unframed:
	}
	return p, len(p), false, nil
}

// Left is how many bytes are still to come; false when only they will tell.
func (b *Body) Left() (n uint64, known bool) { return b.left, b.kind == Measured }

// UntilEnd reports whether the body ends with the connection.
func (b *Body) UntilEnd() bool { return b.kind == Unframed }

// Trailer is what came behind a chunked body that has ended.
func (b *Body) Trailer() []Field { return b.chunks.Trailer() }
