//go:build e2e

package scenario

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/system/diff"
)

// foreseen is one change of a plan, as a dry run shows it to programs.
type foreseen struct {
	Type, Key, Action, Summary, Diff, Note string
}

// planned is what is typed for a change, first to see and then to do it.
type planned struct {
	name     string
	executor string
	edits    []string
	see, do  []string // the main job where it does not say
}

// TestPreviewIsTheTruth goes through lives of a server and compares each plan with what became of the tree: every path that changed
// was in the preview, with the same text, and everything in the preview came about (P10). Of a package the preview has the name: what
// it brings, and what it depends on, is counted to it. What the record of a run itself adds is the run's own; an undo and an uninstall have no preview: they lead back to the tree that was there, which other tests compare.
func TestPreviewIsTheTruth(t *testing.T) {
	second := []string{"[shop.example.com, www.shop.example.com]", "[www.example.net]"}
	changed := []string{"http://127.0.0.1:3000\"", "http://127.0.0.1:3000\", timeout: 90s, maxBody: 1M"}
	remove := planned{name: "remove a site", executor: native, edits: second, see: []string{"remove", "www.example.net", "--dry-run", "-o"}, do: []string{"remove", "www.example.net"}}
	lives := map[string][]planned{
		"trixie": {
			{name: "install, native", executor: native},
			{name: "other settings, native", executor: native, edits: changed},
			{name: "a second site, native", executor: native, edits: second},
			remove,
			{name: "native to nginx, with its package", executor: nginx, edits: changed},
			{name: "nginx to native", executor: native, edits: changed},
		},
		"bookworm": {
			{name: "install, nginx, with its package", executor: nginx},
			{name: "other settings, nginx", executor: nginx, edits: changed},
			{name: "a second site, nginx", executor: nginx, edits: second},
			{name: "remove a site", executor: nginx, edits: second, see: remove.see, do: remove.do},
			{name: "nginx to native", executor: native},
		},
	}
	paths, plans := make(chan int, 20), 0
	t.Run("lives", func(t *testing.T) {
		for suite, life := range lives {
			if !*full {
				life = life[:2]
			}
			plans += len(life)
			t.Run(suite, func(t *testing.T) {
				t.Parallel()
				st := begin(t, suite)
				st.w.CA.Name("www.example.net", st.s.Addr4(), st.s.Addr6())
				for _, p := range life {
					n := st.comesAbout(p)
					t.Logf("%s: %d paths", p.name, n)
					if paths <- n; t.Failed() {
						t.Fatalf("that was %q", p.name)
					}
				}
			})
		}
	})
	close(paths)
	sum := 0
	for n := range paths {
		sum += n
	}
	if *full && *update && !t.Failed() {
		const command = "go test -tags e2e -timeout 60m -run 'TestPreviewIsTheTruth$' ./e2e/scenario -full -update"
		promises.Record(t,
			promises.Figure{Promise: 10, What: "plans whose every path and text was compared with the real difference of the tree", Target: "", Measured: promises.Count(plans), Command: command},
			promises.Figure{Promise: 10, What: "paths that changed and were not in the preview, or with another content, or were in it and did not change", Target: "0", Measured: fmt.Sprintf("0 of %s", promises.Count(sum)), Command: command})
	}
}

// comesAbout sees the plan, does it, and holds what became of the tree against it. It returns how many paths changed.
func (st *story) comesAbout(p planned) int {
	st.Helper()
	st.answer(p.executor, p.edits...)
	if p.see == nil {
		p.see, p.do = []string{"--dry-run", answers, "-o"}, []string{"--non-interactive", answers}
	}
	plan := st.plan(p.see)
	before, packages := st.s.Manifest(), st.s.Packages()
	texts := map[string][]byte{}
	for _, f := range plan {
		if name, isFile := strings.CutPrefix(f.Key, "file:"); isFile {
			texts[name] = st.bytes(name)
		}
	}
	st.must(st.sslwizard(p.do...))
	var changed []string
	for _, line := range before.Restored(st.s.Manifest()) {
		name, _, _ := strings.Cut(line, ": ")
		changed = append(changed, name)
	}
	x := &explaining{story: st, plan: plan, packages: difference(packages, st.s.Packages())}
	for _, name := range changed {
		if why := x.explains(name); why == "" {
			st.Errorf("%s changed, which was not in the preview", name)
		}
	}
	for _, f := range plan {
		if name, isFile := strings.CutPrefix(f.Key, "file:"); isFile {
			st.asForeseen(f, name, texts[name], slices.Contains(changed, name))
		}
	}
	x.packagesAsForeseen()
	return len(changed)
}

// plan is what a dry run shows. As a text of diffs it has to be the same.
func (st *story) plan(see []string) []foreseen {
	st.Helper()
	var all []foreseen
	diffs := ""
	for line := range strings.Lines(st.must(st.sslwizard(append(see, "json")...)).Stdout) {
		var f foreseen
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			st.Fatalf("not JSON: %s", line)
		}
		if f.Type == "plan_change" {
			all = append(all, f)
			diffs += f.Diff
		}
	}
	if text := st.must(st.sslwizard(append(see, "diff")...)).Stdout; text != diffs || len(all) == 0 {
		st.Errorf("the text of the diffs is another one than that of the plan:\n%s\n%s", text, diffs)
	}
	return all
}

