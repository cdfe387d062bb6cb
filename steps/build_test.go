package steps

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// fakeExecutor plans little, but of each kind. The real ones have goldens of their own.
type fakeExecutor struct {
	name, unit, group string
	pkg               string
	err               error
}

var (
	fakeNative = fakeExecutor{name: ExecutorNative, unit: "sslwizard-proxy.service", group: ProxyUser}
	fakeNginx  = fakeExecutor{name: ExecutorNginx, unit: "nginx.service", pkg: "nginx"}
)

var _ Executor = fakeExecutor{}

func (e fakeExecutor) Name() string { return e.name }

func (e fakeExecutor) Fit(s Site, _ Facts) []Finding {
	if s.Install.Executor != e.name {
		return nil
	}
	return []Finding{{Step: IDInstall, Code: "fake", Severity: Info, Text: e.name + " fits"}}
}

func (e fakeExecutor) Changes(sites []Site, _ Facts) (Stages, error) {
	st := Stages{KeyGroup: e.group}
	if e.pkg != "" {
		st.Prepare = append(st.Prepare, InstallPackages{For: For(IDInstall), Names: []string{e.pkg}})
	} else {
		st.Prepare = append(st.Prepare, EnsureUser{For: For(IDInstall), Name: e.group})
	}
	var on, certs []string
	for _, s := range sites {
		w := WriteFile{For: For(IDSSL), Path: e.file(s), Content: []byte("for " + s.Name), Mode: 0o644}
		st.Serve = append(st.Serve, w)
		on, certs = append(on, w.Key(), FileKey(SiteFile(s.Name))), append(certs, CertKey(s.Name))
	}
	st.Serve = append(st.Serve, ReloadUnits{For: For(IDInstall), On: on}, EnableUnit{For: For(IDInstall), Unit: e.unit, Start: true},
		Reload{For: For(IDProxy), Executor: e.name, Unit: e.unit, On: slices.Concat(on, certs)})
	st.Renewed = []Change{Reload{For: For(IDTrusted), Executor: e.name, Unit: e.unit, On: certs}}
	return st, e.err
}

func (e fakeExecutor) file(s Site) string { return "/etc/" + e.name + "/" + s.Name + ".conf" }

func (e fakeExecutor) Removal(sites []Site, last bool, _ Facts) ([]Change, error) {
	var all []Change
	var on []string
	for _, s := range sites {
		c := RemoveFile{For: For(IDSSL), Path: e.file(s)}
		all, on = append(all, c), append(on, c.Key())
	}
	if last {
		return append(all, DisableUnit{For: For(IDInstall), Unit: e.unit}), e.err
	}
	return append(all, Reload{For: For(IDProxy), Executor: e.name, Unit: e.unit, On: on}), e.err
}

var renewUnits = Extras{RenewService: []byte("[Service]\n"), RenewTimer: []byte("[Timer]\n"), NotifyService: []byte("[Service]\n# it tells\n"), LoginScript: []byte("#!/bin/sh\n")}

// freshFacts is a Debian server just after its installation, with an application on port 3000.
func freshFacts() Facts {
	return Facts{
		Hostname: "web1", Root: true, Arch: "amd64", Distro: Distro{ID: "debian", VersionID: "13", Pretty: "Debian GNU/Linux 13 (trixie)"},
		Packages: PackageManager{Kind: "apt"}, Services: "systemd", Firewall: Firewall{Kind: "none"},
		Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7")}, IPv6: true, FreeBytes: 10 << 30,
		Self:      Binary{Path: "/root/sslwizard", SHA256: strings.Repeat("ab", 32), Size: 14_200_000},
		Listeners: []Listener{{Port: Port{22, "tcp"}, Address: netip.IPv6Unspecified()}, {Port: Port{3000, "tcp"}, Address: netip.MustParseAddr("127.0.0.1"), Process: "node"}},
		Managed:   Managed{Files: map[string]string{}, Certs: map[string]CertFacts{}},
	}
}

