//go:build e2e

package hostile

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// vocabulary is what the plans for harmless sites are made of.
type vocabulary struct {
	changes    map[string]bool // keys of changes, NAME for the name of the site
	lines      map[string]bool // of units and of other files that are no configuration of nginx
	directives map[string]bool // "map x": a word with a meaning in a map
	variables  map[string]bool
}

// variable is one as nginx finds it in a word.
var variable = regexp.MustCompile(`\$\{?[A-Za-z0-9_]*\}?`)

// harmless are good values for the keys that have no list of them.
var harmless = map[string][]string{
	"certs.domains":      {`["*.example.com"]`, `["192.0.2.1"]`, `["2001:db8::1", "example.com"]`},
	"certs.days":         {"30"},
	"ssl.hsts.maxAge":    {`"1d"`, `"0s"`},
	"redirect.status":    {"301", "308"},
	"redirect.canonical": {`"www.shop.example.com"`, `""`},
	"proxy.upstream": {`"https://127.0.0.1:1"`, `"https://app.example:1"`, `"http://app.example:1"`, `"unix:/run/a.sock"`, `"h2c://127.0.0.1:1"`, `"h2c:/run/a.sock"`,
		`"h2://127.0.0.1:1"`, `"h2://app.example:1"`, `"wss://127.0.0.1:1"`},
	"proxy.moreUpstreams": {"[]", `["http://app.example:2"]`, `["unix:/run/b.sock"]`},
	"proxy.maxBody":       {"0", `"1M"`},
	"proxy.trusted":       {"[]", `["203.0.113.1"]`, `["0.0.0.0/0"]`},
	"proxy.headers":       {"{}", `{"A": "b"}`},
	"proxy.clientAddress": {`"X-Forwarded-For"`, `"X-Real-Ip"`, `"Forwarded"`},
	"websockets.paths":    {`["/"]`, `["/a"]`, "[]"},
}

// learn plans for harmless sites: each value of each key, in every ground.
func learn(t *testing.T) *vocabulary {
	t.Helper()
	k := &vocabulary{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	plans := 0
	for _, g := range grounds() {
		for _, q := range steps.Questions(facts()) {
			values := slices.Clone(harmless[q.Key])
			for _, o := range q.Options {
				values = append(values, quoted(o.Value))
			}
			if q.Kind == steps.KindBool {
				values = []string{"true", "false"}
			}
			for _, v := range values {
				for _, more := range []string{"", `"https://127.0.0.1:1"`, `"h2c://127.0.0.1:1"`} {
					ground := g
					if more != "" && q.Key != "proxy.upstream" {
						ground.said = over(g.said, map[string]string{"proxy.upstream": more, "proxy.moreUpstreams": "[]"})
					}
					for _, ex := range executors {
						plans += k.study(t, ground.file(q.Key, v, ex.Name()), ex)
					}
				}
			}
		}
	}
	if plans < 100 {
		t.Fatalf("only %d harmless sites", plans)
	}
	return k
}

// study learns the words of the plan for one file; a file that is refused has none.
func (k *vocabulary) study(t *testing.T, file string, ex steps.Executor) int {
	t.Helper()
	sites, err := steps.Sites("harmless.yaml", []byte(file))
	if err != nil || sites[0].Install.Executor != ex.Name() {
		return 0
	}
	plan, _, err := steps.Build(sites, facts(), extras(), ex)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan.Changes {
		k.changes[strings.ReplaceAll(c.Key(), sites[0].Name, "NAME")] = true
		w, ok := c.(steps.WriteFile)
		if ok && strings.HasPrefix(w.Path, "/etc/nginx/") {
			tree, err := readNginx(string(w.Content))
			if err != nil {
				t.Fatalf("%v\n%s", err, w.Content)
			}
			k.words(tree, "")
		} else if ok && w.Path != steps.SiteFile(sites[0].Name) {
			for line := range strings.Lines(string(w.Content)) {
				k.lines[line] = true
			}
		}
	}
	return 1
}

func (k *vocabulary) words(tree []Directive, block string) {
	for _, d := range tree {
		if block == "map" {
			k.directives["map "+d.Words[0]] = true
		} else {
			k.directives[d.Words[0]] = true
		}
		for _, word := range d.Words {
			for _, v := range variable.FindAllString(word, -1) {
				k.variables[v] = true
			}
		}
		k.words(d.Block, d.Words[0])
	}
}

// same reports whether two readers saw the same tree.
func same(own []Directive, theirs []conf.Directive) bool {
	return slices.EqualFunc(own, theirs, func(a Directive, b conf.Directive) bool {
		return slices.Equal(a.Words, append([]string{b.Name}, b.Args...)) && a.Opens == (b.Block != nil) && same(a.Block, b.Block)
	})
}

// facts are a server with Debian 13 and its nginx.
func facts() steps.Facts {
	const version = "1.26.3"
	return steps.Facts{
		Hostname: "web1", Root: true, Arch: "amd64", Distro: steps.Distro{ID: "debian", VersionID: "13"},
		Packages: steps.PackageManager{Kind: "apt"}, Services: "systemd", Firewall: steps.Firewall{Kind: "none"},
		Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7")}, IPv6: true, FreeBytes: 10 << 30,
		Self:    steps.Binary{Path: "/root/sslwizard", SHA256: strings.Repeat("ab", 32), Size: 14_200_000},
		Managed: steps.Managed{Files: map[string]string{}, Certs: map[string]steps.CertFacts{}},
		Nginx:   steps.Nginx{Installed: true, Packaged: true, Version: version, ConfigOK: true, Include: "/etc/nginx/conf.d", Caps: nginx.CapsOf(version)},
		MotdDir: true,
	}
}

func extras() steps.Extras {
	binary := facts().Binary()
	return steps.Extras{RenewService: assets.RenewServiceUnit(binary), RenewTimer: assets.RenewTimerUnit(),
		NotifyService: assets.NotifyServiceUnit(binary), LoginScript: assets.LoginScript(steps.LoginText)}
}

// TestReadNginx: the reader that the product is held against reads what nginx reads, and refuses what nginx refuses.
func TestReadNginx(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a b;":                    "[{[a b] [] false}]",
		"a 'b;c' \"d\\\"e\" {f;}": `[{[a b;c d"e] [{[f] [] false}] true}]`,
		"a ${b}c\\;d; # x;\n":     `[{[a ${b}c\;d] [] false}]`,
		"a{}b;":                   "[{[a] [] true} {[b] [] false}]",
		"a\\ b;":                  `[{[a\ b] [] false}]`,
	} {
		if tree, err := readNginx(text); err != nil || fmt.Sprint(tree) != want {
			t.Errorf("%q is read as %v, %v; want %s", text, tree, err, want)
		}
	}
	for _, text := range []string{"a", "a;}", "a {", ";", "{}", "a 'b'c;", "a 'b"} {
		if tree, err := readNginx(text); err == nil {
			t.Errorf("%q is read as %v", text, tree)
		}
	}
}
