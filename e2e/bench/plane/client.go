package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is for whatever a contender is waited for.
const patience = time.Minute

// clientConfig is that of a client in this process, which asks for a name: the curve that all contenders have.
func clientConfig(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}} //nolint:gosec // it is about the cost
}

// dial connects from an address of this machine, or from any without one.
func dial(ctx context.Context, at string, config *tls.Config, from net.IP) (*tls.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}, Config: config}
	conn, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), conn.SetDeadline(time.Now().Add(patience))
}

// ask makes one request on a connection, which is the last one there.
func ask(conn net.Conn, name, path string) error {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, name); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it is answered with %s", answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// together has so many do something again and again, and returns how often they did.
func together(ctx context.Context, n int, load time.Duration, begin func(ctx context.Context) (again func() error, end func(), err error)) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, load+patience, errors.New("it takes too long"))
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, n)
	until := time.Now().Add(load)
	for range n {
		all.Go(func() {
			again, end, err := begin(ctx)
			if err != nil {
				failed <- err
				return
			}
			defer end()
			for time.Now().Before(until) {
				if err := again(); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return int(done.Load()), nil
	}
}

// resumptions are connections of one request each, of clients that have been there before.
func resumptions(ctx context.Context, _ *stage, at string, load time.Duration) (int, error) {
	return together(ctx, 16, load, func(ctx context.Context) (func() error, func(), error) {
		config := clientConfig(site)
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		first := true
		return func() error {
			conn, err := dial(ctx, at, config, nil)
			if err != nil {
				return err
			}
			defer conn.Close()
			if !first && !conn.ConnectionState().DidResume {
				return errors.New("a session is not resumed")
			}
			first = false
			return ask(conn, site, "/small")
		}, func() {}, nil
	})
}
