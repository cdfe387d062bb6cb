package h1

import (
	"bytes"
	"errors"
)

// Chunks follows a chunked body (RFC 9112 section 7.1) to its end.
type Chunks struct {
	part    chunkPart
	line    []byte // as far as it has come
	left    uint64 // bytes of data still to come
	waste   int    // bytes that were no data, less what the data makes up for
	trailer []byte // the lines behind the last chunk
	strict  bool   // a trailer that is no field is a fault
}

type chunkPart uint8

const (
	chunkSize chunkPart = iota
	chunkData
	chunkEnd // the line end behind the data
	chunkTrailer
)

// What a chunked body may have beside its data.
const (
	maxChunkLine = 4 << 10  // a size with its extensions, or a trailer
	maxTrailer   = 16 << 10 // all of them
	maxWaste     = 16 << 10 // sizes and extensions beyond what is usual
	usualWaste   = 16       // of each chunk
)

var (
	errChunkLine = errors.New("a line of the chunks is too long")
	errTrailer   = errors.New("the trailers are too long")
	errWaste     = errors.New("there is more of chunks than of data")
)

// Next returns the first piece of data in what has come, and how many bytes that took; see Body.
func (c *Chunks) Next(p []byte) (piece []byte, n int, end bool, err error) {
	for n < len(p) {
		if c.part == chunkData {
			step := int(min(c.left, uint64(len(p)-n)))
			if c.left -= uint64(step); c.left == 0 {
				c.part = chunkEnd
			}
			return p[n : n+step], n + step, false, nil
		}
		step, line := c.collect(p[n:])
		n += step
		if len(c.line) > maxChunkLine {
			return nil, n, false, errChunkLine
		}
		if line == nil {
			continue
		}
		if end, err = c.take(line); end || err != nil {
			return nil, n, end, err
		}
	}
	return nil, n, false, nil
}

// collect returns the line when it is whole, with its end, and how many bytes of p are of it.
func (c *Chunks) collect(p []byte) (n int, line []byte) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		c.line = append(c.line, p...)
		return len(p), nil
	}
	c.line = append(c.line, p[:i+1]...)
	return i + 1, c.line
}

// take looks at a line, and reports whether it is the last.
func (c *Chunks) take(whole []byte) (end bool, err error) {
	line, _, err := cutLine(whole, false)
	if err != nil {
		return false, err
	}
	switch c.part {
	case chunkSize:
		err = c.takeSize(line)
	case chunkEnd:
		if c.part = chunkSize; len(line) > 0 {
			err = malformed("a chunk goes on behind its end", line)
		}
	case chunkTrailer:
		end = len(line) == 0
		if name, value, ok := bytes.Cut(line, []byte{':'}); c.strict && !end && (!ok || !token(name) || !text(trim(value))) {
			return false, malformed("a trailer is no field", line)
		}
		c.trailer = append(c.trailer, whole...)
		if len(c.trailer) > maxTrailer {
			err = errTrailer
		}
	case chunkData: // has no lines
	}
	c.line = c.line[:0]
	return end, err
}

func (c *Chunks) takeSize(line []byte) error {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	size, ok := hexadecimal(bytes.TrimRight(digits, " \t"))
	if !ok {
		return malformed("the size of a chunk is none", line)
	}
	c.left = size
	if c.part = chunkData; size == 0 {
		c.part = chunkTrailer
		return nil
	}
	c.waste = max(0, c.waste+len(line)-usualWaste-int(min(size, maxWaste)))
	if c.waste > maxWaste {
		return errWaste
	}
	return nil
}

// Trailer are the fields behind the last chunk. What is no field is left out, and so is what frames a message.
func (c *Chunks) Trailer() []Field {
	var out []Field
	for rest := c.trailer; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		name, value, ok := bytes.Cut(bytes.TrimSuffix(line, []byte{'\r'}), []byte{':'})
		if ok && token(name) && text(trim(value)) && kindOf(name) == Other {
			out = append(out, Field{Name: name, Value: trim(value)})
		}
	}
	return out
}

// hexadecimal reads a size of less than 2^60 bytes.
func hexadecimal(b []byte) (n uint64, ok bool) {
	const digits = 15
	if len(b) == 0 || len(b) > digits {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}
