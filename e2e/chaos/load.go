package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How many clients of each kind there are, and how long one rests between two requests: so that this loads a machine of
// two cores, and does not choke it.
const (
	askers   = 4
	movers   = 2
	readers  = 6
	talkers  = 20
	leavers  = 3
	mourners = 3
	rest     = 20 * time.Millisecond
)

// start has all clients begin; they end with the context.
func (t *tally) start(ctx context.Context, s *service) *sync.WaitGroup {
	all := &sync.WaitGroup{}
	work := func(many int, kind string, http2, fresh bool, do func(*caller, context.Context) error) {
		for range many {
			all.Go(func() {
				c := newCaller(s, steady, http2)
				c.transport.DisableKeepAlives = fresh
				defer c.close()
				for ctx.Err() == nil {
					t.done(kind, do(c, context.Background())) // to its end: nobody leaves here
					pause(ctx, rest)
				}
			})
		}
	}
	work(askers, "requests over HTTP/1.1", false, false, (*caller).page)
	work(askers, "requests over HTTP/2", true, false, (*caller).page)
	work(movers, "requests over a connection each", false, true, (*caller).page)
	// A client that sends a body over a kept connection of HTTP/1.1 cannot know whether it was read when it is closed.
	work(movers, "uploads", false, true, (*caller).upload)
	work(movers, "uploads", true, false, (*caller).upload)
	work(movers, "downloads", false, false, (*caller).download)
	work(movers, "downloads", true, false, (*caller).download)
	work(readers, "event streams", false, false, (*caller).follow)
	work(readers, "event streams", true, false, (*caller).follow)
	for range talkers {
		all.Go(func() { t.talk(ctx, s) })
	}
	all.Go(func() { t.visit(ctx, s) })
	for n := range leavers {
		all.Go(func() { t.leave(ctx, s, n%2 == 0) })
	}
	for n := range mourners {
		all.Go(func() { t.mourn(ctx, s, n%2 == 0) })
	}
	return all
}

// talk keeps one WebSocket busy all the time.
func (t *tally) talk(ctx context.Context, s *service) {
	const kind = "messages over WebSockets"
	ws, err := s.socket("/ws")
	if err != nil {
		t.done(kind, err)
		return
	}
	defer ws.conn.Close()
	for ctx.Err() == nil {
		err := ws.echo(rand.IntN(64 << 10))
		t.done(kind, err)
		if err != nil {
			return
		}
		pause(ctx, 5*rest)
	}
}

// visit opens a WebSocket, says something, and closes it in good order, again and again.
func (t *tally) visit(ctx context.Context, s *service) {
	for ctx.Err() == nil {
		ws, err := s.socket("/ws")
		if err == nil {
			err = errors.Join(ws.echo(10), ws.bye(), ws.conn.Close())
		}
		t.done("WebSockets opened and closed", err)
		pause(ctx, 5*rest)
	}
}

// leave asks for something and is gone in the middle of it, whatever that is.
func (t *tally) leave(ctx context.Context, s *service, http2 bool) {
	for n := 0; ctx.Err() == nil; n++ {
		until, gone := context.WithTimeout(ctx, time.Duration(rand.IntN(40_000))*time.Microsecond)
		c := newCaller(s, []string{steady, mortal}[n%2], http2)
		switch n % 4 {
		case 0:
			_ = c.upload(until)
		case 1:
			_ = c.download(until)
		case 2:
			_ = c.follow(until)
		case 3:
			s.slam("/ws?n=" + strconv.Itoa(n))
		}
		gone()
		c.close()
		t.done("clients that left", nil)
		pause(ctx, rest)
	}
}

// slam opens a WebSocket, sends half a frame, and resets the connection.
func (s *service) slam(target string) {
	ws, err := s.socket(target)
	if err != nil {
		return // the proxy has no say in it: talk and visit look whether one can be opened
	}
	_, _ = ws.conn.Write([]byte{0x82, 0xfe, 0xff})
	_ = ws.conn.NetConn().(*net.TCPConn).SetLinger(0)
	_ = ws.conn.NetConn().Close()
}

// mourn asks the application that is killed again and again: what comes is its answer, or the word of the proxy that
// there is none, or an end in the middle, and never anything else that is whole.
func (t *tally) mourn(ctx context.Context, s *service, http2 bool) {
	c := newCaller(s, mortal, http2)
	defer c.close()
	for ctx.Err() == nil {
		target := "/page?n=" + strconv.FormatInt(asked.Add(1), 10)
		response, got, err := c.call(ctx, http.MethodGet, target, nil)
		kind := "answers of the dying application"
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && (response != nil || strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "stream error")):
			kind, err = "answers that broke off", nil
		case err != nil:
		case response.StatusCode == http.StatusBadGateway || response.StatusCode == http.StatusGatewayTimeout:
			kind = "answers in place of the dying application"
			if response.Header.Get("Seen") != "" || response.Header.Get("Retry-After") == "" {
				err = fmt.Errorf("%s: %s with %v", target, response.Status, response.Header)
			}
		case response.StatusCode != http.StatusOK || string(got) != pageOf(http.MethodGet, target):
			err = fmt.Errorf("%s: %s %.200q", target, response.Status, got)
		}
		t.done(kind, err)
		pause(ctx, rest)
	}
}
