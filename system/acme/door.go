package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/log"

	"github.com/c93d5bcb/sslwizard/steps"
)

// lego writes to a logger of its whole package, on stderr, in the middle of our screens; what it has to say we learn
// from its errors.
func init() { log.Logger = stdlog.New(io.Discard, "", 0) }

// maxReply is far above any chain or order, and far below what would hurt.
const maxReply = 1 << 20

// door is the only way to the CA: it binds every request to a context, bounds it in time and size, reads the reply
// whole (so that a torn one is an error here and not in a parser), and remembers what lego does not hand on.
type door struct {
	transport *http.Transport
	ctx       context.Context // of the whole order; lego takes none
	timeout   time.Duration

	mu    sync.Mutex
	hints map[string]retryHint // by URL: the last Retry-After
	date  time.Time            // of the CA's clock in its last reply
	last  error                // of the newest request that got no ACME answer; jose cuts error chains
}

type retryHint struct{ after string }

// serverError is a reply that is no ACME answer: 5xx, or something that does not speak ACME at all.
type serverError struct {
	Status     int
	RetryAfter string
	Detail     string
}

func (e *serverError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

// wayError is a request that got no whole answer.
type wayError struct {
	Host string
	Err  error
}

func (e *wayError) Error() string { return e.Host + ": " + e.Err.Error() }
func (e *wayError) Unwrap() error { return e.Err }

var errTooLarge = errors.New("the reply is too large")

func newDoor(ctx context.Context, roots []byte, dialer *net.Dialer, timeout time.Duration) (*door, error) {
	pool, err := rootPool(roots)
	if err != nil {
		return nil, err
	}
	if dialer == nil {
		dialer = &net.Dialer{Timeout: 15 * time.Second}
	}
	return &door{
		ctx: ctx, timeout: timeout, hints: map[string]retryHint{},
		transport: &http.Transport{
			Proxy:               nil, // the environment of a root process decides nothing
			DialContext:         dialer.DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 15 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: parallel,
			IdleConnTimeout:     30 * time.Second,
		},
	}, nil
}

// rootPool is nil, the system's roots, when there is no PEM.
func rootPool(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &steps.Failure{
			Text: "cannot use the file in trusted.caRoots: there is no certificate in PEM form in it", Status: steps.ExitAnswers,
			Fixes: []string{"let trusted.caRoots name the root certificate of your CA, as PEM"},
		}
	}
	return pool, nil
}

// RoundTrip implements http.RoundTripper.
func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(d.ctx, d.timeout)
	defer cancel()
	reply, err := d.fetch(req.Clone(ctx))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.last = err
		return nil, err
	}
	d.last = nil
	d.hints[req.URL.String()] = retryHint{reply.Header.Get("Retry-After")}
	if date, err := http.ParseTime(reply.Header.Get("Date")); err == nil {
		d.date = date
	}
	return reply, nil
}

func (d *door) fetch(req *http.Request) (*http.Response, error) {
	reply, err := d.transport.RoundTrip(req)
	if err != nil {
		return nil, &wayError{req.URL.Host, err}
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply+1))
	// When the time is up the connection is closed, and a server that ends its reply on that makes it look whole.
	err = errors.Join(err, reply.Body.Close(), req.Context().Err())
	if err != nil {
		return nil, &wayError{req.URL.Host, err}
	}
	if len(body) > maxReply {
		return nil, &wayError{req.URL.Host, errTooLarge}
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	if refused := asServerError(reply, body); refused != nil {
		return nil, refused
	}
	return reply, nil
}

// nonceError is a nonce that the CA did not take. It is told apart here because lego would ask again by itself, in pauses
// that nobody can set and that no context ends; asking again is ask's to do.
type nonceError struct{ Detail string }

func (e *nonceError) Error() string { return "the CA refuses its own ticket (" + e.Detail + ")" }

// asServerError tells a reply that lego cannot read from an ACME problem document (RFC 7807).
func asServerError(reply *http.Response, body []byte) error {
	if reply.StatusCode < http.StatusBadRequest {
		return nil
	}
	var problem struct{ Type, Detail string }
	readable := json.Unmarshal(body, &problem) == nil && problem.Type != ""
	if readable && problem.Type == acme.BadNonceErr {
		return &nonceError{short(problem.Detail)}
	}
	if readable && reply.StatusCode < http.StatusInternalServerError {
		return nil
	}
	detail := problem.Detail
	if !readable {
		detail = ""
	}
	return &serverError{reply.StatusCode, reply.Header.Get("Retry-After"), short(detail)}
}

// hint is the Retry-After that the URL was last answered with.
func (d *door) hint(url string, now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return retryAfter(d.hints[url].after, now)
}

// lastError is what really went wrong on the way, the last time that something did.
func (d *door) lastError() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// clock is the CA's time in its last reply; zero if it never said.
func (d *door) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.date
}

// longestWait is the window of the longest limit that a CA counts. Who says more is mistaken, and is not obeyed: what a
// CA says is kept and binds the runs to come.
const longestWait = 7 * 24 * time.Hour

// retryAfter reads the header (RFC 9110 section 10.2.3): seconds, or a date. 0 is "not said".
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), longestWait)
	}
	return 0
}

// short cleans text of the CA and cuts it to what a message can hold.
func short(text string) string {
	text = steps.CleanLine(text)
	if runes := []rune(text); len(runes) > 400 {
		text = string(runes[:400]) + " …"
	}
	return text
}
