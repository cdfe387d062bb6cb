package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Many is what a message about more than one site is about.
const Many = "many"

// gravity is what messages are about (system/renew, and here), the worst first.
var gravity = []string{Broken, "expired", "critical", "unserved", "missing", "warning", "notice", "well"}

func grave(about string) int {
	if at := slices.Index(gravity, about); at >= 0 {
		return at
	}
	return len(gravity)
}

// named is how many sites a digest names.
const named = 10

// digest is many messages in one: how many of each kind, and the worst of them by their names.
func digest(of []*waiting) Message {
	all := slices.Clone(of)
	slices.SortStableFunc(all, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(grave(a.Message.About), grave(b.Message.About)), cmp.Compare(a.Message.Site, b.Message.Site))
	})
	m := Message{Host: all[0].Message.Host, About: Many, Time: all[0].Message.Time,
		Fixes: []string{"sudo sslwizard status    says what is wrong with each of them"}}
	var kinds, sites []string
	for rest := all; len(rest) > 0; {
		about := rest[0].Message.About
		n := len(rest)
		if other := slices.IndexFunc(rest, func(w *waiting) bool { return w.Message.About != about }); other > 0 {
			n = other
		}
		kinds, rest = append(kinds, fmt.Sprintf("%d %s", n, about)), rest[n:]
	}
	for _, w := range all {
		if m.Time.Before(w.Message.Time) {
			m.Time = w.Message.Time
		}
		if w.Message.Site == "" {
			m.Text = w.Message.Text + "; "
			continue
		}
		sites = append(sites, short(w.Message.Site, mostText/2/named))
	}
	if more := len(sites) - named; more > 0 {
		sites = append(sites[:named], fmt.Sprintf("and %d more", more))
	}
	m.Text += fmt.Sprintf("%d messages in one (%s): %s", len(all), strings.Join(kinds, ", "), strings.Join(sites, ", "))
	return m
}
