package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/renew"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func shop(t *testing.T, more string) steps.Site {
	t.Helper()
	sites, err := steps.Sites("shop.yaml", []byte(`certs: {domains: [shop.example.com, www.shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000"}
`+more))
	if err != nil {
		t.Fatal(err)
	}
	return sites[0]
}

func TestTargetsCoverNamesAndPaths(t *testing.T) {
	t.Parallel()
	var got []string
	for _, target := range targets(shop(t, "websockets: {paths: [/chat, /live]}\ntrusted: {source: none}\n")) {
		got = append(got, fmt.Sprintf("%s%s idle %s", target.Name, target.WSPath, target.Idle))
		if target.Expect == nil || target.Upstream == nil || len(target.Addresses) == 0 {
			t.Errorf("%s is not judged in full", target.Name)
		}
	}
	want := "shop.example.com/chat idle 250ms, www.shop.example.com idle 0s, shop.example.com/live idle 0s"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if first := targets(shop(t, "trusted: {source: none}\n"))[0]; first.WSPath != "" {
		t.Error("the default path has to speak WebSocket")
	}
}

func TestOwnCAIsTolerated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, code, want string }{
		{steps.SourceFiles, "T15", "warn"}, {steps.SourceFiles, "A23", "fail"}, {steps.SourceFiles, "", "fail"}, {steps.SourceACME, "T15", "fail"},
	} {
		site := steps.Site{Trusted: steps.SiteTrusted{Source: c.source}}
		if got := judged(site, steps.Check{Verdict: steps.Fail, Code: c.code}); string(got.Verdict) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestUnitsAreAskedOneByOne(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	for _, unit := range []string{"sslwizard-proxy-http.socket", "sslwizard-proxy-https.socket", "sslwizard-proxy.service", "sslwizard-renew.timer"} {
		active, enabled := systemtest.Stdout("active\n"), systemtest.Stdout("enabled\n")
		if unit == "sslwizard-proxy.service" {
			active, enabled = systemtest.Exit(3, ""), systemtest.Exit(1, "Failed to get unit file state\n")
		}
		h.Expect(active, "systemctl", "is-active", "--", unit)
		h.Expect(enabled, "systemctl", "is-enabled", "--", unit)
	}
	got, err := (&Installer{host: h}).units(t.Context(), []steps.Site{shop(t, "trusted: {source: none}\n")})
	if err != nil || len(got) != 4 || !got[0].Active || !got[1].Enabled || got[2].Active || got[2].Enabled {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNeededUnits(t *testing.T) {
	t.Parallel()
	local, trusted := shop(t, "trusted: {source: none}\n"), shop(t, "install: {executor: nginx}\ntrusted: {acceptTerms: true}\n")
	if got := strings.Join(neededUnits([]steps.Site{local}), " "); got != "sslwizard-proxy-http.socket sslwizard-proxy-https.socket sslwizard-proxy.service sslwizard-renew.timer" {
		t.Error(got)
	}
	if got := strings.Join(neededUnits([]steps.Site{trusted}), " "); got != "nginx.service sslwizard-renew.timer" {
		t.Error(got)
	}
	if got := neededUnits(nil); got != nil {
		t.Error(got)
	}
}

func TestOneFailedRenewalIsTold(t *testing.T) {
	t.Parallel()
	var said []string
	r, err := renewed([]renew.Outcome{
		{Site: "a.test", Renewed: true, NotAfter: time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)},
		{Site: "b.test", Err: errors.New("cannot reach the CA")},
		{Site: "c.test", Note: "60 days left"},
	}, func(_ steps.Status, format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	if err == nil || !strings.Contains(err.Error(), "b.test: cannot reach the CA") || r.Outcome != steps.OutcomePartial {
		t.Errorf("%+v, %v", r, err)
	}
	if got := strings.Join(said, "; "); got != "a.test: a new certificate until 2027-02-01 is served; c.test: 60 days left" {
		t.Error(got)
	}
}

// TestUnknownSystemShowsTheFiles is for who has to install by hand: the files are there, and nothing is written.
func TestUnknownSystemShowsTheFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/os-release"), []byte("ID=plan9\nPRETTY_NAME=\"Plan 9\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	site := shop(t, "trusted: {source: none}\n")
	site.Proxy.Headers = []steps.Header{{Name: "Authorization", Value: "Bearer canary"}}
	p, err := New(Options{Root: root}).Plan(t.Context(), []steps.Site{site})
	if err != nil {
		t.Fatal(err)
	}
	diffs := ""
	for _, e := range p.Effects {
		diffs += e.Diff
	}
	for _, want := range []string{"+++ b/etc/sslwizard/sites/shop.example.com.yaml", "+++ b/etc/systemd/system/sslwizard-proxy.service", "Bearer canary"} {
		if !strings.Contains(diffs, want) {
			t.Errorf("no %s in\n%s", want, diffs)
		}
	}
	if !slices.ContainsFunc(p.Findings, func(f steps.Finding) bool { return f.Code == "H10" && f.Severity == steps.Blocker }) {
		t.Errorf("findings %+v", p.Findings)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 1 {
		t.Errorf("the plan wrote something: %v, %v", left, err)
	}
}

func TestWrongCARootsStopBeforeThePlan(t *testing.T) {
	t.Parallel()
	site := shop(t, "trusted: {directory: \"https://ca.test/dir\", caRoots: /root/nowhere.pem, acceptTerms: true}\n")
	_, err := New(Options{Root: t.TempDir()}).Plan(t.Context(), []steps.Site{site})
	if err == nil || steps.ExitStatus("", err) != steps.ExitAnswers || !strings.Contains(err.Error(), "/root/nowhere.pem") {
		t.Errorf("got %v", err)
	}
}

// TestRenewWithoutSites leaves a server that has no site as it is: not even a lock is written.
func TestRenewWithoutSites(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	r, err := New(Options{Root: root}).Renew(t.Context(), steps.RenewRequest{}, func(steps.Event) {})
	if left, _ := os.ReadDir(root); err != nil || r.Outcome != steps.OutcomeNothing || len(left) != 0 {
		t.Errorf("%+v, %v; left %v", r, err, left)
	}
}

// TestSitesAreSeenWithADamagedLog: a log of runs that cannot be read stops what changes the server; certificates are
// renewed and the sites are shown all the same.
func TestSitesAreSeenWithADamagedLog(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, content := range map[string]string{
		steps.SiteFile("shop.example.com"):                  string(steps.Print(shop(t, "trusted: {source: none}\n"))),
		steps.DoneDir + "/20261122-120000-0001/result.json": "",
		"/usr/bin/systemctl":                                "#!/bin/sh\nexit 3\n",
	} {
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	i := New(Options{Root: root})
	if sites, err := i.Stored(t.Context()); err != nil || len(sites) != 1 {
		t.Errorf("%+v, %v", sites, err)
	}
	s, err := i.Status(t.Context())
	damaged := func(f steps.Finding) bool { return f.Code == "H05" && f.Severity == steps.Blocker && len(f.Fix) > 0 }
	if err != nil || len(s.Sites) != 1 || !slices.ContainsFunc(s.Findings, damaged) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := i.Plan(t.Context(), []steps.Site{shop(t, "trusted: {source: none}\n")}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("planned on a damaged log: %v", err)
	}
}
