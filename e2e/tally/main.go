// Command tally reads what `go test -json` prints, shows it as people want to see it (each package and each scenario a
// line, the output of what failed or was skipped), and writes the number of tests that passed, failed and were skipped to
// a file.
//
//	go test -json ./... | tally counts.txt
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// tally counts leaves: a test with subtests is its subtests.
type tally struct {
	output         map[string][]string // of each test that is running
	parents        map[string]bool
	passed, failed int
	skipped        int
	last           map[string]string // verdict of each test
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tally FILE")
		os.Exit(64)
	}
	t := tally{output: map[string][]string{}, parents: map[string]bool{}, last: map[string]string{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // go's own complaints are not JSON
			continue
		}
		t.take(e)
	}
	t.count()
	if err := os.WriteFile(os.Args[1], fmt.Appendln(nil, t.passed, t.failed, t.skipped), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
}

func (t *tally) take(e event) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Action == "build-output" {
			name = e.ImportPath
		}
		t.output[name] = append(t.output[name], e.Output)
	case "build-fail":
		fmt.Print(strings.Join(t.output[e.ImportPath], ""))
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			t.parents[e.Package+" "+e.Test[:i]] = true
		}
	case "pass", "fail", "skip":
		t.end(e, name)
	}
}

// end shows a test or package that came to its end.
func (t *tally) end(e event, name string) {
	if e.Test != "" {
		t.last[name] = e.Action
	} else if e.Action == "fail" && !t.failedIn(e.Package) {
		t.failed++ // it did not build, or died outside a test
	}
	switch {
	case e.Action == "fail":
		fmt.Print(strings.Join(t.output[name], ""))
		fmt.Printf("FAIL  %s (%.1f s)\n", strings.TrimSpace(name), e.Elapsed)
	case e.Test == "" && e.Action == "pass", strings.HasSuffix(e.Package, "/e2e/scenario") && !t.parents[name]:
		fmt.Printf("%-4s  %s (%.1f s)\n", map[string]string{"pass": "ok", "skip": "skip"}[e.Action], strings.TrimSpace(name), e.Elapsed)
	case e.Action == "skip" && e.Test != "":
		fmt.Printf("skip  %s: %s\n", name, reason(t.output[name]))
	}
	delete(t.output, name)
}

// reason is what a skipped test said.
func reason(output []string) string {
	for _, line := range output {
		if strings.HasPrefix(line, "    ") {
			return strings.TrimSpace(line)
		}
	}
	return "no reason given"
}

func (t *tally) failedIn(pkg string) bool {
	for name, verdict := range t.last {
		if verdict == "fail" && strings.HasPrefix(name, pkg+" ") {
			return true
		}
	}
	return false
}

func (t *tally) count() {
	for name, verdict := range t.last {
		switch {
		case t.parents[name]:
		case verdict == "pass":
			t.passed++
		case verdict == "fail":
			t.failed++
		case verdict == "skip":
			t.skipped++
		}
	}
}
