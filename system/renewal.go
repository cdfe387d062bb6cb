package system

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/notify"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// roundTime is how long the timer's round goes on with sites: its unit's TimeoutStartSec has to have room for one site more, for
// what is killed there has not been reloaded.
const roundTime = 20 * time.Minute

// Renew implements command.Renewer. One run at a time changes the host, and a renewal is one. Which sites there are is
// asked when nobody can change it any more: what is taken back before may have been one of them.
func (i *Installer) Renew(ctx context.Context, req steps.RenewRequest, sink func(steps.Event)) (steps.Result, error) {
	if _, _, err := i.engine.Recover(ctx, sink); err != nil {
		return steps.Result{}, err
	}
	names, idle, err := i.wanted(req)
	if err != nil {
		return steps.Result{}, err
	}
	if len(names) == 0 { // a server without sites gets no lock and no folder from being asked
		return idle, idle.Err
	}
	release, err := apply.FileLock{Root: i.root}.Lock("renew certificates")
	if err != nil {
		return steps.Result{}, err
	}
	defer release()
	if names, idle, err = i.wanted(req); err != nil {
		return steps.Result{}, err
	}
	return i.round(ctx, req, names, idle, sink)
}

// round renews what is due of these sites.
func (i *Installer) round(ctx context.Context, req steps.RenewRequest, names []string, idle steps.Result, sink func(steps.Event)) (steps.Result, error) {
	say := func(status steps.Status, format string, args ...any) {
		sink(steps.Event{Time: time.Now(), Status: status, Text: steps.CleanLine(fmt.Sprintf(format, args...))})
	}
	sites, unread := i.read(names)
	o := renew.Options{Force: req.Force, Scheduled: req.Scheduled}
	if req.Scheduled {
		o.Time = roundTime
	}
	outcomes := i.renewer.Renew(ctx, i.host, sites, o, live{i}, func(site, text string) { say(steps.Progress, "%s: %s", site, text) })
	result, err := renewed(append(outcomes, unread...), say)
	broken := ""
	if err != nil {
		broken = notify.Told(i.host) // that it is over is not known
	}
	if lerr := i.login(broken); lerr != nil {
		say(steps.Progress, "%v", lerr)
	}
	if err == nil && idle.Err != nil { // another site waits for its next attempt
		result.Outcome, result.Err, err = idle.Outcome, idle.Err, idle.Err
	}
	if perr := (live{i}).prove(ctx, sites, say); perr != nil {
		result.Outcome, result.Err = steps.OutcomePartial, errors.Join(err, perr)
		return result, result.Err
	}
	return result, err
}

// wanted are the sites that have to be looked at. The result is for when there are none: the timer's rounds end as failed
// as long as a site's renewal does.
func (i *Installer) wanted(req steps.RenewRequest) ([]string, steps.Result, error) {
	nothing := steps.Result{Outcome: steps.OutcomeNothing}
	names := inspect.SiteNames(i.host)
	switch {
	case req.Site != "" && !slices.Contains(names, req.Site):
		return nil, nothing, &steps.Failure{Text: "cannot renew " + steps.CleanLine(req.Site) + ": no such site is stored on this server", Status: steps.ExitUsage,
			Fixes: []string{"sslwizard status    lists the sites"}}
	case req.Site != "":
		return []string{req.Site}, nothing, nil
	case !req.Scheduled:
		return names, nothing, nil
	}
	if err := renew.Forget(i.host, names); err != nil {
		return nil, nothing, err
	}
	seen := i.renewer.Survey(i.host, names)
	failed := slices.DeleteFunc(seen.Failed, func(name string) bool { return slices.Contains(seen.Awake, name) })
	if len(failed) > 0 {
		nothing.Outcome, nothing.Err = steps.OutcomePartial, waiting(failed)
	}
	return seen.Awake, nothing, nil
}

// waiting is what the timer ends with while sites wait for their next attempt.
func waiting(sites []string) error {
	more := ""
	if len(sites) > 1 {
		more = fmt.Sprintf(" and %d more", len(sites)-1)
	}
	return &steps.Failure{Text: "cannot renew " + steps.CleanLine(sites[0]) + more + " yet: the last attempt failed, and it is too early for the next", Status: steps.ExitUnverified,
		Fixes: []string{"sudo sslwizard status    says why", "sudo sslwizard renew    tries at once"}}
}

// read reads stored sites. One that cannot be used is not renewed, and that is said.
func (i *Installer) read(names []string) (sites []steps.Site, unread []renew.Outcome) {
	for _, name := range names {
		found, err := inspect.StoredSites(i.host, name)
		if err != nil {
			unread = append(unread, renew.Outcome{Site: name, Err: &steps.Failure{Text: "cannot use the stored site", Err: err,
				Fixes: []string{"correct it: sslwizard answers validate " + steps.SiteFile(name), "or put it aside: mv " + steps.SiteFile(name) + " /root/"}}})
		}
		sites = append(sites, found...)
	}
	return sites, unread
}

