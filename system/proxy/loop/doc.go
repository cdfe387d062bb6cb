// Package loop serves many connections with one goroutine. It knows bytes and times, and nothing of HTTP: whoever owns a
// connection is told what came, takes what it can use, and writes; nothing ever waits.
//
// A stream belongs to one loop for good, and so does everything that its owner has: all of it is touched by the goroutine
// of that loop alone, so there are no locks. What others have to say goes through Post. A turn of the loop is: what was
// posted, what the kernel has told, timers; then everything that was written is sent, each stream with one write.
//
// It is for Linux: the kernel tells of a change once (EPOLLET), and a stream remembers until it has read all. The set of
// descriptors is itself waited for by Go's own poller, so that a loop with nothing to do is a goroutine that sleeps.
package loop
