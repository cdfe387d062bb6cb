package command

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// deed is what a command was to do.
type deed int

const (
	applying deed = iota
	removing
	undoing
	uninstalling
	renewing
)

// ending is what a command knows of its result for the last words; the zero value is a run of the main job of which
// nothing more is known.
type ending struct {
	deed  deed
	what  string // the sites that were meant, for a reader
	live  []string
	again string // the same command once more; empty: it would not help
	undo  string // run that can be undone; empty: none
}

// endingOf completes an ending by how the run ended.
func (a *App) endingOf(ctx context.Context, m Observer, d deed, sites []steps.Site, r steps.Result) ending {
	e := ending{deed: d, what: siteNames(sites)}
	if d == applying || d == removing {
		switch r.Outcome {
		case steps.OutcomeDone, steps.OutcomePartial, steps.OutcomeUnverified:
			e.undo = r.Run
		}
	}
	if d != undoing && d != uninstalling {
		e.again = a.again(a.args)
	}
	if d == applying && r.Run != "" && (r.Outcome == steps.OutcomeDone || r.Outcome == steps.OutcomePartial) {
		e.live = standings(ctx, m, sites, r)
	}
	return e
}

// standings say of each site that was looked at where it is live and who trusts it. The wizard does not guess: what
// the server has is asked for once more, and what was not seen to work is not said to.
func standings(ctx context.Context, m Observer, sites []steps.Site, r steps.Result) []string {
	s, err := m.Status(context.WithoutCancel(ctx))
	if err != nil {
		return nil
	}
	const most = 5
	var lines []string
	for _, site := range sites {
		i := slices.IndexFunc(s.Sites, func(x steps.SiteStatus) bool { return x.Name == site.Name })
		j := slices.IndexFunc(lastReports(r.Reports), func(rep steps.Report) bool { return strings.EqualFold(rep.Target, siteURL(site)) })
		if i < 0 || j < 0 {
			continue
		}
		lines = append(lines, standing(site, s.Sites[i], lastReports(r.Reports)[j]))
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more sites: sslwizard status shows them all", len(lines)-most))
	}
	return lines
}

// standing is one site in a sentence.
func standing(site steps.Site, s steps.SiteStatus, r steps.Report) string {
	said := siteURL(site) + " is live, "
	if site.WebSockets.Enabled && r.Verdict(steps.IDWebSockets) == steps.OK {
		said = siteURL(site) + " and " + strings.Replace(siteURL(site), "https:", "wss:", 1) + " are live, "
	}
	switch {
	case s.Source == steps.SourceACME && s.Test:
		return said + "with a test certificate, which no browser trusts"
	case s.Source == steps.SourceACME:
		return said + "trusted until " + day(s.NotAfter)
	case s.Source == steps.SourceFiles:
		return said + "with your own certificate, until " + day(s.NotAfter)
	case site.Trusted.Source == steps.SourceNone:
		return said + "with the local certificate, which browsers do not trust"
	}
	return said + "with the local certificate, which browsers do not trust yet"
}

func siteURL(s steps.Site) string {
	host := s.Name
	if len(s.Certs.Domains) > 0 {
		host = string(s.Certs.Domains[0])
	}
	if strings.Contains(host, ":") {
		host = strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
	}
	return "https://" + host
}

// outcome are the sentences that say how it ended.
func (p *textPrinter) outcome(r steps.Result, e ending) []string {
	switch r.Outcome {
	case steps.OutcomeDone:
		return p.done(r, e)
	case steps.OutcomeNothing:
		return []string{"Nothing to do" + nothing(r, e) + "."}
	case steps.OutcomeUnverified:
		if e.deed == undoing {
			return []string{"The undo is done, but what is served now could not all be proven: see what failed above."}
		}
		return []string{"The site is set up as asked, but not all of it could be proven: see what failed above."}
	case steps.OutcomePartial:
		if e.deed == renewing {
			return []string{"Not every certificate could be renewed. The ones that are there stay in use, and the timer tries again by itself."}
		}
		return append(e.live, "The trusted certificate is not there yet:")
	case steps.OutcomeReverted:
		if stopped(r) {
			return []string{"The run was stopped, and everything was undone: the server is as it was" + butKept(r) + "."}
		}
		return []string{"The run failed, and everything was undone: the server is as it was" + butKept(r) + "."}
	case steps.OutcomeInconsistent:
		return []string{"Not everything could be put back: look at what is said here before anything else."}
	}
	return nil
}

func (p *textPrinter) done(r steps.Result, e ending) []string {
	in := ""
	if p.took >= time.Second {
		in = fmt.Sprintf(" in %.0f s", p.took.Seconds())
	}
	switch e.deed {
	case undoing:
		return []string{"Undone: what the run changed is as it was before" + butKept(r) + "."}
	case uninstalling:
		return []string{"Uninstalled: every run of sslwizard is undone" + butKept(r) + "."}
	case renewing:
		return []string{"Renewed."}
	case removing:
		return []string{"Removed. Its certificate is kept, for if you want it back."}
	}
	return append([]string{"Done" + in + "."}, e.live...)
}

func butKept(r steps.Result) string { return word(len(r.Kept) > 0, ", but for what is kept", "") }

// nothing says why there was nothing to do.
func nothing(r steps.Result, e ending) string {
	switch e.deed {
	case undoing:
		return ": there is no run left to undo"
	case uninstalling:
		return ": sslwizard has left nothing here"
	case renewing:
		return ": no certificate is due"
	}
	if e.what == "" {
		return ""
	}
	said := ": " + e.what + word(strings.Contains(e.what, ","), " are", " is") + " as asked"
	if len(lastReports(r.Reports)) > 0 {
		said += ", and seen to work"
	}
	return said
}