// bytes is a file of the server, nil where there is none.
func (st *story) bytes(name string) []byte {
	st.Helper()
	if !st.s.Has(name) {
		return nil
	}
	return append([]byte{}, st.s.Read(name)...)
}

// asForeseen compares a file with what the preview said of it.
func (st *story) asForeseen(f foreseen, name string, before []byte, changed bool) {
	st.Helper()
	after := st.bytes(name)
	what := map[bool]string{true: "change", false: "create"}[before != nil]
	if after == nil {
		what = "remove"
	}
	if f.Action != what || !changed {
		st.Errorf("%s: the preview said %q, it was %q (changed: %t)", name, f.Action, what, changed)
	}
	switch real := diff.Unified(name, before, after, func(line string) string { return line }); {
	case strings.HasPrefix(f.Note, "binary"):
		if string(after) != st.s.Read("/root/sslwizard") {
			st.Errorf("%s is another program than the preview said", name)
		}
	case real != f.Diff:
		st.Errorf("%s: the preview had\n%s\nand it came to\n%s", name, f.Diff, real)
	}
}

// explaining finds for each path why it changed.
type explaining struct {
	*story
	plan     []foreseen
	packages []string // lines of dpkg that differ
	brought  map[string]bool
}

// has finds a planned change.
func (x *explaining) has(key string) bool {
	return slices.ContainsFunc(x.plan, func(f foreseen) bool { return f.Key == key })
}

// explains says what of the plan a path is, or what of a run it is; "" where nothing does.
func (x *explaining) explains(name string) string {
	x.Helper()
	switch {
	case x.has("file:" + name), x.has("dir:" + name):
		return "itself"
	case world.Below(name, []string{kept + "/done", kept + "/lock", kept + "/renew", kept + "/notify.lock"}):
		return "the record of the run"
	case slices.Contains(accounts, name) && x.has("user:sslwizard"):
		return "the user"
	}
	for _, f := range x.plan {
		kind, of, _ := strings.Cut(f.Key, ":")
		switch {
		case kind == "cert" && x.ofCertificate(name, of):
			return "a certificate"
		case kind == "unit" && path.Base(name) == of && strings.HasSuffix(path.Dir(name), ".wants"):
			return "the link of a unit"
		case kind == "unit" && strings.HasPrefix(name, "/etc/systemd/system/") && strings.HasSuffix(name, ".wants"):
			return "the folder of such links"
		case kind == "unit" && strings.HasPrefix(name, "/etc/rc") && strings.HasSuffix(name, strings.TrimSuffix(of, ".service")):
			return "what Debian makes of such a link for init"
		case kind == "packages" && x.ofPackage(name):
			return "a package"
		}
	}
	return ""
}

// accounts are the files of users and groups, and their copies from before.
var accounts = []string{"/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/shadow-", "/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-"}

// ofCertificate reports what belongs to a certificate: the site's versions, this server's own CA, and the account at the CA with what
// was ordered.
func (x *explaining) ofCertificate(name, of string) bool {
	site, source, _ := strings.Cut(of, ":")
	return world.Below(name, []string{kept + "/certs/" + site}) || source == "local" && world.Below(name, []string{kept + "/ca"}) || source == "acme" && world.Below(name, []string{kept + "/acme"})
}

// ofPackage reports what one of the new packages brought, or what Debian makes of its scripts.
func (x *explaining) ofPackage(name string) bool {
	x.Helper()
	if x.brought == nil {
		x.brought = map[string]bool{}
		for _, line := range x.packages {
			fields := strings.Fields(strings.TrimLeft(line, "+- "))
			for _, file := range strings.Split(x.s.Exec("dpkg", "-L", fields[0]).Stdout, "\n") {
				x.brought[strings.TrimSpace(file)], x.brought["/usr"+strings.TrimSpace(file)] = true, true
			}
		}
	}
	return x.brought[name] || world.Below(name, []string{left}) || strings.HasPrefix(name, "/etc/rc") && strings.HasSuffix(name, "nginx") || strings.HasPrefix(name, "/etc/nginx/sites-enabled") ||
		strings.HasPrefix(name, "/etc/nginx/modules-enabled") || strings.HasPrefix(name, "/var/lib/nginx")
}

// packagesAsForeseen: no package came but those that the plan names, and what these depend on.
func (x *explaining) packagesAsForeseen() {
	x.Helper()
	known := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if known[name] {
			return
		}
		known[name] = true
		for _, word := range strings.FieldsFunc(x.s.Exec("dpkg-query", "-W", "-f", "${Pre-Depends},${Depends}", name).Stdout, func(r rune) bool { return strings.ContainsRune(",|\n", r) }) {
			if word, _, _ = strings.Cut(strings.TrimSpace(word), " "); word != "" {
				add(word)
			}
		}
	}
	for _, f := range x.plan {
		if names, is := strings.CutPrefix(f.Key, "packages:"); is {
			for _, name := range strings.Split(names, ",") {
				add(name)
			}
		}
	}
	for _, line := range x.packages {
		if name := strings.Fields(strings.TrimLeft(line, "+- "))[0]; !known[name] {
			x.Errorf("the package %s is another one, which was not in the preview", name)
		}
	}
}
