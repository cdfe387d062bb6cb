//go:build e2e

package hostile

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// typed gives every text to one key as the screens and the prompts do: as a line that a person types.
func (k *vocabulary) typed(t *testing.T, key string, kind steps.Kind) row {
	r := row{key: key}
	turn := len(key)
	for _, g := range groundsOf(key) {
		for _, ex := range executors {
			all, err := steps.ParseAnswers("harmless.yaml", []byte(g.file("install.executor", quoted(ex.Name()), ex.Name())))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range Corpus() {
				for _, whole := range g.around(key, kind, text.Text) {
					r.texts++
					if turn++; !*full && turn%slice != 0 {
						continue
					}
					r.files++
					if k.line(t, all[0], key, whole, text.Class, ex) {
						r.plans++
					} else {
						r.refused++
					}
					if t.Failed() {
						t.Logf("that was %s: %q, typed", key, whole)
						return r
					}
				}
			}
		}
	}
	return r
}

// line takes one line as the answer to a question, and plans for what it asks; false: it is refused.
func (k *vocabulary) line(t *testing.T, a steps.Answers, key, text, class string, ex steps.Executor) bool {
	if err := a.Set(key, text); err != nil {
		if said := err.Error(); said == "" || steps.Clean(said) != said {
			t.Errorf("%s: the reason is not clean: %q", class, said)
		}
		return false
	}
	s, problems := a.Site()
	for _, p := range problems {
		if said := p.Text + p.Suggestion; p.Text == "" || steps.Clean(said) != said {
			t.Errorf("%s: the reason is not clean: %q", class, said)
		}
	}
	if len(problems) > 0 || s.Install.Executor != ex.Name() {
		return false
	}
	plan, _, err := steps.Build([]steps.Site{s}, facts(), extras(), ex)
	if err != nil {
		t.Errorf("%s: cannot plan for what was taken: %v", class, err)
	}
	k.harmless(t, s, plan, class)
	return true
}
