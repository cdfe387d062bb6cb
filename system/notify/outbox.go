package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Limits of the outbox.
const (
	keep   = 7 * 24 * time.Hour // a message that nobody takes is given up then
	most   = 200                // messages; the oldest go first
	again  = 10 * time.Minute   // the first pause after a failure; it doubles
	rare   = 6 * time.Hour      // the longest
	unsent = 2 * time.Hour      // more than a round of the timer: by then somebody should have tried
)

// letter is a message that is not with everybody yet, in steps.NotifyDir/TIME-ID.json.
type letter struct {
	Message Message   `json:"message"`
	To      []Channel `json:"to"` // who has not taken it
	Tries   int       `json:"tries,omitempty"`
	Next    time.Time `json:"next,omitzero"` // no try before
	Error   string    `json:"error,omitempty"`

	file string
}

// Outbox is the messages on a host's disk.
type Outbox struct{ Host host.Host }

// Add writes a message down for these channels; of is what it is about. It takes the place of what still waits to be told of
// the same site, for that is not so any more: who was out of reach is not told of trouble after its end. The message that is
// the last one already is not written twice.
func (o Outbox) Add(m Message, of string, to []Channel) error {
	if len(to) == 0 {
		return nil
	}
	m = m.cleaned()
	all, err := letters(o.Host)
	if err != nil {
		return fmt.Errorf("cannot write down what has to be told: %w", err)
	}
	suffix := "-" + m.id(of) + ".json"
	older := slices.DeleteFunc(slices.Clone(all), func(l letter) bool { return l.Message.Site != m.Site })
	if n := len(older); n > 0 && strings.HasSuffix(older[n-1].file, suffix) {
		return nil
	}
	for len(all) >= most {
		if err := o.Host.Remove(all[0].file); err != nil {
			return fmt.Errorf("cannot write down what has to be told: %w", err)
		}
		all = all[1:]
	}
	if err := o.folder(); err != nil {
		return fmt.Errorf("cannot write down what has to be told: %w", err)
	}
	l := letter{Message: m, To: to, file: path.Join(steps.NotifyDir, m.Time.Format("20060102T150405.000000000")+suffix)}
	if err := o.write(l); err != nil {
		return err
	}
	for _, old := range older {
		if old.file == l.file {
			continue
		}
		if err := o.Host.Remove(old.file); err != nil {
			return fmt.Errorf("cannot write down what has to be told: %w", err)
		}
	}
	return nil
}

func (o Outbox) folder() error {
	_, err := o.Host.ReadFile(steps.NotifyDir)
	if errors.Is(err, fs.ErrNotExist) {
		err = o.Host.WriteFile(steps.NotifyDir, host.File{Mode: fs.ModeDir | 0o700})
	}
	return err
}

func (o Outbox) write(l letter) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err == nil {
		err = o.Host.WriteFile(l.file, host.File{Data: append(text, '\n'), Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("cannot write down what has to be told: %w", err)
	}
	return nil
}

// letters are those on the disk, the oldest first. A damaged one is none.
func letters(r host.Reader) ([]letter, error) {
	dir, err := r.ReadFile(steps.NotifyDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []letter
	for _, name := range dir.Entries { // sorted
		if !strings.HasSuffix(name, ".json") || name == unitFile {
			continue
		}
		if l, ok := readLetter(r, path.Join(steps.NotifyDir, name)); ok {
			all = append(all, l)
		}
	}
	return all, nil
}

func readLetter(r host.Reader, file string) (letter, bool) {
	l := letter{file: file}
	f, err := r.ReadFile(file)
	return l, err == nil && json.Unmarshal(f.Data, &l) == nil
}

// due reports whether it is time for another try. A pause that is longer than any was made by a clock that was wrong.
func (l letter) due(now time.Time) bool {
	return !now.Before(l.Next) || l.Next.Sub(now) > rare
}

// Result is what became of one message with one channel.
type Result struct {
	Channel Channel
	Message Message
	Err     error // nil: it was taken
}

// Send tries the messages that wait, the oldest first, and returns what became of each try: those whose pause is over, or all
// at once. What was taken is noted at once, so that a kill has at most one message told twice.
func (o Outbox) Send(ctx context.Context, s *Sender, atOnce bool) ([]Result, error) {
	all, err := letters(o.Host)
	if err != nil {
		return nil, fmt.Errorf("cannot read what has to be told: %w", err)
	}
	var results []Result
	for _, l := range all {
		if context.Cause(ctx) != nil {
			return results, context.Cause(ctx)
		}
		var tried []Result
		var err error
		l, waits := readLetter(o.Host, l.file) // those before it took their time
		switch now := s.now(); {
		case !waits: // a newer one took its place
		case now.Sub(l.Message.Time) > keep:
			err = o.Host.Remove(l.file)
		case atOnce || l.due(now):
			tried, err = o.send(ctx, s, l)
		}
		results = append(results, tried...)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

func (o Outbox) send(ctx context.Context, s *Sender, l letter) (results []Result, err error) {
	var failed []string
	for _, c := range slices.Clone(l.To) {
		err := s.Deliver(ctx, c, l.Message)
		if context.Cause(ctx) != nil {
			return results, context.Cause(ctx)
		}
		results = append(results, Result{c, l.Message, err})
		if err != nil {
			failed = append(failed, steps.CleanLine(c.Kind+": "+err.Error()))
			continue
		}
		l.To = slices.DeleteFunc(l.To, func(o Channel) bool { return o == c })
		if err := o.settle(l); err != nil {
			return results, err
		}
	}
	if len(failed) == 0 {
		return results, nil
	}
	l.Error, l.Next = strings.Join(failed, "; "), s.now().Add(min(rare, again<<min(l.Tries, 16)))
	l.Tries++
	return results, o.settle(l)
}

// settle stores what is left of a letter, unless a newer one took its place meanwhile.
func (o Outbox) settle(l letter) error {
	if len(l.To) == 0 {
		return o.Host.Remove(l.file)
	}
	if _, waits := readLetter(o.Host, l.file); !waits {
		return nil
	}
	return o.write(l)
}

// Waiting are the messages that could not be delivered yet, in words.
func Waiting(r host.Reader, now time.Time) []steps.Finding {
	all, _ := letters(r) // who may not look sees none
	var found []steps.Finding
	for _, l := range all {
		why := l.Error
		if why == "" && now.Sub(l.Message.Time) > unsent {
			why = "nobody has tried: journalctl -u " + steps.NotifyService
		}
		if why != "" {
			found = append(found, steps.Finding{Step: steps.IDTrusted, Code: "R11", Severity: steps.Warning,
				Text: fmt.Sprintf("not everybody could be told yet of %q (%s)", l.Message.Text, why),
				Fix:  []string{"sudo sslwizard notify test    shows what is wrong", "sudo sslwizard notify send    tries again at once"}})
		}
	}
	return found
}
