package steps

import (
	"slices"
	"strings"
	"testing"
)

// A panel stops a first site; where one of ours is served already it is told, and never keeps anybody from taking it away.
func TestPanelFindings(t *testing.T) {
	t.Parallel()
	for _, p := range Panels {
		f := fit()
		f.Panels = []PanelHere{{Panel: p, Seen: p.Leaves[0]}}
		found := installFindings(Site{Install: SiteInstall{Executor: ExecutorNative}}, f)
		i := slices.IndexFunc(found, func(x Finding) bool { return x.Code == "H25" })
		if i < 0 || (found[i].Severity == Blocker) == p.Tool || !strings.Contains(found[i].Text, p.Name) || !strings.Contains(found[i].Text, p.Leaves[0]) || len(found[i].Fix) == 0 {
			t.Errorf("%s: %+v", p.Name, found)
		}
		if slices.ContainsFunc(removalFindings(f), func(x Finding) bool { return x.Code == "H25" }) {
			t.Errorf("%s keeps somebody from taking a site away", p.Name)
		}
		f.Managed.Sites = []Site{{Name: "shop.example.com"}}
		if blocked(panelFindings(f)) {
			t.Errorf("%s stops a server that serves a site already", p.Name)
		}
		if c, ok := named(Preflight(f), "panel"); !ok || c.Code != "H25" {
			t.Errorf("%s is not in the preflight: %+v", p.Name, c)
		}
	}
}

func TestMinderFindings(t *testing.T) {
	t.Parallel()
	f := fit()
	f.Minders = []Minder{{"Ansible", "/etc/nginx/nginx.conf"}, {"Ansible", "/etc/nginx/conf.d/a.conf"}, {"Puppet", "/etc/nftables.conf"}}
	found := minderFindings(f)
	if len(found) != 2 || blocked(found) || !strings.Contains(found[0].Text, "/etc/nginx/nginx.conf says that Ansible") || found[1].Code != "H21" {
		t.Errorf("got %+v", found)
	}
}

// Who has the ports can often have the site too: that is one of the ways on.
func TestInsteadOfThePorts(t *testing.T) {
	t.Parallel()
	for who, want := range map[Listener]string{
		{Process: "caddy", Unit: "caddy.service"}:    "let Caddy have the site",
		{Process: "traefik"}:                         "let Traefik have the site",
		{Process: "apache2", Package: "apache2"}:     "let Apache have the site",
		{Process: "litespeed", Unit: "lsws.service"}: "let LiteSpeed have the site",
		{Process: "docker-proxy", Unit: "docker.service", Container: "npm (jc21/nginx-proxy-manager:2)"}: "let Nginx Proxy Manager have the site",
		{Process: "docker-proxy", Unit: "docker.service"}:                                                "docker ps",
		{Unit: "docker.service", Container: "web (traefik:v3)"}:                                          "let Traefik have the site",
		{Process: "node", PID: 7}: "ps -fp 7",
	} {
		f := fit()
		who.Port = Port{443, "tcp"}
		f.Listeners = []Listener{who}
		found := portFindings(Site{}, f)
		if len(found) != 1 || found[0].Severity != Blocker || !strings.Contains(strings.Join(found[0].Fix, "\n"), want) {
			t.Errorf("%+v: %+v", who, found)
		}
		if who.Container != "" && (!strings.Contains(found[0].Text, "the container "+who.Container) || slices.ContainsFunc(found[0].Fix, func(s string) bool { return strings.Contains(s, "disable --now docker") })) {
			t.Errorf("%+v: %+v", who, found)
		}
	}
}
