package h1

import (
	"fmt"
	"net/http"
)

// Fault is what is wrong with a message. Whoever sent it cannot be understood any more: the connection ends.
type Fault struct {
	Status int // that says so to a client
	Text   string
}

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// malformed is a fault that quotes a little of what was read.
func malformed(text string, quoted []byte) error {
	const most = 40
	return &Fault{http.StatusBadRequest, fmt.Sprintf("%s: %q", text, quoted[:min(len(quoted), most)])}
}