// factsCases are the hosts of the golden plans, by the name in their first line.
func factsCase(t *testing.T, name string) Facts {
	t.Helper()
	f := freshFacts()
	switch name {
	case "fresh":
	case "firewalled":
		f.Firewall = Firewall{Kind: "nftables", Table: "inet filter input", Detail: "policy drop"}
	case "packaged":
		f.Self.Path = PackagedBinary
	case "stored-native":
		f.Managed.Sites = []Site{siteOf(t, designed)}
		f.Self.Path = BinaryPath
	case "stored-shared":
		stored := siteOf(t, designed)
		stored.Trusted = SiteTrusted{Source: SourceNone, TrustHere: true, CAPage: true}
		f.Managed.Sites = []Site{stored}
		f.Self.Path = BinaryPath
	default:
		t.Fatalf("there are no facts %q", name)
	}
	return f
}

// Each case of testdata/plan is an answers file with the plan that follows from it.
func TestPlans(t *testing.T) {
	t.Parallel()
	golden(t, "plan", func(t *testing.T, name, input string) string {
		first, _, _ := strings.Cut(input, "\n")
		f := factsCase(t, strings.TrimPrefix(first, "# facts: "))
		sites, err := Sites(name+".yaml", []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		var ex Executor = fakeNative
		var other Executor = fakeNginx
		if sites[0].Install.Executor == ExecutorNginx {
			ex, other = other, ex
		}
		p, findings, err := Build(sites, f, renewUnits, ex, other)
		if err != nil {
			t.Fatal(err)
		}
		consistent(t, p)
		return planText(p, findings)
	})
}

func planText(p Plan, findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%-7s %s %s: %s\n", f.Severity, f.Code, f.Step, f.Text)
	}
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%-10s %s\n", c.Step(), c.Summary())
		for _, on := range onOf(c) {
			fmt.Fprintf(&b, "%-10s   on %s\n", "", on)
		}
	}
	return b.String()
}

func onOf(c Change) []string {
	switch c := c.(type) {
	case ReloadUnits:
		return c.On
	case TestConfig:
		return c.On
	case Rehearse:
		return c.On
	case Reload:
		return c.On
	case Restart:
		return c.On
	}
	return nil
}

// consistent checks what holds for every plan.
func consistent(t *testing.T, p Plan) {
	t.Helper()
	seen := map[string]bool{}
	steps := IDs()
	for _, c := range p.Changes {
		if seen[c.Key()] {
			t.Errorf("the key %s is there twice", c.Key())
		}
		seen[c.Key()] = true
		if !slices.Contains(steps, c.Step()) {
			t.Errorf("%s belongs to no step", c.Key())
		}
		if back, err := EncodeChange(c); err != nil {
			t.Errorf("%s: %v", c.Key(), err)
		} else if _, err := DecodeChange(back); err != nil {
			t.Errorf("%s: %v", c.Key(), err)
		}
	}
	for _, c := range p.Changes {
		for _, on := range onOf(c) {
			if !slices.ContainsFunc(p.Changes, func(c Change) bool { return Matches(on, c.Key()) }) {
				t.Errorf("%s waits for %s, which is not in the plan", c.Key(), on)
			}
		}
	}
}

func TestSamePlanSameHash(t *testing.T) {
	t.Parallel()
	hash := func(text string, f Facts) string {
		p, _, err := Build(sitesOf(t, text), f, renewUnits, fakeNative, fakeNginx)
		if err != nil {
			t.Fatal(err)
		}
		h, err := p.Hash()
		if err != nil || len(h) != 64 {
			t.Fatal(h, err)
		}
		return h
	}
	two := minimal + "---\n" + strings.Replace(minimal, "shop", "a", 1)
	swapped := strings.Replace(minimal, "shop", "a", 1) + "---\n" + minimal
	if hash(two, freshFacts()) != hash(swapped, freshFacts()) {
		t.Error("the order of the documents changes the plan")
	}
	if hash(minimal, freshFacts()) == hash(strings.Replace(minimal, "3000", "3001", 1), freshFacts()) {
		t.Error("another port is the same plan")
	}
	stored := freshFacts()
	stored.Managed.Sites = sitesOf(t, minimal)
	if hash(minimal, freshFacts()) != hash(minimal, stored) {
		t.Error("a second run has another plan")
	}
}

