package proxy

import (
	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// asker is whom a job is for: a connection of HTTP/1, or a stream of HTTP/2.
type asker interface {
	answerer
	// resume has what comes of the body of the request come to the job.
	resume()
	// full reports whether no more of the answer should be written; the job's clientHasRoom is called when there is room.
	full() bool
	// answered is told that the job has ended, and whether something of the request was not read.
	answered(unread bool)
	// abort ends the job, so that its client sees that the answer is broken.
	abort()
}

// answerer takes an answer. It keeps none of the bytes that it is given.
type answerer interface {
	// takesHead reports whether a head can be written now. Else the job's clientHasRoom is called when it can.
	takesHead() bool
	// interim takes the head of an answer that another one follows.
	interim(status int, fields []h1.Field)
	// head takes the head of the answer.
	head(answerHead)
	// body takes a piece of what follows it.
	body(piece []byte, end bool, trailer []h1.Field)
}

// answerHead is the head of an answer, whatever it is sent in.
type answerHead struct {
	status  int
	fields  []h1.Field // and what it is about: its length, where that is known
	unknown bool       // something of unknown length follows
	none    bool       // nothing follows
	closes  bool       // it is to be the last of its connection
}
