package h2

import "github.com/c93d5bcb/sslwizard/system/proxy/h1"

// Event is what a client did, or may be done for it now.
type Event struct {
	Kind    Kind
	Stream  *Stream
	Request *Request   // of Asked
	Data    []byte     // of Data
	Trailer []h1.Field // of Ended
	Code    Code       // of Closed and Over
	Fault   *Fault     // of Closed and Over, when something was wrong
}

// Kind is the kind of an Event.
type Kind uint8

// Kinds of events.
const (
	Nothing  Kind = iota // all that was given is used up, and nothing can be done
	Asked                // a request has come, the first of its stream
	Data                 // a piece of the body of a request
	Ended                // a request that had more than its head is whole
	Writable             // it is the turn of a stream that was told to wait
	Closed               // a stream is over, for this reason, and must not be used after the next call of Next
	Acked                // the client has our settings
	Over                 // the connection is over: what is in Out is the last
)
