package steps

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Extras are texts of other packages that a plan needs.
type Extras struct {
	RenewService  []byte // content of the unit RenewService
	RenewTimer    []byte // content of the unit RenewTimer
	NotifyService []byte // content of the unit NotifyService
	LoginScript   []byte // what shows LoginText to who logs in
}

// drainWait is how long an executor that is replaced may take to answer what it took.
const drainWait = 30 * time.Second

// Build plans what has to be there for these sites, and for the stored ones beside them, to be served by ex; others
// are the executors that they may be taken over from. It reads from top to bottom as the whole set-up does. The plan
// is as complete as it can be when a finding blocks it, so that it can still be shown. Sites that are not valid are refused
// with a *ParseError: nothing that did not pass the allow-lists gets into a plan.
func Build(sites []Site, f Facts, extras Extras, ex Executor, others ...Executor) (Plan, []Finding, error) {
	for _, s := range sites {
		if err := s.Validate(); err != nil {
			return Plan{}, nil, err
		}
	}
	all, findings := allSites(sites, f, ex)
	findings = append(findings, checkAll(sites, all, f, ex)...)
	b := &planBuilder{facts: f, executor: ex.Name(), sites: all}
	stages, err := ex.Changes(all, f)
	if err != nil {
		if blocked(findings) {
			return b.plan(), dedupe(findings), nil
		}
		return Plan{}, nil, fmt.Errorf("cannot plan for %s: %w", ex.Name(), err)
	}
	b.group = stages.KeyGroup

	b.add(stages.Prepare...)
	b.folders()
	b.binary()
	b.localCertificates()
	b.ownCA()
	b.clientCAs()
	b.siteFiles()
	b.rehearsal(stages)
	b.add(withUnits(b.renewalUnits(extras), stages.Serve)...)
	b.renewal()
	b.add(loginLine(b.sites, b.facts, extras.LoginScript)...)
	b.firewall()
	b.takeOver(sites, others)
	b.announce(stages)
	b.add(Verify{For: For(IDWebSockets), Sites: all}, Checkpoint{For: For(IDWebSockets)})
	b.trustedCertificates()
	b.add(stages.Renewed...)
	b.verifyTrusted()
	return b.plan(), dedupe(findings), b.err
}

// planBuilder puts a plan together; the first error stays.
type planBuilder struct {
	facts    Facts
	executor string
	sites    []Site
	group    string // who may read keys and sites beside root
	list     changeList
	err      error
}

func (b *planBuilder) plan() Plan {
	return Plan{Sites: b.sites, Executor: b.executor, Changes: b.list.changes}
}

func (b *planBuilder) add(changes ...Change) {
	if b.err == nil {
		b.err = b.list.add(changes...)
	}
}

func (b *planBuilder) folders() {
	for _, d := range []EnsureDir{
		{For: For(IDInstall), Path: StateDir, Mode: 0o711},
		{For: For(IDCerts), Path: CertsDir, Mode: 0o750, Group: b.group},
		{For: For(IDCerts), Path: CADir, Mode: 0o700},
		{For: For(IDTrusted), Path: ACMEDir, Mode: 0o700},
		{For: For(IDTrusted), Path: Webroot, Mode: 0o755},
		{For: For(IDTrusted), Path: Webroot + "/.well-known", Mode: 0o755},
		{For: For(IDTrusted), Path: Webroot + "/.well-known/acme-challenge", Mode: 0o755},
		{For: For(IDInstall), Path: parentDir(SitesDir), Mode: 0o755},
		{For: For(IDInstall), Path: SitesDir, Mode: 0o750, Group: b.group},
	} {
		b.add(d)
	}
	if HTTP3(b.sites) {
		b.add(EnsureDir{For: For(IDSSL), Path: HTTP3Dir, Mode: 0o755})
	}
}

