package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// few is how many messages somebody gets one by one. More are told in one: a thousand sites whose CA is away for long are one
// trouble to who reads of it, and a mail server, or a chat, that gets a thousand messages at once takes them for an attack.
const few = 5

// Result is what became of one message with one channel.
type Result struct {
	Channel Channel
	Message Message
	Err     error // nil: it was taken
}

// Today says who is to be told of a site now, or of the server (""); false when that cannot be known.
type Today func(site string) ([]Channel, bool)

// sending is one Send.
type sending struct {
	box     Outbox
	by      *Sender
	open    []*waiting
	results []Result
}

// waiting is a letter whose turn has come.
type waiting struct {
	letter
	to     []Channel // who has not taken it
	failed []string
}

// Send tries the messages that wait, and returns what became of each try: those whose pause is over, or all at once. They go to
// who is to be told today: a message is a week old at most, and the answers may have been corrected because it did not come. What
// was taken is noted at once, so that a kill has at most one message told twice.
func (o Outbox) Send(ctx context.Context, s *Sender, today Today, atOnce bool) ([]Result, error) {
	all, err := letters(o.Host)
	if err != nil {
		return nil, fmt.Errorf("cannot read what has to be told: %w", err)
	}
	out := &sending{box: o, by: s}
	for _, l := range all {
		if err := out.take(l, today, atOnce); err != nil {
			return nil, err
		}
	}
	for _, c := range out.channels() {
		if err := out.tell(ctx, c); err != nil {
			return out.results, err
		}
	}
	return out.results, out.end()
}

// take has a letter wait for this round, unless it is too early for it, or too late.
func (s *sending) take(l letter, today Today, atOnce bool) error {
	now := s.by.now()
	w := &waiting{letter: l}
	w.to = slices.DeleteFunc(l.recipients(today), func(c Channel) bool { return slices.Contains(l.Taken, c) })
	switch {
	case len(w.to) == 0, now.Sub(l.Message.Time) > keep:
		return s.box.Host.Remove(l.file)
	case atOnce || l.due(now):
		s.open = append(s.open, w)
	}
	return nil
}

// recipients are those of today, or those of the day when it was written.
func (l letter) recipients(today Today) []Channel {
	if today != nil {
		if now, known := today(l.Message.Site); known {
			return slices.Clone(now)
		}
	}
	return slices.Clone(l.To)
}

// due reports whether it is time for another try. A pause that is longer than any was made by a clock that was wrong.
func (l letter) due(now time.Time) bool {
	return !now.Before(l.Next) || l.Next.Sub(now) > rare
}

// channels are all of them, each once.
func (s *sending) channels() []Channel {
	var all []Channel
	for _, w := range s.open {
		for _, c := range w.to {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// tell gives a channel its messages. One that hangs is left alone for the rest of the round: those who come first then are the
// ones that were tried less often, so that no message keeps the others from their turn.
func (s *sending) tell(ctx context.Context, c Channel) error {
	var mine []*waiting
	for _, w := range s.open {
		if slices.Contains(w.to, c) && s.waits(w) {
			mine = append(mine, w)
		}
	}
	slices.SortStableFunc(mine, func(a, b *waiting) int { return a.Tries - b.Tries })
	if len(mine) > few {
		return s.deliver(ctx, c, digest(mine), mine)
	}
	for n, w := range mine {
		if !s.waits(w) {
			continue
		}
		if err := s.deliver(ctx, c, w.Message, mine[n:n+1]); err != nil {
			return err
		}
		if last := s.results[len(s.results)-1]; errors.Is(last.Err, errHangs) {
			return s.leave(mine[n+1:], last)
		}
	}
	return nil
}

// deliver gives one message to a channel, and notes what came of it with the letters that it stands for.
func (s *sending) deliver(ctx context.Context, c Channel, m Message, of []*waiting) error {
	err := s.by.Deliver(ctx, c, m)
	if context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	s.results = append(s.results, Result{c, m, err})
	for _, w := range of {
		if err != nil {
			w.failed = append(w.failed, reasonOf(c, err))
			continue
		}
		w.Taken = append(w.Taken, c)
		w.to = slices.DeleteFunc(w.to, func(o Channel) bool { return o == c })
		if err := s.settle(w); err != nil {
			return err
		}
	}
	return nil
}

// leave notes why these were not tried. It is no try of theirs.
func (s *sending) leave(others []*waiting, last Result) error {
	for _, w := range others {
		w.Error = reasonOf(last.Channel, last.Err)
		if err := s.settle(w); err != nil {
			return err
		}
	}
	return nil
}

func reasonOf(c Channel, err error) string { return steps.CleanLine(c.Kind + ": " + err.Error()) }

// end notes the failures, and when it is time for the next try.
func (s *sending) end() error {
	for _, w := range s.open {
		if len(w.failed) == 0 {
			continue
		}
		w.Error, w.Next = strings.Join(w.failed, "; "), s.by.now().Add(min(rare, again<<min(w.Tries, 16)))
		w.Tries++
		if err := s.settle(w); err != nil {
			return err
		}
	}
	return nil
}

// settle stores what is left of a letter, unless a newer one took its place meanwhile.
func (s *sending) settle(w *waiting) error {
	switch {
	case len(w.to) == 0:
		return s.box.Host.Remove(w.file)
	case s.waits(w):
		return s.box.write(w.letter)
	}
	return nil
}

// waits reports whether no newer letter took this one's place.
func (s *sending) waits(w *waiting) bool {
	_, there := readLetter(s.box.Host, w.file)
	return there
}
