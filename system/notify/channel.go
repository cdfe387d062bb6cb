package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// The kinds of Channel.
const (
	Command = "command"
	Webhook = "webhook"
	Mail    = "email"
)

// Channel is one way to somebody.
type Channel struct {
	Kind   string `json:"kind"`
	Target string `json:"target"` // the program, the file with the URL, or the address
}

func (c Channel) String() string { return c.Kind + " " + c.Target }

// Channels are those that a site names.
func Channels(n steps.SiteNotify) []Channel {
	var all []Channel
	for _, c := range []Channel{{Command, n.Command}, {Webhook, n.Webhook}, {Mail, n.Email}} {
		if c.Target != "" {
			all = append(all, c)
		}
	}
	return all
}

// Look says what of that is on this host.
func Look(r host.Reader, n steps.SiteNotify) steps.NotifyFacts {
	var f steps.NotifyFacts
	if n.Command != "" {
		f.Command = rootonly.Program(r, n.Command)
	}
	if n.Webhook != "" {
		_, f.Webhook = readHook(r, n.Webhook)
	}
	_, err := r.ReadFile(steps.Sendmail)
	f.Mailer = err == nil
	return f
}

// patience is how long one channel may take.
const patience = time.Minute

// Sender delivers. The zero value is right outside tests but for Host.
type Sender struct {
	Host     host.Host
	Now      func() time.Time
	HTTP     *http.Client  // nil: one that trusts the system's roots
	Patience time.Duration // for one message; 0: a minute
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// errHangs is a channel that did not come to its end in its time.
var errHangs = errors.New("it did not end in time")

// Deliver gives a message to one channel. Its error has nothing secret in it.
func (s *Sender) Deliver(ctx context.Context, c Channel, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Patience, patience))
	defer cancel()
	err := s.deliver(ctx, c, m.cleaned())
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", errHangs, err)
	}
	return err
}

func (s *Sender) deliver(ctx context.Context, c Channel, m Message) error {
	switch c.Kind {
	case Command:
		return s.run(ctx, c.Target, m)
	case Webhook:
		return s.post(ctx, c.Target, m)
	case Mail:
		return s.mail(ctx, c.Target, m)
	}
	return fmt.Errorf("cannot tell anybody by %q", steps.CleanLine(c.Kind))
}
