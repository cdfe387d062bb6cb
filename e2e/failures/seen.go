package failures

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TB is the part of testing.TB that is used.
type TB interface {
	Helper()
	Name() string
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Said is what somebody reads who meets a row of the catalogue.
type Said struct {
	Row   string   `json:"row"`
	Test  string   `json:"test"` // "system/apply TestDisk"
	Code  string   `json:"code"`
	Cause string   `json:"cause"` // what was seen
	Next  []string `json:"next"`  // what to type or to read
	Exit  int      `json:"exit"`
}

// store is where what was said is kept, in this folder.
const store = "seen.jsonl"

// Writing says whether what is said is written down.
func Writing() bool { return os.Getenv("SSLWIZARD_FAILURES") == "write" }

// Error is Seen of an error, and the exit status with which the program ends of it.
func Error(t TB, row string, err error) {
	t.Helper()
	seen(t, row, ofError(err))
}

// MetError is Error for whatever row the error has, if the register knows that this test produces it.
func MetError(t TB, err error) {
	t.Helper()
	met(t, ofError(err))
}

func ofError(err error) Said {
	if err == nil {
		return Said{}
	}
	return Said{Code: codeOf(err), Cause: err.Error(), Next: steps.Fixes(err), Exit: steps.ExitStatus("", err)}
}

// codeOf is the first code in the chain of an error.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if v := reflect.Indirect(reflect.ValueOf(err)); v.Kind() == reflect.Struct {
		if code := v.FieldByName("Code"); code.Kind() == reflect.String && code.Len() > 0 {
			return code.String()
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return codeOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if code := codeOf(one); code != "" {
				return code
			}
		}
	}
	return ""
}

// MetFindings is for those rows among the findings of a run which the register says that this test produces.
func MetFindings(t TB, all []steps.Finding) {
	t.Helper()
	for _, f := range all {
		met(t, Said{Code: f.Code, Cause: f.Text, Next: f.Fix, Exit: f.ExitStatus()})
	}
}

// MetChecks is the same for what a probe or a doctor's visit found.
func MetChecks(t TB, all []steps.Check) {
	t.Helper()
	exit := steps.ExitOK
	if len(steps.Report{Checks: all}.Failed()) > 0 {
		exit = steps.ExitUnverified
	}
	for _, c := range all {
		if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
			met(t, Said{Code: c.Code, Cause: c.Detail, Next: c.Fix, Exit: exit})
		}
	}
}

// Printed is Seen of what a program printed: the line with the code, and the ways on below it.
func Printed(t TB, row, text string, exit int) {
	t.Helper()
	said, ok := read(CodeOf(row), text)
	if !ok {
		t.Errorf("%s: no line says %s:\n%s", row, CodeOf(row), text)
		return
	}
	said.Exit = exit
	seen(t, row, said)
}

// MetPrinted is the same for those rows which the register says that this test produces.
func MetPrinted(t TB, text string, exit int) {
	t.Helper()
	for _, r := range Catalogue {
		if said, ok := read(r.Code, text); ok {
			said.Exit = exit
			met(t, said)
		}
	}
}

// met passes on what the register says that this test produces. Who writes has it learn: whatever is whole is written down,
// and the test of the register then says what it lacks.
func met(t TB, said Said) {
	t.Helper()
	test := caller(t)
	for _, r := range Catalogue {
		if CodeOf(r.Code) != said.Code {
			continue
		}
		said.Row = r.Code
		if slices.Contains(r.Tests, test) || Writing() && r.As == "" && len(said.faults()) == 0 {
			seen(t, r.Code, said)
		}
	}
}

// read finds the line of a code in what was printed. Its ways on stand below it, further in than the line itself is; what is
// said of a check's evidence is none of them.
func read(code, text string) (Said, bool) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		_, cause, ok := strings.Cut(line, code+": ")
		if !ok {
			continue
		}
		said := Said{Code: code, Cause: cause}
		for _, below := range lines[i+1:] {
			way := strings.TrimSpace(below)
			if way == "" || len(below)-len(strings.TrimLeft(below, " ")) <= len(line)-len(strings.TrimLeft(line, " ")) {
				break
			}
			if !strings.HasPrefix(way, "seen: ") {
				said.Next = append(said.Next, way)
			}
		}
		return said, true
	}
	return Said{}, false
}

// Seen is for what is said in another way than by the others: in a log, at a login, in a page.
func Seen(t TB, row string, said Said) {
	t.Helper()
	seen(t, row, said)
}

