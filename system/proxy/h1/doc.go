// Package h1 reads and writes HTTP/1.1 (RFC 9112) without any input or output: bytes go in, what they mean comes out. So
// it is the same under an event loop, under a goroutine for each connection, and under a test that cuts anywhere.
//
// It takes nothing that another reader could understand in a different way. Of an answer it takes a little more than of
// a request: line ends without CR, and several lengths that are equal. Neither leaves a doubt where the answer ends, and
// applications write them.
//
// What is read is not copied: names and values are slices of the bytes that were given, and good for as long as those.
package h1
