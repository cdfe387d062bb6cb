//go:build e2e

package hostile

import (
	"errors"
	"flag"
	"path"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

var (
	full   = flag.Bool("full", false, "everything, and not the slice of it that CI runs")
	update = flag.Bool("update", false, "write docs/hostile.md; with -full only")
)

// one of so many is the slice that CI runs.
const slice = 53

// TestNoInputBecomesCode puts every text of the corpus into every key of the answers file, in every spelling, for both executors.
// It is refused with its place and a reason, or the plan is that of a harmless site, with the text as a value in it: every
// file of nginx's read by a reader of our own is the tree that was meant, and has no directive and no variable that a
// harmless site has not; units are line by line known; the stored site reads back as the site; no file is
// anywhere else, and no package, user, unit or port is another one.
func TestNoInputBecomesCode(t *testing.T) {
	t.Parallel()
	kinds := map[string]steps.Kind{}
	for _, q := range steps.Questions(facts()) {
		kinds[q.Key] = q.Kind
	}
	known := learn(t)
	var rows, lines []row
	var mu sync.Mutex
	var workers sync.WaitGroup
	turn := make(chan struct{}, runtime.NumCPU())
	for _, key := range steps.Keys() {
		turn <- struct{}{}
		workers.Go(func() {
			defer func() { <-turn }()
			r, typed := known.attack(t, key, kinds[key]), row{key: key}
			if kinds[key] != "" { // it is asked for
				typed = known.typed(t, key, kinds[key])
			}
			mu.Lock()
			defer mu.Unlock()
			rows, lines = append(rows, r), append(lines, typed)
		})
	}
	workers.Wait()
	for _, all := range [][]row{rows, lines} {
		slices.SortFunc(all, func(a, b row) int {
			return slices.Index(steps.Keys(), a.key) - slices.Index(steps.Keys(), b.key)
		})
	}
	for _, r := range slices.Concat(rows, asked(lines)) {
		if r.texts < 2000 {
			t.Errorf("%s was given only %d texts", r.key, r.texts)
		}
		if r.refused == 0 {
			t.Errorf("%s refuses nothing", r.key)
		}
	}
	page(t, "keys", inputPage(rows, lines), inputFigures(rows, lines)...)
}

// asked are the rows of keys that a person is asked for.
func asked(lines []row) []row {
	return slices.DeleteFunc(slices.Clone(lines), func(r row) bool { return r.texts == 0 })
}

// row is what came of one key.
type row struct {
	key                          string
	texts, files, refused, plans int
}

// attack gives every text to one key. It counts all texts, and in the slice looks at some of them.
func (k *vocabulary) attack(t *testing.T, key string, kind steps.Kind) row {
	r := row{key: key}
	turn := len(key) // another part of the corpus for each key
	for _, text := range Corpus() {
		for _, g := range groundsOf(key) {
			for _, whole := range g.around(key, kind, text.Text) {
				r.texts++
				if turn++; !*full && turn%slice != 0 {
					continue
				}
				for _, value := range g.spellings(key, kind, whole) {
					for _, ex := range executors {
						r.files++
						if n := k.one(t, g.file(key, value, ex.Name()), text.Class); n == 0 {
							r.refused++
						} else {
							r.plans += n
						}
						if t.Failed() {
							t.Logf("that was %s: %q", key, value)
							return r
						}
					}
				}
			}
		}
	}
	return r
}

var executors = []steps.Executor{native.Executor{}, nginx.Executor{}}

// one reads an answers file and plans for what it asks; zero plans: it was refused, as it has to be.
func (k *vocabulary) one(t *testing.T, file, class string) (plans int) {
	sites, err := steps.Sites("hostile.yaml", []byte(file))
	if err != nil {
		var parse *steps.ParseError
		if !errors.As(err, &parse) || len(parse.Problems) == 0 || parse.ExitStatus() != steps.ExitAnswers {
			t.Errorf("%s: refused without a reason: %v", class, err)
			return 0
		}
		for _, p := range parse.Problems {
			if p.File != "hostile.yaml" || p.Line < 1 || p.Col < 1 || p.Text == "" {
				t.Errorf("%s: refused without its place or a reason: %+v", class, p)
			}
		}
		if said := err.Error(); steps.Clean(said) != said || len(said) > 64<<10 {
			t.Errorf("%s: the reason is not clean: %q", class, said)
		}
		return 0
	}
	for _, s := range sites {
		for _, ex := range executors {
			if ex.Name() != s.Install.Executor {
				continue
			}
			plans++
			plan, findings, err := steps.Build([]steps.Site{s}, facts(), extras(), ex)
			if err != nil {
				t.Errorf("%s: cannot plan for what was taken: %v", class, err)
			}
			for _, f := range findings {
				if steps.Clean(f.Text) != f.Text {
					t.Errorf("%s: a finding is not clean: %q", class, f.Text)
				}
			}
			k.harmless(t, s, plan, class)
		}
	}
	return max(plans, 1)
}

// harmless looks at every change of a plan.
func (k *vocabulary) harmless(t *testing.T, s steps.Site, p steps.Plan, class string) {
	for _, c := range p.Changes {
		if key := strings.ReplaceAll(c.Key(), s.Name, "NAME"); !k.changes[key] {
			t.Errorf("%s: a change that no harmless site has: %q", class, c.Key())
		}
		if said := c.Summary(); steps.CleanLine(said) != said {
			t.Errorf("%s: the summary is not clean: %q", class, said)
		}
		w, ok := c.(steps.WriteFile)
		if !ok {
			continue
		}
		if path.Clean(w.Path) != w.Path || !fileName.MatchString(path.Base(w.Path)) {
			t.Errorf("%s: a file is called %q", class, w.Path)
		}
		switch {
		case strings.HasPrefix(w.Path, "/etc/nginx/"):
			k.nginx(t, w, class)
		case w.Path == steps.SiteFile(s.Name):
			again, err := steps.Sites(w.Path, w.Content)
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], s) {
				t.Errorf("%s: the stored site reads back as %+v, %v", class, again, err)
			}
		default:
			for line := range strings.Lines(string(w.Content)) {
				if !k.lines[line] {
					t.Errorf("%s: %s has a line that is in no file of a harmless site: %q", class, w.Path, line)
				}
			}
		}
	}
}