func TestBuildBlocks(t *testing.T) {
	t.Parallel()
	nginxSite := func(text string) []Site { return sitesOf(t, "install: {executor: nginx}\n"+text) }
	stored := freshFacts()
	stored.Managed.Sites = sitesOf(t, strings.Replace(minimal, "shop.example.com", "old.example.com, shop.example.com", 1))
	broken := freshFacts()
	broken.Managed.Bad = []Finding{{Step: IDInstall, Code: "stored-site", Severity: Blocker, Text: "cannot read x", Fix: []string{"look"}}}
	loop := sitesOf(t, minimal+"---\n"+strings.NewReplacer("shop", "a", "3000", "http://shop.example.com").Replace(minimal))
	wild := sitesOf(t, strings.NewReplacer("shop.example.com", `"*.example.com"`, "acceptTerms: true", "source: none").Replace(minimal)+"---\n"+
		strings.NewReplacer("shop", "a.b", "3000", "http://x.example.com").Replace(minimal))
	for name, c := range map[string]struct {
		sites []Site
		f     Facts
		ex    Executor
		want  string
	}{
		"stored with the other executor": {nginxSite(strings.Replace(minimal, "shop", "new", 1)), stored, fakeNginx, "executor-mix"},
		"asked for the other executor":   {sitesOf(t, minimal), freshFacts(), fakeNginx, "executor-mix"},
		"a name of a stored site":        {sitesOf(t, minimal), stored, fakeNative, "N08"},
		"a stored site is unreadable":    {sitesOf(t, minimal), broken, fakeNative, "stored-site"},
		"another site as upstream":       {loop, freshFacts(), fakeNative, "W09"},
		"a wildcard as upstream":         {wild, freshFacts(), fakeNative, "W09"},
	} {
		p, findings, err := Build(c.sites, c.f, renewUnits, c.ex, fakeNative, fakeNginx)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(findings) == 0 || findings[0].Severity != Blocker || findings[0].Code != c.want {
			t.Errorf("%s: findings %+v, want first %s", name, findings, c.want)
		}
		for _, f := range findings {
			if f.Severity == Blocker && len(f.Fix) == 0 {
				t.Errorf("%s: %s has no fix", name, f.Code)
			}
		}
		if len(p.Changes) == 0 {
			t.Errorf("%s: the plan cannot be shown", name)
		}
	}
}

func TestBuildFails(t *testing.T) {
	t.Parallel()
	sites := sitesOf(t, minimal)
	failing := fakeNative
	failing.err = errors.New("no idea")
	if _, _, err := Build(sites, freshFacts(), renewUnits, failing); err == nil || !strings.HasPrefix(err.Error(), "cannot plan") {
		t.Errorf("got %v", err)
	}
	unsupported := freshFacts()
	unsupported.Services = ""
	if _, findings, err := Build(sites, unsupported, renewUnits, failing); err != nil || !blocked(findings) {
		t.Errorf("a finding says why, so the executor's error need not: %v", err)
	}
	if _, _, err := Build(sites, freshFacts(), Extras{}, fakeNative); err == nil {
		t.Error("a plan without the renewal units passes")
	}
	var wrong *ParseError
	injected := sites[0]
	injected.Certs.Domains = []Domain{"shop.example.com", "x; include /tmp/x"}
	if _, _, err := Build([]Site{injected}, freshFacts(), renewUnits, fakeNative); !errors.As(err, &wrong) {
		t.Errorf("an invalid site passes: %v", err)
	}
	injected = sites[0]
	injected.Name = "../../x"
	if _, _, err := Build([]Site{injected}, freshFacts(), renewUnits, fakeNative); !errors.As(err, &wrong) {
		t.Errorf("a name of its own passes: %v", err)
	}
	clashing := clashingExecutor{fakeNative}
	if _, _, err := Build(sites, freshFacts(), renewUnits, clashing); err == nil || !strings.Contains(err.Error(), StateDir) {
		t.Errorf("got %v", err)
	}
}

