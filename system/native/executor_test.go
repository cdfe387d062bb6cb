package native

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
)

func shop() steps.Site {
	return steps.Site{Name: "shop.test", Certs: steps.SiteCerts{Domains: []steps.Domain{"shop.test"}},
		Proxy: steps.SiteProxy{Upstream: steps.Upstream{Scheme: "http", Host: "127.0.0.1", Port: 3000}}}
}

func keysOf(changes []steps.Change) []string {
	var keys []string
	for _, c := range changes {
		keys = append(keys, c.Key())
	}
	return keys
}

func TestChanges(t *testing.T) {
	t.Parallel()
	f := steps.Facts{Services: "systemd", IPv6: true}
	f.Managed.Files = map[string]string{service(f, nil).path(): "as it was"}
	stages, err := Executor{}.Changes([]steps.Site{shop()}, f)
	if err != nil {
		t.Fatal(err)
	}
	const dir = "file:/etc/systemd/system/sslwizard-proxy"
	want := []string{
		dir + "-http.socket", dir + "-https.socket", dir + ".service", "daemon-reload:install",
		"unit:sslwizard-proxy-http.socket", "unit:sslwizard-proxy-https.socket", "unit:sslwizard-proxy.service",
		"restart:sslwizard-proxy.service", "reload:sslwizard-proxy.service:websockets",
	}
	if got := keysOf(stages.Serve); !slices.Equal(got, want) {
		t.Errorf("serve: %v", got)
	}
	if got := keysOf(stages.Prepare); !slices.Equal(got, []string{"user:sslwizard"}) || stages.KeyGroup != "sslwizard" {
		t.Errorf("prepare: %v, group %q", got, stages.KeyGroup)
	}
	if got := keysOf(stages.Renewed); !slices.Equal(got, []string{"reload:sslwizard-proxy.service:trusted"}) {
		t.Errorf("renewed: %v", got)
	}
	restart := stages.Serve[7].(steps.Restart)
	if want := []string{dir + ".service"}; !slices.Equal(restart.On, want) {
		t.Errorf("restarts on %v", restart.On)
	}
	again := stages.Serve[8].(steps.Reload)
	if want := []string{"file:/usr/local/bin/sslwizard", "file:/etc/sslwizard/sites/shop.test.yaml", "file:/etc/sslwizard/sites/shop.test.clients.pem", "cert:shop.test"}; !slices.Equal(again.On, want) {
		t.Errorf("reloads on %v", again.On)
	}
}

// TestFirstTimeRestartsNothing: what EnableUnit has just started need not start again, and the local certificate that
// was there before needs no second reload.
func TestFirstTimeRestartsNothing(t *testing.T) {
	t.Parallel()
	stages, err := Executor{}.Changes([]steps.Site{shop()}, steps.Facts{Services: "systemd"})
	if err != nil || slices.Contains(keysOf(stages.Serve), "restart:sslwizard-proxy.service") {
		t.Errorf("%v, %v", keysOf(stages.Serve), err)
	}
	local := steps.IssueLocal{Site: "shop.test"}.Key()
	for _, on := range stages.Renewed[0].(steps.Reload).On {
		if steps.Matches(on, local) {
			t.Errorf("%s reloads on %s", local, on)
		}
	}
	for _, made := range []steps.Change{steps.ObtainCertificate{Site: "shop.test"}, steps.ImportCertificate{Site: "shop.test"}} {
		if !slices.ContainsFunc(stages.Renewed[0].(steps.Reload).On, func(on string) bool { return steps.Matches(on, made.Key()) }) {
			t.Errorf("%s reloads nothing", made.Key())
		}
	}
}

func TestSocketsFollowIPv6(t *testing.T) {
	t.Parallel()
	f := steps.Facts{Services: "systemd"}
	content := func(f steps.Facts) string {
		stages, err := Executor{}.Changes([]steps.Site{shop()}, f)
		if err != nil {
			t.Fatal(err)
		}
		return string(stages.Serve[1].(steps.WriteFile).Content)
	}
	if text := content(f); strings.Contains(text, "[::]") || !strings.Contains(text, "0.0.0.0:443") {
		t.Errorf("without IPv6: %s", text)
	}
	f.Managed.Files = map[string]string{}
	for _, u := range append(sockets(f), service(f, nil)) {
		sum := sha256.Sum256(u.content)
		f.Managed.Files[u.path()] = hex.EncodeToString(sum[:])
	}
	stages, _ := Executor{}.Changes([]steps.Site{shop()}, f)
	if n := len(stages.Serve); n != 9 {
		t.Errorf("what is as it was restarts something: %v", keysOf(stages.Serve))
	}
	f.IPv6 = true
	if text := content(f); !strings.Contains(text, "[::]:443") {
		t.Errorf("with IPv6: %s", text)
	}
	stages, _ = Executor{}.Changes([]steps.Site{shop()}, f)
	want := []string{"drain:sslwizard-proxy.service", "restart:sslwizard-proxy-http.socket", "restart:sslwizard-proxy-https.socket"}
	if got := keysOf(stages.Serve)[4:7]; !slices.Equal(got, want) {
		t.Errorf("IPv6 came: %v", got)
	}
}

