package notify

import (
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
	shown  = 5                  // messages that status shows one by one
	again  = 10 * time.Minute   // the first pause after a failure; it doubles
	rare   = 6 * time.Hour      // the longest
	unsent = 2 * time.Hour      // more than a round of the timer: by then somebody should have tried
)

// letter is a message that is not with everybody yet, in steps.NotifyDir/SITE-TIME-ID.json; SITE is a hash, so that the letters of
// a site are found without opening those of all others.
type letter struct {
	Message Message   `json:"message"`
	To      []Channel `json:"to"` // who was to be told when it was written
	Taken   []Channel `json:"taken,omitempty"`
	Tries   int       `json:"tries,omitempty"`
	Next    time.Time `json:"next,omitzero"` // no try before
	Error   string    `json:"error,omitempty"`

	file string
}

// Outbox is the messages on a host's disk.
type Outbox struct{ Host host.Host }

// Add writes a message down for these channels; of is what it is about. It takes the place of what still waits to be told of
// the same site, for that is not so any more: who was out of reach is not told of trouble after its end. The message that is
// the last one already is not written twice. So there is one for each site at most, and none is thrown away.
func (o Outbox) Add(m Message, of string, to []Channel) error {
	if len(to) == 0 {
		return nil
	}
	if err := o.add(m.cleaned(), of, to); err != nil {
		return fmt.Errorf("cannot write down what has to be told: %w", err)
	}
	return nil
}

func (o Outbox) add(m Message, of string, to []Channel) error {
	all, err := files(o.Host)
	if err != nil {
		return err
	}
	prefix, suffix := m.about()+"-", "-"+m.id(of)+".json"
	older := slices.DeleteFunc(all, func(file string) bool { return !strings.HasPrefix(path.Base(file), prefix) })
	if n := len(older); n > 0 && strings.HasSuffix(older[n-1], suffix) {
		return nil
	}
	if err := o.folder(); err != nil {
		return err
	}
	l := letter{Message: m, To: to, file: path.Join(steps.NotifyDir, prefix+m.Time.Format("20060102T150405.000000000")+suffix)}
	if err := o.write(l); err != nil {
		return err
	}
	for _, old := range older {
		if old == l.file {
			continue
		}
		if err := o.Host.Remove(old); err != nil {
			return err
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
	if err != nil {
		return err
	}
	return o.Host.WriteFile(l.file, host.File{Data: append(text, '\n'), Mode: 0o600})
}

// files are those of the letters, by site, and the oldest of a site first.
func files(r host.Reader) ([]string, error) {
	dir, err := r.ReadFile(steps.NotifyDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range dir.Entries { // sorted
		if strings.HasSuffix(name, ".json") && name != unitFile {
			all = append(all, path.Join(steps.NotifyDir, name))
		}
	}
	return all, nil
}

// letters are those on the disk, the oldest first. A damaged one is none.
func letters(r host.Reader) ([]letter, error) {
	names, err := files(r)
	if err != nil {
		return nil, err
	}
	var all []letter
	for _, file := range names {
		if l, ok := readLetter(r, file); ok {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b letter) int { return a.Message.Time.Compare(b.Message.Time) })
	return all, nil
}

func readLetter(r host.Reader, file string) (letter, bool) {
	l := letter{file: file}
	f, err := r.ReadFile(file)
	return l, err == nil && json.Unmarshal(f.Data, &l) == nil
}

// Waiting are the messages that could not be delivered yet, in words.
func Waiting(r host.Reader, now time.Time) []steps.Finding {
	all, _ := letters(r) // who may not look sees none
	var found []steps.Finding
	for n, l := range all {
		why := l.Error
		if why == "" && now.Sub(l.Message.Time) > unsent {
			why = "nobody has tried: journalctl -u " + steps.NotifyService
		}
		if why == "" {
			continue
		}
		text := fmt.Sprintf("not everybody could be told yet of %q (%s)", l.Message.Text, why)
		if len(found) == shown {
			text = fmt.Sprintf("not everybody could be told yet of %d more (%s)", len(all)-n, why)
		}
		found = append(found, steps.Finding{Step: steps.IDTrusted, Code: "R11", Severity: steps.Warning, Text: text,
			Fix: []string{"sudo sslwizard notify test    shows what is wrong", "sudo sslwizard notify send    tries again at once"}})
		if len(found) > shown {
			break
		}
	}
	return found
}
