package h1

import "bytes"

// Scan finds the end of a head in bytes that grow, and looks at none of them twice. The zero value begins at the first.
type Scan struct {
	line int // where the line begins that has no end yet
}

// End is the length of the head with the empty line that ends it, or 0 as long as that has not come. An empty line ends
// a head however it is written; whether it may be written so is for whoever reads the head.
func (s *Scan) End(b []byte) int {
	for {
		i := bytes.IndexByte(b[s.line:], '\n')
		if i < 0 {
			return 0
		}
		line, first := b[s.line:s.line+i], s.line == 0
		s.line += i + 1
		if !first && (len(line) == 0 || len(line) == 1 && line[0] == '\r') {
			end := s.line
			s.line = 0
			return end
		}
	}
}
