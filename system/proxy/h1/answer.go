package h1

import (
	"bytes"
	"net/http"
)

// Answer is the head of an answer.
type Answer struct {
	head
	Status int
}

// Read reads a whole head, which Scan has found the end of.
func (a *Answer) Read(b []byte) error {
	a.reset()
	*a = Answer{head: a.head}
	line, rest, err := cutLine(b, true)
	if err != nil {
		return err
	}
	proto, words, _ := bytes.Cut(line, []byte{' '})
	code, _, _ := bytes.Cut(words, []byte{' '})
	minor, known := version(proto)
	status, number := decimal(code)
	if !known || !number || len(code) != 3 || status < 100 {
		return malformed("the status line is none", line)
	}
	a.minor, a.Status = minor, int(status)
	if err := a.readFields(rest, true); err != nil {
		return err
	}
	a.Close = a.Close || a.minor == 0 && !a.keeps()
	return nil
}

func (a *Answer) keeps() bool {
	for _, f := range a.Fields {
		if f.Kind != Connection {
			continue
		}
		for option := range Tokens(f.Value) {
			if equalFold(option, "keep-alive") {
				return true
			}
		}
	}
	return false
}

// Interim reports whether another answer follows this one. Switching protocols is the last word in HTTP.
func (a *Answer) Interim() bool { return a.Status < 200 && a.Status != http.StatusSwitchingProtocols }

// Switches reports whether what follows belongs to another protocol.
func (a *Answer) Switches() bool { return a.Status == http.StatusSwitchingProtocols }

// Bodiless reports whether nothing can follow the head, whatever it says of a length (RFC 9112 section 6.3).
func (a *Answer) Bodiless(toHEAD bool) bool {
	return toHEAD || a.Interim() || a.Status == http.StatusNoContent || a.Status == http.StatusNotModified
}

// Body follows the body of an answer to a request, which may have been HEAD. Behind a switch of protocols it is all there is.
func (a *Answer) Body(toHEAD bool) Body {
	switch {
	case a.Switches():
		return Body{kind: Unframed}
	case a.Bodiless(toHEAD):
		return Body{kind: Measured}
	}
	return Body{kind: a.Framing, left: a.Length}
}