// fileName is what the last part of a path of ours may be.
var fileName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,254}$`)

// nginx reads a file with our own reader and with the product's, and compares the words with those that are known.
func (k *vocabulary) nginx(t *testing.T, w steps.WriteFile, class string) {
	tree, err := readNginx(string(w.Content))
	if err != nil {
		t.Errorf("%s: %s cannot be read: %v\n%s", class, w.Path, err, w.Content)
		return
	}
	meant, err := conf.Parse(w.Content)
	if err != nil || !same(tree, meant) {
		t.Errorf("%s: %s is read in two ways: %v\n%s", class, w.Path, err, w.Content)
	}
	k.known(t, tree, "", class)
	if t.Failed() {
		t.Logf("it was in\n%s", w.Content)
	}
}

// known looks at the words of a block. In a map stand pairs, whose first words are values: those that mean something there
// stand in it once at most.
func (k *vocabulary) known(t *testing.T, tree []Directive, block, class string) {
	special := map[string]int{}
	for _, d := range tree {
		switch first := d.Words[0]; {
		case block != "map":
			if !k.directives[first] {
				t.Errorf("%s: a directive that no harmless site has: %q", class, d.Words)
			}
		case slices.Contains([]string{"default", "hostnames", "include", "volatile"}, first):
			if special[first]++; special[first] > 1 || !k.directives["map "+first] {
				t.Errorf("%s: a word that means something in a map: %q", class, d.Words)
			}
		case len(d.Words) != 2 || d.Opens:
			t.Errorf("%s: no pair in a map: %q", class, d.Words)
		}
		for _, word := range d.Words {
			for _, v := range variable.FindAllString(word, -1) {
				if !k.variables[v] {
					t.Errorf("%s: a variable that no harmless site has: %q in %q", class, v, d.Words)
				}
			}
		}
		k.known(t, d.Block, d.Words[0], class)
	}
}
