package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// newUnruly is an application that answers as the target says: by the reply of that number.
func newUnruly() *back {
	b := &back{}
	b.serveRaw(func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			r, err := readSloppily(in)
			if err != nil {
				return
			}
			b.saw(r)
			_, number, asked := strings.Cut(r.target, "/reply/")
			n, err := strconv.Atoi(number)
			if !asked || err != nil || n >= len(replies) {
				line, text := answerFor(r)
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nSeen: %s\r\nContent-Length: %d\r\n\r\n%s", line, len(text), text)
				continue
			}
			if _, err := io.WriteString(conn, replies[n].text); err != nil || replies[n].ends {
				return
			}
		}
	})
	return b
}

// replyCases have every reply asked for over both versions of HTTP.
func replyCases() []testCase {
	var all []testCase
	for i, r := range replies {
		all = append(all, testCase{r.class, r.name, replyCase{r, i, false}.try}, testCase{r.class, r.name + ", over HTTP/2", replyCase{r, i, true}.try})
	}
	return all
}

// replyCase asks for a reply.
type replyCase struct {
	reply
	number int
	http2  bool
}

// crowded is how often a reply is asked for while so many strangers ask as often: an answer that is one too many reaches
// the next one only when he comes at the wrong moment.
const (
	crowded   = 60
	strangers = 6
)

func (c replyCase) try(l *lane) verdict {
	l.begin()
	times := 1
	var others sync.WaitGroup
	troubles := make(chan error, crowded*strangers)
	if c.crowd {
		times = crowded
		for range strangers {
			others.Go(func() {
				for range crowded {
					if err := l.innocent(); err != nil {
						troubles <- err
					}
				}
			})
		}
	}
	v := fine()
	for range times {
		if one := c.once(l); one.grade > v.grade {
			v = one
		}
	}
	others.Wait()
	if err := l.innocent(); err != nil {
		return breach("%v", err)
	}
	l.back.take()
	if len(troubles) > 0 {
		return breach("%v", <-troubles)
	}
	return v
}

// once asks once.
func (c replyCase) once(l *lane) verdict {
	target, method := l.fill().Replace("/0000/reply/"+strconv.Itoa(c.number)), c.method
	if method == "" {
		method = "GET"
	}
	if c.http2 {
		a, err := stream{fields: []field{{":method", method}, {":scheme", "https"}, {":authority", l.host}, {":path", target}}}.ask(l, l.host)
		if err != nil {
			return breach("no connection: %v", err)
		}
		return c.judge(a, nil)
	}
	conn, err := l.dial(l.host, "http/1.1")
	if err != nil {
		return breach("no connection: %v", err)
	}
	defer conn.Close()
	kept := &recorder{halfCloser: conn}
	how := toTheEnd
	how.heads = method == "HEAD"
	all := exchange(kept, l.fill().Replace(method+" "+target+" HTTP/1.1\r\nHost: backend.test\r\n\r\n"+end), how)
	if len(all) == 0 {
		return c.judge(answer{}, nil)
	}
	if len(all) > 2 || len(all) == 2 && all[1].seen != l.fill().Replace("GET /0000/end") && all[1].status < 400 {
		return breach("the client got %v", all)
	}
	return c.judge(all[0], kept.head())
}

// judge says what is wrong with what the client got.
func (c replyCase) judge(a answer, head []byte) verdict {
	if err := readHead(head); err != nil {
		return breach("the client got %v", err)
	}
	whole := a.status > 0 && !a.broken
	right := whole && a.status == c.status && a.body == c.body
	refused := !whole || a.status >= 500 && c.status != a.status
	switch {
	case strings.Contains(a.seen+a.body, "hidden"):
		return breach("the client got %v %.40q", a, a.body)
	case c.want == delivered && !right:
		return odd("the client got %v with %d bytes, whole: %t", a, len(a.body), whole)
	case c.want == withheld && !refused:
		return odd("the client got %v %.40q", a, a.body)
	case c.want == leftOpen && !right && !refused:
		return odd("the client got %v %.40q", a, a.body)
	}
	return fine()
}

// readHead says what is wrong in the head of an answer, read without any liberty.
func readHead(head []byte) error {
	if len(head) == 0 {
		return nil
	}
	fields, err := readFields(strings.Split(string(head), "\r\n")[1:])
	if err != nil {
		return err
	}
	lengths, codings := fields["content-length"], fields["transfer-encoding"]
	if len(lengths)+len(codings) > 1 || len(lengths) == 1 && !digits.MatchString(lengths[0]) || len(codings) == 1 && !strings.EqualFold(codings[0], "chunked") {
		return fmt.Errorf("lengths %q and codings %q", lengths, codings)
	}
	return nil
}

// recorder keeps the beginning of what is read.
type recorder struct {
	halfCloser
	kept []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.halfCloser.Read(p)
	if len(r.kept) < maxFrame {
		r.kept = append(r.kept, p[:n]...)
	}
	return n, err
}

// head is the first final head without its end; nothing when it is not whole.
func (r *recorder) head() []byte {
	rest := r.kept
	for {
		head, more, ok := bytes.Cut(rest, []byte("\r\n\r\n"))
		switch {
		case !ok:
			return nil
		case !bytes.HasPrefix(head, []byte("HTTP/1.1 1")):
			return head
		}
		rest = more
	}
}
