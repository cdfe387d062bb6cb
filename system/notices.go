package system

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/notify"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// writeDown has what was noticed of a site wait for those who are to be told.
func writeDown(h host.Host, site steps.Site, leaf string, notices []renew.Notice) error {
	for _, n := range notices {
		m := notify.Message{Host: called(h), Site: n.Site, About: n.About, Text: n.Text, Fixes: n.Fixes, Time: time.Now()}
		if err := (notify.Outbox{Host: h}).Add(m, leaf, notify.Channels(site.Trusted.Notify)); err != nil {
			return err
		}
	}
	return nil
}

// called is the name of the server in a message.
func called(r host.Reader) string { return cmp.Or(host.Name(r), "this server") }

// SendNotices implements command.Notifier. Two at a time would tell everything twice. What waits is sent whatever else fails.
func (i *Installer) SendNotices(ctx context.Context, scheduled bool) ([]steps.Delivery, error) {
	if len(inspect.SiteNames(i.host)) == 0 { // a server without sites gets no lock and no folder from being asked
		return nil, nil
	}
	release, err := apply.FileLock{Root: i.root, File: steps.NotifyLock}.Lock("telling people")
	if err != nil {
		return nil, err
	}
	defer release()
	o := notify.Outbox{Host: i.host}
	failed := i.tellOfUnit(ctx, o)
	results, err := o.Send(ctx, &notify.Sender{Host: i.host}, i.today(), !scheduled)
	return deliveries(results), errors.Join(failed, err)
}

// TestNotices implements command.Notifier.
func (i *Installer) TestNotices(ctx context.Context) ([]steps.Delivery, error) {
	channels, err := i.channels()
	if err != nil {
		return nil, err
	}
	if len(channels) == 0 {
		return nil, &steps.Failure{Text: "cannot test: no site says who is told", Status: steps.ExitUsage,
			Fixes: []string{"say trusted.notify.command, trusted.notify.webhook or trusted.notify.email in the answers: sslwizard answers explain trusted.notify.webhook"}}
	}
	sender := &notify.Sender{Host: i.host}
	m := notify.Message{Host: called(i.host), About: "test", Text: "this is a test, and nothing is wrong", Time: time.Now()}
	var results []notify.Result
	for _, c := range channels {
		results = append(results, notify.Result{Channel: c, Message: m, Err: sender.Deliver(ctx, c, m)})
	}
	return deliveries(results), context.Cause(ctx)
}

func deliveries(results []notify.Result) []steps.Delivery {
	var all []steps.Delivery
	for _, r := range results {
		d := steps.Delivery{Channel: r.Channel.String(), Text: r.Message.Text}
		if r.Err != nil {
			d.Error = steps.Clean(r.Err.Error())
		}
		all = append(all, d)
	}
	return all
}

// today says who is to be told now. Of a site that is there no longer nobody is; while one cannot be read, that is not known.
func (i *Installer) today() notify.Today {
	stored := inspect.SiteNames(i.host)
	return func(site string) ([]notify.Channel, bool) {
		if site == "" {
			all, err := i.channels()
			return all, err == nil
		}
		if !slices.Contains(stored, site) {
			return nil, true
		}
		sites, err := inspect.StoredSites(i.host, site)
		if err != nil || len(sites) == 0 {
			return nil, false
		}
		return notify.Channels(sites[0].Trusted.Notify), true
	}
}

// channels are those of all sites, each once.
func (i *Installer) channels() ([]notify.Channel, error) {
	var all []notify.Channel
	var failed error
	for _, name := range inspect.SiteNames(i.host) {
		sites, err := inspect.StoredSites(i.host, name)
		failed = errors.Join(failed, err)
		for _, s := range sites {
			for _, c := range notify.Channels(s.Trusted.Notify) {
				if !slices.Contains(all, c) {
					all = append(all, c)
				}
			}
		}
	}
	if len(all) > 0 {
		failed = nil // who can be told, is
	}
	return all, failed
}

// tellOfUnit writes down what is wrong with the renewal itself, and has who logs in see all that is wrong. While a round is
// on, and before the first one since the server started, nothing is known of it.
func (i *Installer) tellOfUnit(ctx context.Context, o notify.Outbox) error {
	ended, known, err := i.renewalEnded(ctx)
	if err != nil || !known {
		return err
	}
	wrong := cmp.Or(ended.Wrong(), i.unreadable())
	failed := o.Unit(wrong, notify.Message{Host: called(i.host), Time: time.Now()}, i.channels)
	return errors.Join(failed, i.login(wrong))
}

// unreadable says which stored site cannot be used: its certificate is not renewed, and nobody else tells of it. It is one that the
// timer looks at again and again, for it comes to no end with it; with the others it did within a day.
func (i *Installer) unreadable() string {
	for _, name := range i.renewer.Survey(i.host, inspect.SiteNames(i.host)).Awake {
		if _, err := inspect.StoredSites(i.host, name); err != nil {
			return fmt.Sprintf("the certificate of %s is not renewed: %s cannot be used", steps.CleanLine(name), steps.CleanLine(steps.SiteFile(name)))
		}
	}
	return ""
}

// login has who logs in see what is wrong with the sites, and with the renewal itself.
func (i *Installer) login(more ...string) error {
	texts := renew.Logins(i.host, inspect.SiteNames(i.host))
	for _, text := range more {
		if text != "" {
			texts = append(texts, text)
		}
	}
	return notify.Login(i.host, texts)
}

// renewalEnded asks systemd; known is whether a round has ended since the server started, and none is on.
func (i *Installer) renewalEnded(ctx context.Context) (e notify.Ended, known bool, err error) {
	out, err := i.host.Query(ctx, host.Command{Argv: []string{"systemctl", "show", "-p", "Result", "-p", "ExecMainStatus", "-p", "ActiveState",
		"-p", "ExecMainExitTimestampMonotonic", "--", steps.RenewService}})
	if err != nil {
		return notify.Ended{}, false, err
	}
	is := host.Properties(string(out.Stdout))
	e.Result = is["Result"]
	e.Status, _ = strconv.Atoi(is["ExecMainStatus"])
	known = is["ActiveState"] == "failed" || is["ActiveState"] == "inactive" && is["ExecMainExitTimestampMonotonic"] != "0"
	return e, known, nil
}
