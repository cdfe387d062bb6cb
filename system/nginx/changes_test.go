package nginx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

func changes(t *testing.T, f steps.Facts, sites ...steps.Site) steps.Stages {
	t.Helper()
	stages, err := Executor{}.Changes(sites, f)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func listed(all []steps.Change) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s %s", c.Step(), c.Key())
		switch c := c.(type) {
		case steps.TestConfig:
			fmt.Fprintf(&b, " on %q", c.On)
		case steps.Reload:
			fmt.Fprintf(&b, " on %q", c.On)
		case steps.EnableUnit:
			fmt.Fprintf(&b, " start %t", c.Start)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestChanges(t *testing.T) {
	t.Parallel()
	dh := with(func(s *steps.Site) {
		named(s, "a.example.net")
		s.Certs.DHGroup, s.Certs.Key = "ffdhe3072", steps.RSA2048
	})
	verified := with(func(s *steps.Site) {
		s.Proxy.Upstream = steps.Upstream{Scheme: "https", Host: "app.example", Port: 443, Verify: true}
	})
	f := facts("1.22.1")
	f.Managed.Files = map[string]string{"/etc/sslwizard/dhparam-ffdhe2048.pem": "x", "/etc/sslwizard/dhparam-ffdhe3072.pem": "x", "/etc/other": "x"}
	got := changes(t, f, verified, dh)
	if got.KeyGroup != "" {
		t.Errorf("the group %q may read keys, but nginx reads them as root", got.KeyGroup)
	}
	for _, c := range []struct {
		stage, want string
		got         []steps.Change
	}{
		{"prepare", "install packages:nginx,ca-certificates\n", got.Prepare},
		{"serve", `certs file:/etc/sslwizard/dhparam-ffdhe3072.pem
ssl file:/etc/nginx/conf.d/sslwizard.conf
ssl file:/etc/nginx/conf.d/sslwizard-a.example.net.conf
ssl file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf
certs file:/etc/sslwizard/dhparam-ffdhe2048.pem
proxy test:nginx on ["file:/etc/sslwizard/dhparam-ffdhe3072.pem" "file:/etc/nginx/conf.d/sslwizard.conf" "file:/etc/nginx/conf.d/sslwizard-a.example.net.conf" "file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf" "file:/etc/sslwizard/dhparam-ffdhe2048.pem"]
install unit:nginx.service start true
proxy reload:nginx.service:proxy on ["file:/etc/sslwizard/dhparam-ffdhe3072.pem" "file:/etc/nginx/conf.d/sslwizard.conf" "file:/etc/nginx/conf.d/sslwizard-a.example.net.conf" "file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf" "file:/etc/sslwizard/dhparam-ffdhe2048.pem" "cert:a.example.net" "cert:shop.example.com"]
`, got.Serve},
		{"renewed", "trusted reload:nginx.service:trusted on [\"cert:a.example.net\" \"cert:shop.example.com\"]\n", got.Renewed},
	} {
		if listed(c.got) != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.stage, listed(c.got), c.want)
		}
	}
	if _, ok := got.Serve[4].(steps.RemoveFile); !ok {
		t.Errorf("the group that no site asks for any more is not removed: %T", got.Serve[4])
	}
}

// TestSecondRunPlansTheSame: the plan before nginx is installed is the plan right after.
func TestSecondRunPlansTheSame(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"1.18.0", "1.22.1-9+deb12u2", "1.26.3-3"} {
		upstream, _, _ := strings.Cut(v, "-")
		after := facts(upstream)
		before := after
		before.Nginx = steps.Nginx{Candidate: v}
		a, b := changes(t, before, shop()), changes(t, after, shop())
		for i := range a.Serve {
			if fmt.Sprintf("%s", a.Serve[i]) != fmt.Sprintf("%s", b.Serve[i]) {
				t.Errorf("%s: %s changes when nginx is there", v, a.Serve[i].Key())
			}
		}
	}
	unknown := facts("1.22.1")
	unknown.Nginx = steps.Nginx{}
	unknown.Distro.VersionID = "12"
	a, b := changes(t, unknown, shop()), changes(t, facts("1.22.1"), shop())
	if listed(a.Serve) != listed(b.Serve) || fmt.Sprintf("%s", a.Serve[0]) != fmt.Sprintf("%s", b.Serve[0]) {
		t.Error("without package lists, Debian 12's nginx is not expected")
	}
}

