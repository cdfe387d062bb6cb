// Package h2 reads and writes HTTP/2 (RFC 9113), on the side of a server, without any input or output: bytes go in, what
// they mean comes out, and what is to be said gathers where it can be sent from. So it is the same under an event loop,
// under a goroutine for each connection, and under a test that cuts anywhere.
//
// # Who owns what
//
// A Server is what the connections of one goroutine have in common: free streams, and room for the head that is being
// read. It and all its connections belong to that goroutine, and nothing here is locked.
//
// Whoever drives a connection owns the bytes that it gives to Next, and those of an Event are a part of them or of that
// room: they are good until Next is called again, for any connection of the Server. Nothing that is given to a Stream is
// kept. A Stream belongs to its driver from the event that it is Asked by to the one that says it is Closed, which comes
// exactly once for every stream, whoever ended it; what is done with one that is over in between has no effect. When the
// connection ends, all its streams are told of first, and then that it is Over.
//
//	for e, n := c.Next(p, now); e.Kind != h2.Nothing; e, n = c.Next(p, now) {
//		p = p[n:]
//		… // Asked: Head, Data, Trailers, now or later; Data: pass it on, and say Consumed when it has gone
//	}
//
// and after that, what is in Out is sent as far as the network takes it, and Sent tells how far that was.
//
// # Why it cannot grow, and nobody waits for ever
//
// A frame but DATA is held only while it is cut, and is 16 KiB at most; a head, as long as its end has not come, is held
// by its bytes and read once. What is said in answer to frames that carry nothing is bounded, for so are those frames (see
// budget), and so is what gathers for a client that takes nothing. A body that has come and is not used is within the
// window that was granted for it, and is the driver's. Data that the client or the network does not take is not taken
// here either: Data and Credit say so, and the stream gets its turn. Turns go around: everybody who waits has one, of a
// frame, before anybody has another. Each call of Next does what one frame asks for, at most.
//
// # What is written
//
// Heads are read by the library of x/net and written here: its encoder takes strings, keeps every field that it meets, and
// costs several times as much (BenchmarkHead). Here a field is kept when it comes again, and cookies never are.
//
// # What is refused
//
// A request that HTTP/1.1 could not say, or that another reader could understand in another way, is none: its stream is
// reset and the driver never hears of it. That is more than net/http refuses; the differences are listed, with their
// reasons, in the test that compares the two.
package h2
