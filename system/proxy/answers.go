package proxy

import (
	"errors"
	"fmt"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// answers follows the answers of an upstream in a byte stream, only as far as it takes to know where one ends. What comes
// behind the end was asked for by nobody; net/http can take it for the answer to the next request on the connection,
// which is somebody else's.
type answers struct {
	state  answerState
	toHEAD bool   // it is the answer to HEAD
	head   []byte // of an answer, as far as it has come
	before int    // bytes of the answers that another one follows
	scan   h1.Scan
	body   h1.Body
}

type answerState int

const (
	unasked answerState = iota // nothing may come
	inHead                     // the head of an answer comes
	inBody                     // its body
)

var errLongHead = errors.New("the head of the upstream's answer is too long")

var errUnasked = errors.New("the upstream sends what nobody asked for")

// expect says that a request is about to be sent.
func (a *answers) expect(head bool) { a.state, a.toHEAD, a.before = inHead, head, 0 }

// follow returns how many of the bytes belong to answers that were asked for. The error says what is wrong behind them:
// then the connection cannot be used any more.
func (a *answers) follow(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var step int
		switch a.state {
		case unasked:
			return n, errUnasked
		case inHead:
			step, err = a.followHead(p[n:])
		case inBody:
			var end bool
			if _, step, end, err = a.body.Next(p[n:]); end {
				a.state = unasked
			}
		}
		n += step
	}
	return n, err
}

// followHead takes the head, and decides what comes behind it.
func (a *answers) followHead(p []byte) (int, error) {
	had := len(a.head)
	a.head = append(a.head, p...)
	size := a.scan.End(a.head)
	if size == 0 {
		if len(a.head) > maxUpstreamHeader {
			return 0, errLongHead
		}
		return len(p), nil
	}
	var answer h1.Answer
	err := answer.Read(a.head[:size])
	a.head = a.head[:0]
	if err != nil {
		return 0, fmt.Errorf("the upstream's answer is wrong: %w", err)
	}
	if !answer.Interim() {
		a.begin(answer.Body(a.toHEAD))
	} else if a.before += size; a.before > maxUpstreamHeader { // net/http has no limit for those that it passes on
		return 0, errLongHead
	}
	return size - had, nil
}

// begin has the body follow, if there is one. A switch of protocols has no end but that of the connection.
func (a *answers) begin(body h1.Body) {
	a.state, a.body = inBody, body
	if left, known := body.Left(); known && left == 0 {
		a.state = unasked
	}
}