func TestSitesThatCannotStandTogether(t *testing.T) {
	t.Parallel()
	address := func(a string) steps.Site { return with(func(s *steps.Site) { named(s, steps.Domain(a)) }) }
	modern := with(func(s *steps.Site) { named(s, "modern.example.com"); s.SSL.Profile = steps.Modern })
	for _, c := range []struct {
		version string
		sites   []steps.Site
		want    string
	}{
		{"1.26.3", []steps.Site{shop(), modern}, "ssl.profile modern"},
		{"1.30.6", []steps.Site{shop(), modern}, ""},
		{"1.26.3", []steps.Site{address("192.0.2.1"), address("192.0.2.2")}, "only one site can be named by one"},
	} {
		_, err := Executor{}.Changes(c.sites, facts(c.version))
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var f *steps.Failure
		if !errors.As(err, &f) || !strings.Contains(f.Text, c.want) || len(f.Fixes) == 0 {
			t.Errorf("got %v, want %q with a way on", err, c.want)
		}
	}
	if stages, err := (Executor{}).Changes(nil, facts("1.22.1")); err != nil || len(stages.Serve) > 0 {
		t.Errorf("no sites give %v, %v", stages, err)
	}
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	f := facts("1.22.1")
	f.Managed.Files = map[string]string{
		"/etc/nginx/conf.d/sslwizard.conf": "x", "/etc/nginx/conf.d/sslwizard-shop.example.com.conf": "x",
		"/etc/sslwizard/dhparam-ffdhe2048.pem": "x", "/etc/sslwizard/sites/shop.example.com.yaml": "x",
	}
	blog := with(func(s *steps.Site) { named(s, "blog.example.net") })
	f.Managed.Sites = []steps.Site{blog, shop()}
	shared := f
	shared.Nginx.Servers = append(slices.Clone(f.Nginx.Servers), other("/etc/nginx/sites-enabled/a", []string{"a.example"}, "80"))
	for _, c := range []struct {
		name string
		f    steps.Facts
		last bool
		want string
	}{
		{"one of several", f, false, "install file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf\n" +
			"ssl file:/etc/nginx/conf.d/sslwizard.conf\ncerts file:/etc/sslwizard/dhparam-ffdhe2048.pem\n" +
			"install reload:nginx.service:install on [\"file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf\" \"file:/etc/nginx/conf.d/sslwizard.conf\" \"file:/etc/sslwizard/dhparam-ffdhe2048.pem\"]\n"},
		{"the last", f, true, "install file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf\n" +
			"install file:/etc/nginx/conf.d/sslwizard.conf\ninstall file:/etc/sslwizard/dhparam-ffdhe2048.pem\ninstall unit:nginx.service\n"},
		{"the last of ours", shared, true, "install file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf\n" +
			"install file:/etc/nginx/conf.d/sslwizard.conf\ninstall file:/etc/sslwizard/dhparam-ffdhe2048.pem\n" +
			"install reload:nginx.service:install on [\"file:/etc/nginx/conf.d/sslwizard-shop.example.com.conf\" \"file:/etc/nginx/conf.d/sslwizard.conf\" \"file:/etc/sslwizard/dhparam-ffdhe2048.pem\"]\n"},
	} {
		got, err := Executor{}.Removal([]steps.Site{shop()}, c.last, c.f)
		if err != nil || listed(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant:\n%s", c.name, err, listed(got), c.want)
		}
	}
}