// renewed sums up: one certificate that could not be renewed makes the whole run one that has to be looked at.
func renewed(outcomes []renew.Outcome, say func(steps.Status, string, ...any)) (steps.Result, error) {
	r := steps.Result{Outcome: steps.OutcomeNothing}
	var failed []error
	for _, o := range outcomes {
		for _, n := range o.Notices {
			say(steps.Progress, "%s: %s", n.About, n.Text)
		}
		switch {
		case o.Err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", o.Site, o.Err))
		case o.Renewed:
			say(steps.Done, "%s: a new certificate until %s is served", o.Site, o.NotAfter.UTC().Format("2006-01-02"))
			r.Outcome = steps.OutcomeDone
		default:
			say(steps.Done, "%s: %s", o.Site, o.Note)
		}
	}
	if len(failed) > 0 {
		r.Outcome, r.Err = steps.OutcomePartial, errors.Join(failed...)
	}
	return r, r.Err
}

// live implements renew.Live.
type live struct{ *Installer }

// Reload has each executor that serves one of the sites take the new certificates.
func (l live) Reload(ctx context.Context, sites []steps.Site) error {
	reloaded := map[string]bool{}
	for _, s := range sites {
		name := s.Install.Executor
		if reloaded[name] {
			continue
		}
		reloaded[name] = true
		if err := l.reload(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (l live) reload(ctx context.Context, executor string) error {
	if executor == steps.ExecutorNginx {
		return nginx.NewRuntime().Reload(ctx, l.host, nginx.Unit)
	}
	return native.NewRuntime().Reload(ctx, l.host, assets.ProxyService)
}

// Served looks at the leaf on every address that the site is reached at.
func (l live) Served(ctx context.Context, site steps.Site, sha256 string) error {
	everywhere, single := l.reachedAt()
	t := probe.Target{Name: string(site.Certs.Domains[0]), Addresses: everywhere, HTTPPort: -1, ExpectLeaf: sha256, Expect: &site}
	for _, c := range probe.Run(ctx, t, nil).Failed() {
		if c.Step == steps.IDCerts || c.Step == steps.IDInstall {
			return errors.New(c.Detail)
		}
	}
	for _, at := range single {
		if seen := seenAt(ctx, site, at); seen != "" && seen != sha256 {
			return fmt.Errorf("an older certificate is served at %s", at)
		}
	}
	return nil
}

// reachedAt are the addresses at which HTTPS is listened for here: loopback for the families that are listened on whole,
// and the single ones, which may be another program's.
func (l live) reachedAt() (everywhere []netip.AddrPort, single []netip.AddrPort) {
	for _, a := range inspect.Listening(l.host, 443) {
		if !a.IsUnspecified() && !a.IsLoopback() {
			single = append(single, netip.AddrPortFrom(a, 443))
		}
	}
	return loopback(), single
}

// glance is how long a handshake with this host's own server may take.
const glance = 3 * time.Second

// Outdated makes one handshake at each address. A site that is named by its address cannot be asked for over loopback.
func (l live) Outdated(ctx context.Context, site steps.Site, wanted string) bool {
	if _, isIP := site.Certs.Domains[0].IP(); isIP {
		return false
	}
	everywhere, single := l.reachedAt()
	for n, at := range everywhere {
		everywhere[n] = netip.AddrPortFrom(at.Addr(), 443)
	}
	return outdated(ctx, site, append(everywhere, single...), wanted)
}

// outdated reports whether another leaf than the wanted one is served somewhere, or none anywhere: one silent address may be of
// a family that is not listened on, or another program's.
func outdated(ctx context.Context, site steps.Site, at []netip.AddrPort, wanted string) bool {
	served := false
	for _, address := range at {
		switch seenAt(ctx, site, address) {
		case "":
		case wanted:
			served = true
		default:
			return true
		}
	}
	return !served
}

// seenAt is the SHA-256 (hex, in small letters) of the leaf that is served for the site there; empty when there is none. What is
// not for its name is somebody else's, but for loopback, where only ours is.
func seenAt(ctx context.Context, site steps.Site, at netip.AddrPort) string {
	name := string(site.Certs.Domains[0])
	if parent, ok := strings.CutPrefix(name, "*."); ok {
		name = "sslwizard." + parent
	}
	leaf := servedLeaf(ctx, name, at)
	if leaf == nil || !at.Addr().IsLoopback() && leaf.VerifyHostname(name) != nil {
		return ""
	}
	sum := sha256.Sum256(leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// servedLeaf is the certificate that is served; nil when there is none.
func servedLeaf(ctx context.Context, name string, at netip.AddrPort) *x509.Certificate {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // only compared
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}
