package renew

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// limit is one of Let's Encrypt's, and how far we go: below it, since others may ask for the same names, and since a
// person shall be able to try again after us.
type limit struct {
	theirs, ours int
	window       time.Duration
	what         string // what was done so often, after the number
}

const (
	week      = 7 * 24 * time.Hour
	threeHour = 3 * time.Hour
)

// Let's Encrypt's limits as of 2026-08-05 (letsencrypt.org/docs/rate-limits).
var (
	perSet     = limit{5, 3, week, "certificates for the same names were made in the last week"}
	perDomain  = limit{50, 45, week, "certificates for names of %s were made in the last week"}
	perName    = limit{5, 2, time.Hour, "checks of %s failed within an hour"}
	perAccount = limit{300, 280, threeHour, "orders were made within three hours"}
	perAddress = limit{10, 3, threeHour, "accounts were registered within three hours"}
)

// kind of an order: what Let's Encrypt knows of it decides which limits it is held to.
type kind int

const (
	first       kind = iota // these names had no certificate here
	again                   // exactly these names had one: only the set's own limit and failures count
	replacement             // it names the certificate that it replaces (RFC 9773): no limit counts
)

// allows refuses an order that would meet a limit, with the time when it would not.
func (l ledger) allows(directory string, domains []steps.Domain, k kind) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	now := l.now()
	if err := b.barred(directory, setOf(domains), now); err != nil {
		return err
	}
	// A name that cannot be proved is not tried over and over, whatever the CA would bear.
	for _, d := range domains {
		if err := perName.about(string(d)).allows(directory, about(b.Failed, string(d)), now); err != nil {
			return err
		}
	}
	if k == replacement || !acme.IsLetsEncrypt(directory) {
		return nil
	}
	if err := perSet.allows(directory, about(b.Issued, setOf(domains)), now); err != nil || k == again {
		return err
	}
	if err := perAccount.allows(directory, b.Ordered, now); err != nil {
		return err
	}
	return b.perDomain(directory, domains, now)
}

// resumes is all that counts for an order that is gone on with: what the CA itself said. Its certificate is counted already,
// so a full ledger is no reason to leave it at the CA.
func (l ledger) resumes(directory string, domains []steps.Domain) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	return b.barred(directory, setOf(domains), l.now())
}

func about(entries []entry, names string) []entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e entry) bool { return e.Names != names })
}

// barred is what the CA itself said, of these names or of all.
func (b *book) barred(directory, names string, now time.Time) error {
	for _, e := range b.Barred {
		if e.Directory == directory && (e.Names == "" || e.Names == names) && e.At.After(now) {
			return limited(acme.NameOf(directory)+" refused in an earlier run, and may be asked again only later", e.At)
		}
	}
	return nil
}

func (b *book) perDomain(directory string, domains []steps.Domain, now time.Time) error {
	for _, owned := range registered(domains) {
		of := slices.DeleteFunc(slices.Clone(b.Issued), func(e entry) bool {
			return !slices.Contains(registered(domainsOf(e.Names)), owned)
		})
		if err := perDomain.about(owned).allows(directory, of, now); err != nil {
			return err
		}
	}
	return nil
}

func domainsOf(set string) []steps.Domain {
	var out []steps.Domain
	for name := range strings.SplitSeq(set, ",") {
		out = append(out, steps.Domain(name))
	}
	return out
}

// registered are the domains, as bought from a registry, that the names belong to; an IPv4 address and the /64 of an IPv6
// one count like one.
func registered(domains []steps.Domain) []string {
	var out []string
	for _, d := range domains {
		owned := ownedBy(d)
		if !slices.Contains(out, owned) {
			out = append(out, owned)
		}
	}
	return out
}

func ownedBy(d steps.Domain) string {
	if a, ok := d.IP(); ok {
		if a.Is4() {
			return a.String()
		}
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	name := strings.TrimPrefix(string(d), "*.")
	owned, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name // it is a suffix itself
	}
	return owned
}

func (m limit) about(what string) limit {
	m.what = fmt.Sprintf(m.what, what)
	return m
}

// allows refuses what would be one too many.
func (m limit) allows(directory string, entries []entry, now time.Time) error {
	if !acme.IsLetsEncrypt(directory) {
		return nil
	}
	at, full := m.fullUntil(entries, directory, now)
	if !full {
		return nil
	}
	return limited(fmt.Sprintf("%d %s, and Let's Encrypt takes no more than %d", m.ours, m.what, m.theirs), at)
}

// fullUntil reports whether we went as far as we go, and when the oldest of the newest leaves the window.
func (m limit) fullUntil(entries []entry, directory string, now time.Time) (time.Time, bool) {
	var at []time.Time
	for _, e := range entries {
		if e.Directory == directory && e.At.Add(m.window).After(now) {
			at = append(at, e.At)
		}
	}
	if len(at) < m.ours {
		return time.Time{}, false
	}
	slices.SortFunc(at, time.Time.Compare)
	return at[len(at)-m.ours].Add(m.window), true
}

func limited(why string, until time.Time) error {
	return &acme.Limited{
		Own: true, Until: until,
		Failure: &steps.Failure{
			Text: "cannot ask the CA now: " + why, Code: "A14", Status: steps.ExitTryLater,
			Fixes: []string{"run the same command again after " + until.UTC().Format("2006-01-02 15:04 UTC") + "; the site keeps the certificate that it has"},
		},
	}
}