// binary has the program where the units look for it. A program that runs from there is there.
func (b *planBuilder) binary() {
	self := b.facts.Self
	if self.Path != b.facts.Binary() {
		b.add(InstallBinary{For: For(IDInstall), Path: b.facts.Binary(), SHA256: self.SHA256, Size: self.Size})
	}
}

func (b *planBuilder) localCertificates() {
	for _, s := range b.sites {
		b.add(IssueLocal{For: For(IDCerts), Site: s.Name, Domains: s.Certs.Domains, KeyType: s.Certs.Key, Days: s.Certs.Days,
			Force: s.Trusted.Source == SourceNone, Group: b.group})
	}
}

func (b *planBuilder) siteFiles() {
	for _, s := range b.sites {
		w := WriteFile{For: For(IDInstall), Path: SiteFile(s.Name), Content: Print(s), Mode: 0o600}
		if b.group != "" {
			w.Mode, w.Group = 0o640, b.group
		}
		b.add(w)
	}
}

// rehearsal runs the new configuration aside whenever something that it is made of changes.
func (b *planBuilder) rehearsal(stages Stages) {
	var on []string
	for _, c := range slices.Concat(b.list.changes, stages.Serve) {
		switch c.(type) {
		case InstallPackages, InstallBinary, IssueLocal, WriteFile, RemoveFile:
			on = append(on, c.Key())
		}
	}
	b.add(Rehearse{For: For(IDWebSockets), Executor: b.executor, Sites: b.sites, On: on})
}

func (b *planBuilder) firewall() {
	asked := slices.ContainsFunc(b.sites, func(s Site) bool { return s.Install.Firewall })
	if !asked || !b.facts.Firewall.InCharge() {
		return
	}
	for _, p := range b.ports() {
		b.add(OpenPort{For: For(IDInstall), Firewall: b.facts.Firewall.Kind, Table: b.facts.Firewall.Table, Port: p})
	}
}

// ports are those of sites that have the firewall opened.
func (b *planBuilder) ports() []Port {
	return ports(slices.DeleteFunc(slices.Clone(b.sites), func(s Site) bool { return !s.Install.Firewall })...)
}

// announce proves HTTP/3 of what is live now, and has that served.
func (b *planBuilder) announce(stages Stages) {
	all := announcements(b.sites, b.facts)
	if len(all) == 0 || stages.Announced == nil {
		return
	}
	var on []string
	for _, c := range all {
		on = append(on, c.Key())
	}
	b.add(all...)
	b.add(stages.Announced(on))
}

// takeOver retires the executors that served these sites until now. Both listen for a moment, so no connection is
// refused; a unit is drained before it is disabled, and hands over what waits for it.
func (b *planBuilder) takeOver(asked []Site, others []Executor) {
	for _, other := range others {
		moved := movedFrom(other.Name(), asked, b.facts.Managed.Sites)
		if len(moved) == 0 || b.err != nil {
			continue
		}
		removal, err := other.Removal(moved, true, b.facts)
		if err != nil {
			b.err = fmt.Errorf("cannot plan to take over from %s: %w", other.Name(), err)
			return
		}
		for _, c := range drained(removal) {
			if d, ok := c.(Drain); ok {
				d.HandOver = true
				c = d
			}
			b.add(c)
		}
		b.add(forgotten(other.Name(), moved, b.facts)...)
	}
}

// movedFrom returns the stored sites of an executor that are asked for now.
func movedFrom(executor string, asked, stored []Site) []Site {
	var moved []Site
	for _, s := range stored {
		if s.Install.Executor == executor && slices.ContainsFunc(asked, func(a Site) bool { return a.Name == s.Name }) {
			moved = append(moved, s)
		}
	}
	return moved
}

// drained has every service drained that is disabled, if the executor does not say so itself. A socket has nothing to
// drain: its service answers what came through it.
func drained(removal []Change) []Change {
	var all []Change
	for _, c := range removal {
		if d, ok := c.(DisableUnit); ok && strings.HasSuffix(d.Unit, ".service") {
			drain := Drain{For: d.For, Unit: d.Unit, Wait: drainWait}
			if !slices.ContainsFunc(removal, func(c Change) bool { return c.Key() == drain.Key() }) {
				all = append(all, drain)
			}
		}
		all = append(all, c)
	}
	return all
}

