package failures

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
)

var update = flag.Bool("update", false, "write docs/failures.md, and its figures into docs/promises.md")

// TestPage holds the page against the register and what the tests wrote down.
func TestPage(t *testing.T) {
	all, err := load(root())
	if err != nil {
		t.Fatal(err)
	}
	want, file := page(all), filepath.Join(root(), File)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		const command = "go test ./e2e/failures -update"
		produced, seen, whole := totals(all)
		traces := 0
		for _, s := range all {
			if noise.MatchString(s.Cause + strings.Join(s.Next, "\n")) {
				traces++
			}
		}
		promises.Record(t,
			promises.Figure{Promise: 25, What: "rows of the catalogue of failures, produced for real", Target: "≥ 70", Measured: fmt.Sprintf("%d of %d", produced, len(Catalogue)), Command: command},
			promises.Figure{Promise: 25, What: "of the rows whose message was seen, without code, cause, next step or exit status", Target: "0", Measured: fmt.Sprintf("%d of %d", seen-whole, seen), Command: command},
			promises.Figure{Promise: 25, What: "messages with a raw stack trace or control characters", Target: "0", Measured: fmt.Sprintf("%d of %d", traces, len(all)), Command: command})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != want {
		t.Errorf("%s is not as the register makes it: go test ./e2e/failures -update (%v)", File, err)
	}
}

// TestRegister has every row either name the tests that produce it, which exist and wrote down what they saw, or say why there
// is none.
func TestRegister(t *testing.T) {
	all, err := load(root())
	if err != nil {
		t.Fatal(err)
	}
	if len(Catalogue) != 103 {
		t.Errorf("the catalogue has %d rows", len(Catalogue))
	}
	for _, test := range handed {
		if !slices.ContainsFunc(Catalogue, func(r Row) bool { return slices.Contains(r.Tests, test) }) {
			t.Errorf("%s is handed something, and produces nothing", test)
		}
	}
	product := sources(t, root())
	for i, r := range Catalogue {
		if len(r.Tests) == 0 && r.Why == "" {
			t.Errorf("%s: nothing produces it, and nothing says why", r.Code)
		}
		if slices.ContainsFunc(Catalogue[:i], func(o Row) bool { return o.Code == r.Code }) {
			t.Errorf("%s is there twice", r.Code)
		}
		for _, test := range r.Tests {
			if !exists(root(), test) {
				t.Errorf("%s: there is no test %q", r.Code, test)
			}
			if !slices.ContainsFunc(all, func(s Said) bool { return s.Row == r.Code && s.Test == test }) {
				t.Errorf("%s: %s wrote nothing down: run it with SSLWIZARD_FAILURES=write", r.Code, test)
			}
		}
		if len(r.Tests) > 0 && !strings.Contains(product, `"`+CodeOf(r.Code)+`"`) {
			t.Errorf("%s: the product has no %s", r.Code, CodeOf(r.Code))
		}
	}
	for _, s := range all {
		if r, ok := Find(s.Row); !ok || !slices.Contains(r.Tests, s.Test) {
			t.Errorf("%s: %s wrote down what it saw, and the register does not know of it", s.Row, s.Test)
		}
		for _, fault := range s.faults() {
			t.Errorf("%s, %s: %s", s.Row, s.Test, fault)
		}
	}
}

// sources is the text of the product: no test, nothing of e2e.
func sources(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	for _, folder := range []string{"steps", "system", "wizard"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			b.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// exists looks for a test: "system/apply TestDisk".
func exists(root, test string) bool {
	folder, name, _ := strings.Cut(test, " ")
	files, _ := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	declared := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(`)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && declared.Match(text)
	})
}

// TestFaults: what is no message for people is called so.
func TestFaults(t *testing.T) {
	whole := Said{Row: "H02", Code: "H02", Cause: "cannot start: another run is active", Next: []string{"sslwizard attach"}, Exit: steps.ExitTryLater}
	if faults := whole.faults(); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	for name, spoil := range map[string]func(*Said){
		"another code":     func(s *Said) { s.Code = "H03" },
		"no code":          func(s *Said) { s.Code = "" },
		"no cause":         func(s *Said) { s.Cause = " " },
		"no next step":     func(s *Said) { s.Next = nil },
		"an empty step":    func(s *Said) { s.Next = []string{""} },
		"a status of Go":   func(s *Said) { s.Exit = 2 + 254 },
		"a stack trace":    func(s *Said) { s.Cause = "panic: runtime error\n\ngoroutine 1 [running]:" },
		"a line of source": func(s *Said) { s.Cause = "main.go:12" },
		"an escape":        func(s *Said) { s.Next = []string{"\x1b[31m"} },
		"a broken verb":    func(s *Said) { s.Cause = "cannot %!s(MISSING)" },
		"a C1 control":     func(s *Said) { s.Cause = "\u009b31m" },
	} {
		s := whole
		if spoil(&s); len(s.faults()) == 0 {
			t.Errorf("%s is not seen: %+v", name, s)
		}
	}
}

func TestRead(t *testing.T) {
	text := "✗ fail  trusted    nonce    203.0.113.10: A05: port 80 does not answer\n          seen: asked by hand\n          sudo sslwizard status\n          open it\n\nPut it right\n" +
		"sslwizard: error: H02: cannot start\n  sslwizard attach    # shows it\nmore\n"
	for code, want := range map[string]Said{
		"A05": {Code: "A05", Cause: "port 80 does not answer", Next: []string{"sudo sslwizard status", "open it"}},
		"H02": {Code: "H02", Cause: "cannot start", Next: []string{"sslwizard attach    # shows it"}},
	} {
		if got, ok := read(code, text); !ok || got.Cause != want.Cause || !slices.Equal(got.Next, want.Next) {
			t.Errorf("%+v", got)
		}
	}
	if _, ok := read("H03", text); ok {
		t.Error("a code was found that is not there")
	}
}

func TestCodeOf(t *testing.T) {
	failure := &steps.Failure{Text: "cannot", Code: "H06"}
	for _, err := range []error{failure, fmt.Errorf("cannot write: %w", failure), errors.Join(errors.New("first"), failure),
		&steps.Failure{Text: "cannot undo", Err: failure}} {
		if codeOf(err) != "H06" {
			t.Errorf("%v has the code %q", err, codeOf(err))
		}
	}
	if codeOf(nil) != "" || codeOf(errors.New("x")) != "" {
		t.Error("a code was found where none is")
	}
}