// clashingExecutor wants another mode for our folder.
type clashingExecutor struct{ fakeExecutor }

func (e clashingExecutor) Changes(s []Site, f Facts) (Stages, error) {
	st, err := e.fakeExecutor.Changes(s, f)
	st.Prepare = append(st.Prepare, EnsureDir{For: For(IDInstall), Path: StateDir, Mode: 0o777})
	return st, err
}

func TestBuildRemoval(t *testing.T) {
	t.Parallel()
	f := freshFacts()
	for _, file := range []string{UnitDir + "/" + RenewService, UnitDir + "/" + RenewTimer, UnitDir + "/" + NotifyService, MotdFile} {
		f.Managed.Files[file] = "hash"
	}
	f.Managed.Sites = sitesOf(t, minimal+"---\n"+strings.Replace(minimal, "shop", "other", 1))
	for name, c := range map[string]struct {
		site string
		f    Facts
		want string
	}{
		"one of two": {"shop.example.com", f, `install    remove /etc/sslwizard/sites/shop.example.com.yaml
ssl        remove /etc/native/shop.example.com.conf
proxy      reload sslwizard-proxy.service and see that it did
             on file:/etc/native/shop.example.com.conf
websockets verify other.example.com, trusting this server's own CA
`},
		"the last": {"other.example.com", withSites(f, f.Managed.Sites[1]), `install    remove /etc/sslwizard/sites/other.example.com.yaml
ssl        remove /etc/native/other.example.com.conf
install    stop sslwizard-proxy.service once it has answered the requests that it has (at most 30s)
install    stop sslwizard-proxy.service and do not start it at boot
trusted    stop sslwizard-renew.timer and do not start it at boot
trusted    remove /etc/systemd/system/sslwizard-renew.service
trusted    remove /etc/systemd/system/sslwizard-renew.timer
trusted    remove /etc/systemd/system/sslwizard-notify.service
trusted    have systemd read its unit files again
             on file:/etc/systemd/system/sslwizard-renew.service
             on file:/etc/systemd/system/sslwizard-renew.timer
             on file:/etc/systemd/system/sslwizard-notify.service
trusted    remove /etc/update-motd.d/95-sslwizard
`},
	} {
		p, findings, err := BuildRemoval(c.site, c.f, fakeNginx, fakeNative)
		if err != nil || len(findings) > 0 {
			t.Errorf("%s: %v, %+v", name, err, findings)
			continue
		}
		consistent(t, p)
		if got := planText(p, nil); got != c.want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, c.want)
		}
	}
	if _, _, err := BuildRemoval("nowhere.example.com\x1b[2J", f, fakeNative); err == nil || ExitStatus("", err) != ExitUsage || len(Fixes(err)) == 0 || Clean(err.Error()) != err.Error() {
		t.Errorf("an unknown site: %v", err)
	}
	if _, _, err := BuildRemoval("shop.example.com", f, fakeNginx); err == nil {
		t.Error("an unknown executor passes")
	}
	f.Root = false
	if _, findings, _ := BuildRemoval("shop.example.com", f, fakeNative); len(findings) != 1 || findings[0].Code != "H01" {
		t.Errorf("not root: %+v", findings)
	}
}

func withSites(f Facts, sites ...Site) Facts {
	f.Managed.Sites = sites
	return f
}
