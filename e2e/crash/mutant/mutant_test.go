package mutant

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMutant: the build is another one, the source is the same, and what is not there exactly once is refused.
func TestMutant(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	source := "package main\n\nfunc main() { print(\"one\"); print(\" two\") }\n"
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flag, err := Mutant{Name: "counts wrong", Text: []Replacement{{"main.go", "one", "three"}, {"main.go", " two", " four"}}}.Overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "run", flag, ".")
	build.Dir = root
	out, err := build.CombinedOutput()
	if err != nil || string(out) != "three four" {
		t.Errorf("%q, %v", out, err)
	}
	if now, err := os.ReadFile(filepath.Join(root, "main.go")); string(now) != source {
		t.Errorf("the source is %q now (%v)", now, err)
	}
	for _, old := range []string{"nowhere", "print"} {
		_, err := Mutant{Name: "blind", Text: []Replacement{{"main.go", old, ""}}}.Overlay(root, dir)
		if err == nil || !strings.Contains(err.Error(), "main.go has this") {
			t.Errorf("%s: %v", old, err)
		}
	}
}

// TestMutantsFit: each one of sslwizard still finds what it replaces. That each is seen is what the suites look at.
func TestMutantsFit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range slices.Concat(Transaction, Unstored) {
		if _, err := m.Overlay("../../..", t.TempDir()); err != nil {
			t.Error(err)
		}
		names[m.Name] = true
	}
	if len(names) != len(Transaction)+len(Unstored) || len(names) < 20 {
		t.Errorf("%d names, %d mutants", len(names), len(Transaction)+len(Unstored))
	}
}
