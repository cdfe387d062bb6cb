package proxy

import "time"

// limits are how long a client may take, and how much there may be of what it sends. docs/proxy.md has them all.
type limits struct {
	handshake time.Duration // of TLS, from the first byte to the last, whatever comes in between
	header    time.Duration // of a request, likewise
	idle      time.Duration // between two requests of a connection
	take      time.Duration // to take a piece of an answer
	taking    time.Duration // for an upstream to take a piece of a body, where the site has no time for its silence
	rate      float64       // bytes of a body that have to come in a second in which they are waited for
	fields    int           // of the head of a request
}

// ordinary are the limits of a Server; only tests have others. net/http has none of time by default, and a client that
// sends a byte a minute would hold a connection for ever.
var ordinary = limits{
	handshake: 10 * time.Second,
	header:    10 * time.Second,
	idle:      120 * time.Second,
	take:      32 * time.Second, // half a kilobyte in a second: half of what the slowest links of telephones have
	taking:    time.Minute,
	rate:      128, // a tenth of that, for several uploads may share it
	fields:    128, // Apache has 100 and HAProxy 101; a browser sends 20, and what is before us adds some
}
