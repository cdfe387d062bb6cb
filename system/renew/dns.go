package renew

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/dns01"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// DNS is how records are made and looked for. The zero value is right outside tests.
type DNS struct {
	Means dns01.Means
	Watch dns01.Watch
}

// DNSFile looks at the file of trusted.dns.credentials without telling what it says.
func DNSFile(r host.Reader, d steps.SiteDNS) steps.RootFile {
	_, seen := readDNS(r, d)
	return seen
}

// readDNS reads the provider's file. What is found against it is in the second value; then there are no settings.
func readDNS(r host.Reader, d steps.SiteDNS) (steps.DNSSettings, steps.RootFile) {
	f, seen := rootonly.Secret(r, d.Credentials)
	if seen != (steps.RootFile{}) {
		return nil, seen
	}
	for _, unseen := range []string{"/tmp/", "/var/tmp/", "/dev/"} { // PrivateTmp and PrivateDevices of the unit
		if strings.HasPrefix(d.Credentials, unseen) {
			return nil, steps.RootFile{Hidden: true}
		}
	}
	p, _ := steps.DNSProviderOf(d.Provider)
	s, err := p.Parse(f.Data)
	if err == nil {
		_, err = dns01.Open(d.Provider, s, dns01.Means{Run: func(context.Context, string, []string, []string) error { return nil }})
	}
	if err == nil && s["program"] != "" {
		err = checkProgram(r, s["program"])
	}
	if err != nil {
		return nil, steps.RootFile{Fault: err.Error()}
	}
	return s, steps.RootFile{}
}

// checkProgram says before a run what would keep the program of the user's from being started in it; the folders above it
// are looked at when it is.
func checkProgram(r host.Reader, program string) error {
	seen := rootonly.Program(r, program)
	switch {
	case seen.Open != "":
		return fmt.Errorf("the program %s: %s: sudo chown root:root %s && sudo chmod 755 %s", program, seen.Wrong(), program, program)
	case seen == (steps.RootFile{}), seen.Sealed:
		return nil
	}
	return fmt.Errorf("the program %s: %s", program, seen.Wrong())
}

// provider opens the provider of a site; its failure is the finding that a plan shows of the file.
func provider(h host.Host, d steps.SiteDNS, m dns01.Means) (dns01.Provider, error) {
	s, seen := readDNS(h, d)
	if s == nil {
		site := steps.Site{Trusted: steps.SiteTrusted{Challenge: steps.DNS01, DNS: d}}
		for _, f := range steps.DNSFindings(site, seen) {
			return nil, &steps.Failure{Text: f.Text, Code: f.Code, Status: steps.ExitAnswers, Fixes: f.Fix}
		}
	}
	m.Run = func(ctx context.Context, program string, args, env []string) error {
		_, err := h.Run(ctx, host.Command{Argv: append([]string{path.Base(program)}, args...), Program: program, Env: env})
		return err
	}
	return dns01.Open(d.Provider, s, m)
}

// prover answers the challenges of one order.
func (j *job) prover(ctx context.Context, site string, d steps.SiteDNS) (*dns01.Prover, error) {
	p, err := provider(j.host, d, j.DNS.Means)
	if err != nil {
		return nil, err
	}
	known, _ := steps.DNSProviderOf(d.Provider)
	prover := &dns01.Prover{
		Provider: p, Name: known.Label, AtOnce: dns01.AtOnce(d.Provider), Watch: j.DNS.Watch, Say: j.progress,
		Journal: &leftovers{host: j.host, site: site, dns: d},
	}
	return prover.Start(ctx), nil
}

// leftovers are the records that may be in the DNS: those of an order under way, and those that could not be taken away when
// it was over, in ACMEDir/records.json.
type leftovers struct {
	host host.Host
	site string
	dns  steps.SiteDNS
	turn sync.Mutex // names are proved together
}

var _ dns01.Journal = (*leftovers)(nil)

// leftover is one record, and who is asked to take it away.
type leftover struct {
	Site        string `json:"site"`
	Provider    string `json:"provider"`
	Credentials string `json:"credentials"`
	dns01.Record
}

var recordsFile = path.Join(steps.ACMEDir, "records.json")

// Note implements dns01.Journal.
func (l *leftovers) Note(r dns01.Record) error {
	return l.change(r, func(all []leftover, one leftover) []leftover { return append(all, one) })
}

// Forget implements dns01.Journal.
func (l *leftovers) Forget(r dns01.Record) error {
	return l.change(r, func(all []leftover, _ leftover) []leftover { return all })
}

func (l *leftovers) change(r dns01.Record, next func([]leftover, leftover) []leftover) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	one := leftover{l.site, l.dns.Provider, l.dns.Credentials, r}
	all := slices.DeleteFunc(readLeftovers(l.host), func(o leftover) bool { return o == one })
	return writeLeftovers(l.host, next(all, one))
}

// readLeftovers is empty where nothing can be read: a record that stays answers for nothing any more.
func readLeftovers(r host.Reader) []leftover {
	f, err := r.ReadFile(recordsFile)
	var all []leftover
	if err != nil || json.Unmarshal(f.Data, &all) != nil {
		return nil
	}
	return all
}

func writeLeftovers(h host.Host, all []leftover) error {
	if len(all) == 0 {
		return h.Remove(recordsFile)
	}
	if err := ensureDirs(h, 0o700, steps.ACMEDir); err != nil {
		return err
	}
	return writeJSON(h, recordsFile, all)
}

// sweep takes away what earlier runs could not: nobody else has a run now. What still cannot be stays written down.
func (m *Manager) sweep(ctx context.Context, h host.Host, progress func(string)) {
	j := &job{Manager: m, host: h, progress: progress}
	for _, dir := range []string{steps.ACMEDir, steps.RenewDir} {
		if err := host.SweepTemps(h, dir); err != nil {
			j.say("What an interrupted write left in %s cannot be taken away: %v", dir, err)
		}
	}
	if err := sweepProofs(h, m.now()); err != nil {
		j.say("Proofs that an earlier run left in the webroot cannot be taken away: %v", err)
	}
	all := readLeftovers(h)
	if len(all) == 0 {
		return
	}
	var left []leftover
	for _, o := range all {
		p, err := provider(j.host, steps.SiteDNS{Provider: o.Provider, Credentials: o.Credentials}, j.DNS.Means)
		if err == nil {
			err = p.Remove(ctx, o.Record)
		}
		if err != nil {
			j.say("The TXT record of %s that an earlier run left cannot be taken away: %v", o.Name, err)
			left = append(left, o)
			continue
		}
		j.say("Took away the TXT record of %s that an earlier run left", o.Name)
	}
	if err := writeLeftovers(j.host, left); err != nil {
		j.say("Which TXT records are left cannot be written down: %v", err)
	}
}
