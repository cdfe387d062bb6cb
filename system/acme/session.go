package acme

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"github.com/c93d5bcb/sslwizard/steps"
)

// session is one order's conversation with one CA.
type session struct {
	Request
	client  *Client
	pace    Pace
	ctx     context.Context
	door    *door
	core    *api.Core
	account Account
	orders  Orders
	saying  sync.Mutex // names are proved together, and the listener is told one thing at a time
}

// maxSkew is how wrong this server's clock may be: beyond it a fresh certificate would not be valid here, or a nonce
// of the CA not any more. A clock that is wrong by more than toldSkew is one that nobody sets, and is only told.
const (
	maxSkew  = time.Hour
	toldSkew = 5 * time.Minute
)

// knock is a conversation in which nothing was said yet.
func (c *Client) knock(ctx context.Context, r Request) (*session, error) {
	if err := checkDirectory(r.Directory); err != nil {
		return nil, err
	}
	s := &session{Request: r, client: c, pace: c.Pace.filled(), ctx: ctx}
	var err error
	s.door, err = newDoor(ctx, r.Roots, c.Dialer, s.pace.Request)
	return s, err
}

// open reads the directory and signs in.
func (c *Client) open(ctx context.Context, r Request) (*session, error) {
	s, err := c.knock(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := s.signIn(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() { s.door.transport.CloseIdleConnections() }

func (s *session) progress(format string, args ...any) {
	if s.client.Progress != nil {
		s.saying.Lock()
		defer s.saying.Unlock()
		s.client.Progress(steps.CleanLine(fmt.Sprintf(format, args...)))
	}
}

// connect reads the directory for a key; its URL is empty before the account is known.
func (s *session) connect(account Account) error {
	core, err := ask(s, "reach the CA", func() (*api.Core, error) {
		return api.New(&http.Client{Transport: s.door}, s.client.UserAgent, s.Directory, account.URL, account.Key)
	})
	if err != nil {
		return err
	}
	s.core, s.account = core, account
	return s.checkClock()
}

func (s *session) checkClock() error {
	theirs := s.door.clock()
	if theirs.IsZero() {
		return nil
	}
	skew := s.client.now().Sub(theirs)
	side := "ahead"
	if skew < 0 {
		side = "behind"
	}
	switch {
	case skew.Abs() <= toldSkew:
		return nil
	case skew.Abs() <= maxSkew:
		s.progress("This server's clock is %s %s of the CA's", skew.Abs().Round(time.Minute), side)
		return nil
	}
	return &steps.Failure{
		Text: fmt.Sprintf("cannot ask the CA: this server's clock is %s %s, and a certificate would not be valid",
			skew.Abs().Round(time.Minute), side),
		Code: "H09", Fixes: []string{"set the clock: sudo timedatectl set-ntp true"},
	}
}

// ask runs one call of lego until it succeeds, fails for good, or patience or the context end. Only what is worth
// asking again is: the way to the CA, 5xx, and nonces.
func ask[T any](s *session, what string, call func() (T, error)) (T, error) {
	return askEach(s, what, func(error) error { return nil }, call)
}

// askEach is for what costs something: before is asked each time, with what became of the last try, and its error ends it.
func askEach[T any](s *session, what string, before func(last error) error, call func() (T, error)) (T, error) {
	deadline := time.Now().Add(s.pace.Patience)
	pause := s.pace.Retry
	var last error
	for {
		var value T
		err := before(last)
		if err != nil {
			return value, s.fail(what, err)
		}
		if value, err = await(s.ctx, call); err == nil {
			return value, nil
		}
		if cause := context.Cause(s.ctx); cause != nil {
			return value, cause
		}
		last = s.rootCause(err)
		wait, again := worthAgain(last, pause, s.client.now())
		if !again || time.Now().Add(wait).After(deadline) {
			return value, s.fail(what, last)
		}
		if err := s.beforeAgain(last, wait); err != nil {
			return value, err
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// beforeAgain waits. Of nonces nothing is said, and their pause does not grow: the next one has nothing to do with the one
// that was refused.
func (s *session) beforeAgain(err error, wait time.Duration) error {
	var nonce *nonceError
	if errors.As(err, &nonce) {
		return s.sleep(s.pace.Retry / 5)
	}
	s.progress("The CA cannot answer now (%s); asking again in %s", reason(err), wait.Round(time.Second/10))
	return s.sleep(wait)
}

// await returns at once when the context ends; the goroutine that it then leaves behind ends with its next request,
// and nobody sees its value.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type reply struct {
		value T
		err   error
	}
	done := make(chan reply, 1)
	go func() {
		value, err := call()
		done <- reply{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// withoutTLS is how lego says that it sends nothing to an address that is not https.
const withoutTLS = "HTTPS is required"

// rootCause puts back what jose cut off: an error while a nonce was fetched is only text in its error.
func (s *session) rootCause(err error) error {
	if typed(err) || !strings.Contains(err.Error(), "nonce") || strings.Contains(err.Error(), withoutTLS) {
		return err
	}
	if last := s.door.lastError(); last != nil {
		return last
	}
	return &wayError{hostOf(s.Directory), err}
}

func typed(err error) bool {
	var problem *acme.ProblemDetails
	var server *serverError
	var way *wayError
	var nonce *nonceError
	return errors.As(err, &nonce) || errors.As(err, &problem) || errors.As(err, &server) || errors.As(err, &way)
}

// worthAgain reports whether and after how long a call may be repeated.
func worthAgain(err error, pause time.Duration, now time.Time) (time.Duration, bool) {
	var nonce *nonceError
	var server *serverError
	var way *wayError
	switch {
	case errors.As(err, &nonce):
		return 0, true
	case errors.As(err, &server):
		return max(pause, retryAfter(server.RetryAfter, now)), server.Status >= http.StatusInternalServerError
	case errors.As(err, &way):
		return pause, !errors.Is(err, errTooLarge) && !isTLS(err)
	}
	return 0, false
}

func (s *session) sleep(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

// errTimeUp says that polling took longer than it may.
var errTimeUp = errors.New("it takes too long")

// poll looks until look is done. It waits as long as the CA asked for at url, or a little and then longer.
func (s *session) poll(url string, limit time.Duration, look func() (done bool, err error)) error {
	deadline := time.Now().Add(limit)
	pause := s.pace.Poll
	for {
		done, err := look()
		if done || err != nil {
			return err
		}
		wait := pause
		if asked := s.door.hint(url, s.client.now()); asked > 0 {
			wait = asked
		}
		if time.Now().Add(wait).After(deadline) {
			return errTimeUp
		}
		if err := s.sleep(wait); err != nil {
			return err
		}
		pause = min(2*pause, s.pace.PollMax)
	}
}
