package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// chunks follows a chunked body (RFC 9112 section 7.1) to its end, and takes nothing for one that another reader might
// not.
type chunks struct {
	part chunkPart
	line []byte // as far as it has come
	left uint64 // bytes of data still to come
}

type chunkPart int

const (
	chunkSize chunkPart = iota
	chunkData
	chunkEnd // the line end behind the data
	chunkTrailer
)

// maxChunkLine bounds a line of a chunked body: its size with extensions, or a trailer.
const maxChunkLine = 4 << 10

// follow returns how many of the bytes belong to the body, and whether it ends with them.
func (c *chunks) follow(p []byte) (n int, end bool, err error) {
	for n < len(p) && !end && err == nil {
		if c.part == chunkData {
			step := min(c.left, uint64(len(p)-n))
			if c.left -= step; c.left == 0 {
				c.part = chunkEnd
			}
			n += int(step)
			continue
		}
		i := bytes.IndexByte(p[n:], '\n')
		stop := n + i + 1
		if i < 0 {
			stop = len(p)
		}
		c.line = append(c.line, p[n:stop]...)
		if len(c.line) > maxChunkLine {
			return n, false, fmt.Errorf("a line of the upstream's chunks is too long: %.60q", c.line)
		}
		if n = stop; i >= 0 {
			end, err = c.take(string(c.line))
			c.line = c.line[:0]
		}
	}
	return n, end, err
}

// take looks at a line, and reports whether it is the last.
func (c *chunks) take(line string) (end bool, err error) {
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\x00") {
		return false, fmt.Errorf("a line of the upstream's chunks can be read in two ways: %.60q", line)
	}
	switch c.part {
	case chunkSize:
		digits, _, _ := strings.Cut(text, ";")
		c.left, err = strconv.ParseUint(strings.TrimRight(digits, " \t"), 16, 62)
		if c.part = chunkData; c.left == 0 {
			c.part = chunkTrailer
		}
	case chunkEnd:
		if c.part = chunkSize; text != "" {
			err = fmt.Errorf("the upstream's chunk goes on behind its end: %.60q", text)
		}
	case chunkTrailer:
		end = text == ""
	case chunkData: // has no lines
	}
	return end, err
}
