package main

// known are the deviations of our own proxy that are left, with what speaks for leaving them. Whoever finds a way to be
// without one takes it out here; a test fails when one goes as it should.
var known = map[string]string{
	`http2/6.5.3: Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE`:                                          "net/http closes a connection that sends the same setting twice in one frame; no client does, and it bounds what a flood of settings costs",
	`http2/8.1.2.2: Sends a HEADERS frame that contains the connection-specific header field`:                     "net/http refuses the request with 400 where h2spec wants the stream reset; RFC 9113 section 8.1.1 allows an answer, and nothing reaches the application",
	`http2/8.1.2.2: Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`: "net/http refuses the request with 400 where h2spec wants the stream reset; RFC 9113 section 8.1.1 allows an answer, and nothing reaches the application",
}
