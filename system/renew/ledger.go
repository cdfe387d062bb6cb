package renew

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
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ledger remembers what was asked of CAs, in ACMEDir/ledger.json, so that we stop before the CA's limits do: Let's
// Encrypt gives five certificates a week for a set of names and five failures an hour for a name, and a limit once met
// cannot be lifted by anybody.
//
// Only Let's Encrypt's real directory is counted. What a CA itself said ("not before 14:20") holds for that CA.
type ledger struct {
	Issued []entry `json:"issued,omitempty"`
	Failed []entry `json:"failed,omitempty"`
	Barred []entry `json:"barred,omitempty"` // At is when it is possible again

	host host.Host
	now  time.Time
}

type entry struct {
	Directory string    `json:"directory"`
	Names     string    `json:"names"` // the sorted set, or one name for Failed
	At        time.Time `json:"at"`
}

// Our own limits, each stricter than Let's Encrypt's.
const (
	maxIssued    = 3
	issuedWindow = 7 * 24 * time.Hour
	maxFailed    = 2
	failedWindow = time.Hour
)

var ledgerFile = path.Join(steps.ACMEDir, "ledger.json")

// openLedger reads the ledger. A damaged one is an error: without it we could spend a limit that cannot be bought back.
func openLedger(h host.Host, now time.Time) (*ledger, error) {
	l := &ledger{host: h, now: now.UTC()}
	f, err := h.ReadFile(ledgerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of earlier orders: %w", err)
	}
	if err := json.Unmarshal(f.Data, l); err != nil {
		return nil, &steps.Failure{
			Text:  "cannot read the record of earlier orders in " + ledgerFile + ": it is damaged",
			Fixes: []string{"if no more than two certificates were made this week: sudo rm " + ledgerFile},
		}
	}
	return l, nil
}

func setOf(domains []steps.Domain) string {
	names := make([]string, len(domains))
	for i, d := range domains {
		names[i] = string(d)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// allows refuses what would meet a limit, with the time when it would not.
func (l *ledger) allows(directory string, domains []steps.Domain) error {
	set := setOf(domains)
	for _, e := range l.Barred {
		if e.Directory == directory && e.Names == set && e.At.After(l.now) {
			return limited("the CA said so in an earlier run", e.At)
		}
	}
	if !acme.IsLetsEncrypt(directory) {
		return nil
	}
	if at, full := fullUntil(l.Issued, directory, set, maxIssued, issuedWindow, l.now); full {
		return limited(fmt.Sprintf("%d certificates for the same names were made in the last week, and Let's Encrypt allows few more", maxIssued), at)
	}
	for _, d := range domains {
		if at, full := fullUntil(l.Failed, directory, string(d), maxFailed, failedWindow, l.now); full {
			return limited(fmt.Sprintf("%s could not be proved %d times within an hour, and Let's Encrypt allows few more", d, maxFailed), at)
		}
	}
	return nil
}

// fullUntil reports whether n entries lie within the window, and when the oldest of the newest n leaves it.
func fullUntil(entries []entry, directory, names string, n int, window time.Duration, now time.Time) (time.Time, bool) {
	var at []time.Time
	for _, e := range entries {
		if e.Directory == directory && e.Names == names && e.At.Add(window).After(now) {
			at = append(at, e.At)
		}
	}
	if len(at) < n {
		return time.Time{}, false
	}
	slices.SortFunc(at, time.Time.Compare)
	return at[len(at)-n].Add(window), true
}

func limited(why string, until time.Time) error {
	return &acme.Limited{
		Until: until,
		Failure: &steps.Failure{
			Text: "cannot ask the CA now: " + why, Code: "A14", Status: steps.ExitTryLater,
			Fixes: []string{"run the same command again after " + until.UTC().Format("2006-01-02 15:04 UTC") + "; the site keeps the certificate that it has"},
		},
	}
}

func (l *ledger) issued(directory string, domains []steps.Domain) error {
	l.Issued = append(l.Issued, entry{directory, setOf(domains), l.now})
	return l.write()
}

// remember notes what a failure means for the next time, and returns the failure.
func (l *ledger) remember(directory string, domains []steps.Domain, failure error) error {
	var refused *acme.Refused
	var met *acme.Limited
	switch {
	case errors.As(failure, &refused):
		for _, d := range refused.Domains {
			l.Failed = append(l.Failed, entry{directory, string(d), l.now})
		}
	case errors.As(failure, &met) && met.Until.After(l.now):
		l.Barred = append(l.Barred, entry{directory, setOf(domains), met.Until.UTC()})
	default:
		return failure
	}
	return errors.Join(failure, l.write())
}

// write keeps what can still count.
func (l *ledger) write() error {
	l.Issued = slices.DeleteFunc(l.Issued, func(e entry) bool { return e.At.Add(issuedWindow).Before(l.now) })
	l.Failed = slices.DeleteFunc(l.Failed, func(e entry) bool { return e.At.Add(failedWindow).Before(l.now) })
	l.Barred = slices.DeleteFunc(l.Barred, func(e entry) bool { return e.At.Before(l.now) })
	err := ensureDirs(l.host, 0o700, steps.ACMEDir)
	if err == nil {
		err = writeJSON(l.host, ledgerFile, l)
	}
	if err != nil {
		return fmt.Errorf("cannot store the record of orders: %w", err)
	}
	return nil
}