// seen judges what was said, and writes it down or holds it against what is written.
func seen(t TB, row string, said Said) {
	t.Helper()
	said.Row, said.Test = row, caller(t)
	said.Cause, said.Next = steady(said.Cause), slices.Clone(said.Next)
	for i := range said.Next {
		said.Next[i] = steady(said.Next[i])
	}
	for _, fault := range said.faults() {
		t.Errorf("%s: %s: %+v", row, fault, said)
	}
	if r, ok := Find(row); !Writing() && (!ok || !slices.Contains(r.Tests, said.Test)) {
		t.Errorf("the register does not say that %s produces %s", said.Test, row)
	}
	if Writing() {
		if err := write(said); err != nil && !errors.Is(err, syscall.EROFS) { // some tests are about disks that take nothing
			t.Fatalf("cannot write down what was said: %v", err)
		}
		return
	}
	all, err := load(root())
	if err != nil {
		t.Fatalf("cannot read what was said: %v", err)
	}
	if !slices.ContainsFunc(all, said.like) {
		t.Errorf("%s: e2e/failures/%s does not have what %s sees; run it with SSLWIZARD_FAILURES=write: %+v", row, store, said.Test, said)
	}
}

// like tells whether another one is of the same row, test and exit status.
func (s Said) like(o Said) bool {
	return o.Row == s.Row && o.Test == s.Test && o.Code == s.Code && o.Exit == s.Exit
}

// noise is what no message for people has in it.
var noise = regexp.MustCompile(`goroutine \d|panic: |\.go:\d|0x[0-9a-f]{6}|%!|[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}]`)

// faults are what is missing in a message, or does not belong there.
func (s Said) faults() []string {
	var all []string
	if s.Code != CodeOf(s.Row) {
		all = append(all, fmt.Sprintf("the code is %q, not %q", s.Code, CodeOf(s.Row)))
	}
	if strings.TrimSpace(s.Cause) == "" {
		all = append(all, "no cause is named")
	}
	if len(s.Next) == 0 || slices.Contains(s.Next, "") {
		all = append(all, "nothing is said to do")
	}
	if !slices.Contains(statuses, s.Exit) {
		all = append(all, fmt.Sprintf("the exit status is %d", s.Exit))
	}
	if dirt := noise.FindString(s.Cause + strings.Join(s.Next, " ")); dirt != "" {
		all = append(all, fmt.Sprintf("%q is not for people", dirt))
	}
	return all
}

var statuses = []int{
	steps.ExitOK, steps.ExitFailed, steps.ExitPending, steps.ExitUnverified, steps.ExitReverted, steps.ExitInconsistent, steps.ExitUsage,
	steps.ExitAnswers, steps.ExitUnavailable, steps.ExitTryLater, steps.ExitNotRoot, steps.ExitBroken, steps.ExitCancelled,
}

// unsteady is what is another one at every run.
var unsteady = []struct {
	is      *regexp.Regexp
	becomes string
}{
	{regexp.MustCompile(`/tmp/[\w.-]*\d{4,}[\w.-]*(/\d{3})?`), "/tmp/…"},
	{regexp.MustCompile(`\b\d{8}-\d{6}(-[0-9a-f]{4})?\b`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "DATE"},
	{regexp.MustCompile(`\bpid \d+`), "pid …"},
	{regexp.MustCompile(`sslwizard-[\w-]{32}`), "…"},
	{regexp.MustCompile(`(127\.0\.0\.1|\[::1\]|localhost):\d{5}`), "$1:…"},
	{regexp.MustCompile(`[ \t]{2,}`), "  "},
}

func steady(text string) string {
	for _, u := range unsteady {
		text = u.is.ReplaceAllString(text, u.becomes)
	}
	return strings.TrimSpace(text)
}

// caller is the folder of the test, and its name without those of its parts.
func caller(t TB) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	for skip := 1; ; skip++ {
		_, file, _, ok := runtime.Caller(skip)
		if !ok {
			return name
		}
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		if folder, err := filepath.Rel(root(), filepath.Dir(file)); err == nil {
			return filepath.ToSlash(folder) + " " + name
		}
	}
}

// root is the folder of go.mod: this file is two folders below it.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

func storeFile(root string) string { return filepath.Join(root, "e2e", "failures", store) }

func load(root string) ([]Said, error) {
	text, err := os.ReadFile(storeFile(root))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Said
	for line := range strings.Lines(string(text)) {
		var s Said
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return nil, fmt.Errorf("%s: %w", store, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// write puts one of them in the place of what the same test saw of the same row before. Tests of several packages run at the
// same time, so it takes a lock.
func write(said Said) error {
	lock, err := os.Open(filepath.Join(root(), "go.mod"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	all, err := load(root())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, said.like)
	return save(root(), append(all, said))
}

func save(root string, all []Said) error {
	slices.SortFunc(all, func(a, b Said) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Test, b.Test), cmp.Compare(a.Exit, b.Exit))
	})
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, s := range all {
		if err := enc.Encode(s); err != nil {
			return err
		}
	}
	return os.WriteFile(storeFile(root), []byte(b.String()), 0o644)
}
