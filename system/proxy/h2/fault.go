package h2

// Fault is what a client did wrong, or too much of. It ends a stream, or the connection.
type Fault struct {
	Code Code // that the client is told
	Text string
}

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// What a client may not do in vain without end; see budget.
var (
	ErrResets = &Fault{EnhanceYourCalm, "too many requests were taken back or broken off"}
	ErrFrames = &Fault{EnhanceYourCalm, "too many frames carried nothing"}
	ErrDeaf   = &Fault{EnhanceYourCalm, "too much was asked for and not taken"}
)
