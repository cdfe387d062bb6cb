package system

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
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
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Renew implements command.Renewer. One run at a time changes the host, and a renewal is one. Which sites there are is
// asked when nobody can change it any more: what is taken back before may have been one of them.
func (i *Installer) Renew(ctx context.Context, site string, force bool, sink func(steps.Event)) (steps.Result, error) {
	if _, _, err := i.engine.Recover(ctx, sink); err != nil {
		return steps.Result{}, err
	}
	sites, err := i.picked(ctx, site)
	if err != nil {
		return steps.Result{}, err
	}
	if len(sites) == 0 { // a server without sites gets no lock and no folder from being asked
		return steps.Result{Outcome: steps.OutcomeNothing}, nil
	}
	release, err := apply.FileLock{Root: i.root}.Lock("renew certificates")
	if err != nil {
		return steps.Result{}, err
	}
	defer release()
	if sites, err = i.picked(ctx, site); err != nil {
		return steps.Result{}, err
	}
	say := func(status steps.Status, format string, args ...any) {
		sink(steps.Event{Time: time.Now(), Status: status, Text: steps.CleanLine(fmt.Sprintf(format, args...))})
	}
	outcomes := i.renewer.Renew(ctx, i.host, sites, force, live{i}, func(site, text string) { say(steps.Progress, "%s: %s", site, text) })
	result, err := renewed(outcomes, say)
	if perr := (live{i}).prove(ctx, sites, say); perr != nil {
		result.Outcome, result.Err = steps.OutcomePartial, errors.Join(err, perr)
		return result, result.Err
	}
	return result, err
}

// renewed sums up: one certificate that could not be renewed makes the whole run one that has to be looked at.
func renewed(outcomes []renew.Outcome, say func(steps.Status, string, ...any)) (steps.Result, error) {
	r := steps.Result{Outcome: steps.OutcomeNothing}
	var failed []error
	for _, o := range outcomes {
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

// picked are the stored sites, or the one of that name.
func (i *Installer) picked(ctx context.Context, name string) ([]steps.Site, error) {
	sites, err := i.Stored(ctx)
	if err != nil || name == "" {
		return sites, err
	}
	for _, s := range sites {
		if s.Name == name {
			return []steps.Site{s}, nil
		}
	}
	return nil, &steps.Failure{Text: "cannot renew " + steps.CleanLine(name) + ": no such site is stored on this server", Status: steps.ExitUsage,
		Fixes: []string{"sslwizard status    lists the sites"}}
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

// Served looks at the leaf in every family.
func (l live) Served(ctx context.Context, site steps.Site, sha256 string) error {
	t := probe.Target{Name: string(site.Certs.Domains[0]), Addresses: loopback(), HTTPPort: -1, ExpectLeaf: sha256, Expect: &site}
	for _, c := range probe.Run(ctx, t, nil).Failed() {
		if c.Step == steps.IDCerts || c.Step == steps.IDInstall {
			return errors.New(c.Detail)
		}
	}
	return nil
}

// glance is how long a handshake with this host's own server may take.
const glance = 3 * time.Second

// Outdated makes one handshake in each family. A site that is named by its address cannot be asked for over loopback.
func (l live) Outdated(ctx context.Context, site steps.Site, wanted string) bool {
	name := string(site.Certs.Domains[0])
	if _, isIP := site.Certs.Domains[0].IP(); isIP {
		return false
	}
	if parent, ok := strings.CutPrefix(name, "*."); ok {
		name = "sslwizard." + parent
	}
	return slices.ContainsFunc(loopback(), func(at netip.AddrPort) bool {
		leaf := servedLeaf(ctx, name, netip.AddrPortFrom(at.Addr(), 443))
		return leaf != "" && !strings.EqualFold(leaf, wanted)
	})
}

// servedLeaf is the SHA-256 of the certificate that is served, in hex; "" when there is none.
func servedLeaf(ctx context.Context, name string, at netip.AddrPort) string {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // only compared
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return ""
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}
