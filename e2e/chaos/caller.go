package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// asked numbers the requests, so that no two are alike.
var asked atomic.Int64

// caller is a client of one site.
type caller struct {
	service   *service
	site      string
	transport *http.Transport

	mu    sync.Mutex
	conns []net.Conn
	gone  bool
}

func newCaller(s *service, site string, http2 bool) *caller {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	next := "http/1.1"
	if http2 {
		next = "h2"
	}
	c := &caller{service: s, site: site}
	c.transport = &http.Transport{
		Protocols: protocols, DisableCompression: true,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.keep(s.dial(ctx, site, next)) },
	}
	return c
}

// keep remembers a connection: the transport of somebody who left dials on, and would keep it for ever.
func (c *caller) keep(conn *tls.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		_ = conn.Close()
	}
	if !c.transport.DisableKeepAlives { // else the transport closes it
		c.conns = append(c.conns, conn)
	}
	return conn, nil
}

// close ends all connections.
func (c *caller) close() {
	c.transport.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// dial opens a connection, and refuses a certificate that is older than one that was served before.
func (s *service) dial(ctx context.Context, site, protocol string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	since := s.generations.live.Load()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: site, NextProtos: []string{protocol}, InsecureSkipVerify: true}} //nolint:gosec // what it shows is looked up
	conn, err := dialer.DialContext(ctx, "tcp", s.secure)
	if err != nil {
		return nil, err
	}
	secure := conn.(*tls.Conn)
	sum := sha256.Sum256(secure.ConnectionState().PeerCertificates[0].Raw)
	generation, ours := s.generations.leaves.Load(hex.EncodeToString(sum[:]))
	if site == steady && (!ours || generation.(int64) < since) {
		_ = conn.Close()
		return nil, fmt.Errorf("the certificate is of generation %v when %d was live", generation, since)
	}
	return secure, nil
}

// call sends a request and returns its whole answer. The answer is this request's, and no older configuration's than the
// one that was live.
func (c *caller) call(ctx context.Context, method, target string, body []byte) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "https://"+c.site+target, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	since := c.service.generations.live.Load()
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 500 {
		return response, got, err
	}
	return response, got, c.seen(request, response, since)
}

// seen says what is wrong with whose answer it is.
func (c *caller) seen(request *http.Request, response *http.Response, since int64) error {
	if got, want := response.Header.Get("Seen"), request.Method+" "+request.URL.RequestURI(); got != want {
		return fmt.Errorf("the answer to %s is that to %q", want, got)
	}
	n, err := strconv.ParseInt(response.Header.Get(generationField), 10, 64)
	old := n == c.service.generations.followed.Load()
	if newest := c.service.generations.stored.Load(); err != nil || n < since && !old || n > newest {
		return fmt.Errorf("the configuration is of generation %d when those from %d to %d could be", n, since, newest)
	}
	return nil
}

// page asks for a page and wants it as it is.
func (c *caller) page(ctx context.Context) error {
	target := "/page?n=" + strconv.FormatInt(asked.Add(1), 10)
	response, got, err := c.call(ctx, http.MethodGet, target, nil)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", target, err)
	case response.StatusCode != http.StatusOK || string(got) != pageOf(http.MethodGet, target):
		return fmt.Errorf("%s: %s %.200q", target, response.Status, got)
	}
	return nil
}

// upload sends up to 4 MiB and wants their sum.
func (c *caller) upload(ctx context.Context) error {
	target := "/sum?n=" + strconv.FormatInt(asked.Add(1), 10)
	body := make([]byte, rand.IntN(4<<20))
	_, _ = stream(rand.Uint64()).Read(body)
	sum := sha256.Sum256(body)
	response, got, err := c.call(ctx, http.MethodPost, target, body)
	switch want := fmt.Sprintf("%d %x", len(body), sum); {
	case err != nil:
		return fmt.Errorf("%s of %d bytes: %w", target, len(body), err)
	case response.StatusCode != http.StatusOK || string(got) != want:
		return fmt.Errorf("%s of %d bytes: %s %.200q", target, len(body), response.Status, got)
	}
	return nil
}

// download wants up to 4 MiB as they were sent.
func (c *caller) download(ctx context.Context) error {
	seed, n := rand.Uint64(), rand.IntN(4<<20)
	target := fmt.Sprintf("/bytes?seed=%d&n=%d", seed, n)
	response, got, err := c.call(ctx, http.MethodGet, target, nil)
	want := make([]byte, n)
	_, _ = stream(seed).Read(want)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", target, err)
	case response.StatusCode != http.StatusOK || !bytes.Equal(got, want):
		return fmt.Errorf("%s: %s and %d bytes that are others", target, response.Status, len(got))
	}
	return nil
}

// follow follows an event stream to its end.
func (c *caller) follow(ctx context.Context) error {
	target := "/events?n=" + strconv.FormatInt(asked.Add(1), 10)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.site+target, nil)
	if err != nil {
		return err
	}
	since := c.service.generations.live.Load()
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	defer response.Body.Close()
	if err := c.seen(request, response, since); err != nil {
		return fmt.Errorf("%s: %s: %w", target, response.Status, err)
	}
	lines, n := bufio.NewScanner(response.Body), 0
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if text != strconv.Itoa(n) {
				return fmt.Errorf("%s: event %d is %q", target, n, text)
			}
			n++
		}
	}
	if err := lines.Err(); err != nil || n != events {
		return fmt.Errorf("%s: it ended after %d events: %w", target, n, err)
	}
	return nil
}