// renewalUnits are the files of the timer. Every site has it: a certificate of this server's own CA runs out like any other,
// and of files somebody has to be told (R10).
func (b *planBuilder) renewalUnits(extras Extras) []Change {
	if len(extras.RenewService) == 0 || len(extras.RenewTimer) == 0 || len(extras.NotifyService) == 0 {
		b.err = cmp.Or(b.err, errors.New("cannot plan: the units for renewal are missing"))
	}
	step := For(IDTrusted)
	return []Change{
		WriteFile{For: step, Path: UnitDir + "/" + RenewService, Content: extras.RenewService, Mode: 0o644},
		WriteFile{For: step, Path: UnitDir + "/" + RenewTimer, Content: extras.RenewTimer, Mode: 0o644},
		WriteFile{For: step, Path: UnitDir + "/" + NotifyService, Content: extras.NotifyService, Mode: 0o644},
	}
}

// withUnits puts units before what an executor does, so that systemd reads all of them at once: reading them is the
// slowest thing that a run without packages does.
func withUnits(units, serve []Change) []Change {
	if len(units) == 0 {
		return serve
	}
	var on []string
	for _, u := range units {
		on = append(on, u.Key())
	}
	all := slices.Concat(units, serve)
	for i, c := range all {
		if r, ok := c.(ReloadUnits); ok {
			r.On = slices.Concat(r.On, on)
			all[i] = r
			return all
		}
	}
	return slices.Insert(all, len(units), Change(ReloadUnits{For: For(IDTrusted), On: on}))
}

// renewal has the timer run. It runs before the first trusted certificate is there: what kept a CA from giving one may be gone
// in the night.
func (b *planBuilder) renewal() {
	b.add(EnableUnit{For: For(IDTrusted), Unit: RenewTimer, Start: true})
}

// endRenewal takes the timer away, and all that came with it.
func endRenewal(f Facts) []Change {
	step := For(IDTrusted)
	if _, ours := f.Managed.Files[UnitDir+"/"+RenewTimer]; !ours {
		return nil
	}
	all := []Change{DisableUnit{For: step, Unit: RenewTimer}}
	var gone []string
	for _, unit := range []string{RenewService, RenewTimer, NotifyService} {
		file := UnitDir + "/" + unit
		if _, ours := f.Managed.Files[file]; ours {
			all = append(all, RemoveFile{For: step, Path: file})
			gone = append(gone, FileKey(file))
		}
	}
	return append(append(all, ReloadUnits{For: step, On: gone}), loginLine(nil, f, nil)...)
}

func (b *planBuilder) trustedCertificates() {
	for _, s := range b.sites {
		switch s.Trusted.Source {
		case SourceACME:
			b.add(ObtainCertificate{For: For(IDTrusted), Site: s.Name, Domains: s.Certs.Domains, KeyType: s.Certs.Key, Trusted: s.Trusted,
				Webroot: Webroot, Group: b.group})
		case SourceFiles:
			b.add(ImportCertificate{For: For(IDTrusted), Site: s.Name, Domains: s.Certs.Domains, Certificate: s.Trusted.Certificate,
				PrivateKey: s.Trusted.Key, Group: b.group})
		}
	}
}

// verifyTrusted looks at the sites that have, or should have by now, a certificate that others trust.
func (b *planBuilder) verifyTrusted() {
	var trusted []Site
	for _, s := range b.sites {
		if s.Trusted.Source != SourceNone {
			trusted = append(trusted, s)
		}
	}
	if len(trusted) > 0 {
		b.add(Verify{For: For(IDTrusted), Sites: trusted, Trusted: true})
	}
}
