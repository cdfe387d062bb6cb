package steps

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every code that the machine gives a failure of a run means something to people.
func TestEveryCodeHasAMeaning(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`"([ADHLNRSTUW]\d\d)"`)
	found := 0
	for _, dir := range []string{"acme", "apply", "cert", "detach", "doctor", "native", "nginx", "probe", "renew"} {
		files, err := filepath.Glob("../system/" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range code.FindAllStringSubmatch(string(data), -1) {
				if found++; Meaning(m[1]) == "" {
					t.Errorf("%s: %s means nothing to people", file, m[1])
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d codes were found", found)
	}
}

func TestMeanings(t *testing.T) {
	t.Parallel()
	for code, said := range meanings {
		if !strings.HasSuffix(said, ".") || len(said) > 130 || said != CleanLine(said) {
			t.Errorf("%s: %q", code, said)
		}
	}
	for _, code := range []string{"", "W", "X07", "W0100"} {
		if Meaning(code) != "" {
			t.Errorf("%q has a meaning", code)
		}
	}
}