// TestLogsInFiles: the sandbox opens for them and logrotate hears of them, only as long as a site wants any.
func TestLogsInFiles(t *testing.T) {
	t.Parallel()
	quiet, loud := shop(), shop()
	loud.Name, loud.Proxy.AccessLog = "loud.test", steps.LogCombined
	f := steps.Facts{Services: "systemd"}
	const rotates = "file:/etc/logrotate.d/sslwizard"
	with, err := Executor{}.Changes([]steps.Site{quiet, loud}, f)
	if err != nil || !slices.Contains(keysOf(with.Serve), rotates) {
		t.Errorf("%v, %v", keysOf(with.Serve), err)
	}
	without, _ := Executor{}.Changes([]steps.Site{quiet}, f)
	if slices.Contains(keysOf(without.Serve), rotates) {
		t.Errorf("%v", keysOf(without.Serve))
	}
	for want, stages := range map[bool]steps.Stages{true: with, false: without} {
		if unit := string(stages.Serve[2].(steps.WriteFile).Content); strings.Contains(unit, "\nLogsDirectory=sslwizard\n") != want {
			t.Errorf("%t: %s", want, unit)
		}
	}
	f.Managed.Files = map[string]string{rotationFile: "x"}
	gone, _ := Executor{}.Changes([]steps.Site{quiet}, f)
	all, _ := Executor{}.Removal([]steps.Site{quiet}, true, f)
	for _, changes := range [][]steps.Change{gone.Serve, all} {
		if !slices.ContainsFunc(changes, func(c steps.Change) bool { r, is := c.(steps.RemoveFile); return is && r.Path == rotationFile }) {
			t.Errorf("%v", keysOf(changes))
		}
	}
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	some, err := Executor{}.Removal([]steps.Site{shop()}, false, steps.Facts{})
	if err != nil || !slices.Equal(keysOf(some), []string{"reload:sslwizard-proxy.service:install"}) {
		t.Errorf("one of several: %v, %v", keysOf(some), err)
	}
	all, err := Executor{}.Removal([]steps.Site{shop()}, true, steps.Facts{})
	want := []string{
		"unit:sslwizard-proxy-http.socket", "unit:sslwizard-proxy-https.socket", // first: they would start it again
		"drain:sslwizard-proxy.service", "unit:sslwizard-proxy.service",
		"file:/etc/systemd/system/sslwizard-proxy-http.socket", "file:/etc/systemd/system/sslwizard-proxy-https.socket",
		"file:/etc/systemd/system/sslwizard-proxy.service", "daemon-reload:install",
	}
	if err != nil || !slices.Equal(keysOf(all), want) {
		t.Errorf("the last: %v, %v", keysOf(all), err)
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	linux := steps.Facts{Services: "systemd"}
	if found := (Executor{}).Fit(shop(), linux); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	socket := func(path string) steps.Site {
		s := shop()
		s.Proxy.Upstream = steps.Upstream{Scheme: "unix", Path: path}
		return s
	}
	for name, c := range map[string]struct {
		site  steps.Site
		facts steps.Facts
		code  string
	}{
		"no systemd":    {shop(), steps.Facts{}, "H10"},
		"socket in tmp": {socket("/tmp/app.sock"), linux, "hidden-socket"},
		"socket hidden": {socket("/run/../home/me/app.sock"), linux, "hidden-socket"},
	} {
		found := Executor{}.Fit(c.site, c.facts)
		if len(found) != 1 || found[0].Code != c.code || found[0].Severity != steps.Blocker || len(found[0].Fix) == 0 ||
			!strings.HasPrefix(found[0].Text, "cannot ") {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if found := (Executor{}).Fit(socket("/run/app/app.sock"), linux); len(found) != 0 {
		t.Errorf("a socket in /run: %+v", found)
	}
}

// TestHiddenFoldersFollowTheUnit keeps Fit and the sandbox in step.
func TestHiddenFoldersFollowTheUnit(t *testing.T) {
	t.Parallel()
	for _, directive := range []string{"ProtectHome=yes", "PrivateTmp=yes", "RuntimeDirectory=sslwizard/proxy"} {
		if !strings.Contains(string(assets.ProxyServiceUnit("/x", false, false)), "\n"+directive+"\n") {
			t.Errorf("the unit lacks %s, which hiddenFolder or ControlSocket stands on", directive)
		}
	}
}
