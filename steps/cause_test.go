package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page in docs is what the program knows; `go test ./steps -run CausePage -update` writes it.
func TestCausePage(t *testing.T) {
	t.Parallel()
	isPage(t, "../docs/doctor.md", string(CausePage()))
}

// Every cause is whole, has a code of its own, and the test that it names is there and speaks of it.
func TestCauses(t *testing.T) {
	t.Parallel()
	if len(causes) < 30 {
		t.Errorf("only %d causes", len(causes))
	}
	tests := testsOf(t, "../system/doctor/*_test.go", "../e2e/scenario/doctor*_test.go", "preflight_test.go")
	seen := map[string]bool{}
	real, err := os.ReadFile("../docs/doctor-seen.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range causes {
		if c.Worst != Info && !strings.Contains(string(real), "\n| "+c.Code+" | ") {
			t.Errorf("%s: TestDoctorCauses never has it be there for real", c.Code)
		}
		if seen[c.Code] || len(c.Code) != 3 || c.Name == "" || c.Meaning == "" || c.Looks == "" || c.Do == "" || c.Worst == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
		body, ok := tests[c.Test]
		if !ok {
			t.Errorf("%s: there is no %s", c.Code, c.Test)
		} else if c.Test != "TestPreflight" && !strings.Contains(body, c.Code) { // the preflight names what it sees by its words
			t.Errorf("%s: %s does not speak of it", c.Code, c.Test)
		}
		if said := Meaning(c.Code); said != c.Meaning || len(said) > 130 || !strings.HasSuffix(said, ".") {
			t.Errorf("%s means %q (%d)", c.Code, said, len(said))
		}
	}
	if len(Causes()) != len(causes) {
		t.Error("not all causes are told")
	}
	if _, ok := CauseOf("X99"); ok {
		t.Error("X99 is a cause")
	}
}

// testsOf are the test functions of the files, by name, with their text.
func testsOf(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range strings.Split(string(text), "\nfunc ")[1:] {
				name, _, _ := strings.Cut(part, "(")
				all[name] = part
			}
		}
	}
	return all
}