// TestRemovalLeavesWhatIsThenPlanned: after a removal the sites that stay have nothing to do.
func TestRemovalLeavesWhatIsThenPlanned(t *testing.T) {
	t.Parallel()
	f := facts("1.18.0")
	blog := with(func(s *steps.Site) { named(s, "blog.example.net") })
	f.Managed.Sites = []steps.Site{blog, shop()}
	removal, err := Executor{}.Removal([]steps.Site{blog}, false, f)
	if err != nil {
		t.Fatal(err)
	}
	key := steps.FileKey(SharedFile("/etc/nginx/conf.d"))
	find := func(all []steps.Change) string {
		i := slices.IndexFunc(all, func(c steps.Change) bool { return c.Key() == key })
		return string(all[i].(steps.WriteFile).Content)
	}
	if left, planned := find(removal), find(changes(t, f, shop()).Serve); left != planned || strings.Contains(left, "blog.example.net") {
		t.Errorf("the removal leaves\n%s\nand the next run wants\n%s", left, planned)
	}
}

// FuzzNoInputBecomesConfiguration: whatever stands in a site's fields, each is one word of the file, or the site is
// refused. The shape of the tree is that of a harmless site.
func FuzzNoInputBecomesConfiguration(f *testing.F) {
	for _, s := range []string{"a.test; access_log /etc/cron.d/pwn; server_name b.test", "a}", "$host", `\`, `"`, "x\ny", "a.test", "/p", "\x1b[2J"} {
		f.Add(s)
	}
	d := facts("1.22.1")
	place := liveTarget(layoutOf(d), d)
	want := shape(f, renderOrNil(with(func(s *steps.Site) { fill(s, "harmless") }), place))
	f.Fuzz(func(t *testing.T, text string) {
		s := with(func(s *steps.Site) { fill(s, text) })
		one := renderOrNil(s, place)
		if one == nil {
			return
		}
		if got := shape(t, one); got != want {
			t.Fatalf("%q changes the shape:\n%s", text, one)
		}
	})
}

// fill puts the text wherever a user's text can go, except where validation leaves so little that nothing is tried.
func fill(s *steps.Site, text string) {
	s.Proxy.Headers = []steps.Header{{Name: "X-A", Value: text}}
	s.Proxy.Upstream = steps.Upstream{Scheme: "unix", Path: "/run/" + text}
	s.WebSockets.Paths = []string{"/" + strings.TrimRight(text, "/") + "x"}
}

func renderOrNil(s steps.Site, place target) []byte {
	text, err := renderSite(s, place)
	if err != nil {
		return nil
	}
	return text
}

func shape(t testing.TB, text []byte) string {
	t.Helper()
	tree, err := conf.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	conf.Each(tree, func(d conf.Directive, parents []conf.Directive) {
		fmt.Fprintf(&b, "%d %s %d\n", len(parents), d.Name, len(d.Args))
	})
	return b.String()
}

func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	f := facts("1.22.1")
	for _, name := range []string{"", "a;b", "a b", "a{", "$host", "~^x", "a\nb", "*.", "..", "A.test", "ü.test", `a\.test`, "-a.test"} {
		s := with(func(s *steps.Site) { s.Certs.Domains = []steps.Domain{steps.Domain(name)} })
		if _, err := (Executor{}).Changes([]steps.Site{s}, f); err == nil {
			t.Errorf("the domain %q is accepted", name)
		}
	}
	for _, name := range []string{"", "../x", "a/b", ".x", "a b", "A"} {
		s := with(func(s *steps.Site) { s.Name = name })
		if _, err := (Executor{}).Changes([]steps.Site{s}, f); err == nil {
			t.Errorf("the site name %q is accepted", name)
		}
	}
}

// TestHeadersAreForRootOnly: a header of the site's own may be a token of the application behind it.
func TestHeadersAreForRootOnly(t *testing.T) {
	t.Parallel()
	secret := with(func(s *steps.Site) {
		named(s, "secret.example.com")
		s.Proxy.Headers = []steps.Header{{Name: "Authorization", Value: "Bearer canary"}}
	})
	all, err := files([]steps.Site{shop(), secret}, layout{include: "/etc/nginx/conf.d"}, liveTarget(layout{include: "/etc/nginx/conf.d"}, facts("1.22.1")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		f := c.(steps.WriteFile)
		if has := strings.Contains(string(f.Content), "canary"); has != (f.Mode == 0o600) || !has && f.Mode != 0o644 {
			t.Errorf("%s has mode %04o; with a secret in it: %t", f.Path, f.Mode, has)
		}
	}
}
