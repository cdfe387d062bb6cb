package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// h2spec has the conformance suite of that name try the proxy, every case of it, strict ones too.
func h2spec(ctx context.Context, f *front, dir string) ([]outcome, int, error) {
	program := filepath.Join(dir, "h2spec")
	if _, err := os.Stat(program); err != nil {
		if program, err = goInstall(ctx, dir, "h2spec", h2specModule); err != nil {
			return nil, 0, err
		}
	}
	file := filepath.Join(dir, "h2spec.xml")
	out, err := exec.CommandContext(ctx, program, "--strict", "--tls", "--insecure", "--host", "localhost", "--port", port(f.https),
		"--timeout", "5", "--junit-report", file).CombinedOutput()
	var failed *exec.ExitError // some case failed: the report says which
	if err != nil && !errors.As(err, &failed) {
		return nil, 0, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("h2spec wrote no report: %w\n%s", err, out)
	}
	return readReport(text)
}

// report is what h2spec writes for machines.
type report struct {
	Cases []struct {
		Section string `xml:"package,attr"`
		Name    string `xml:"classname,attr"`
		Failure string `xml:"failure"`
		Error   string `xml:"error"`
	} `xml:"testsuite>testcase"`
}

// readReport returns the cases that failed and how many there were.
func readReport(text []byte) ([]outcome, int, error) {
	var r report
	if err := xml.Unmarshal(text, &r); err != nil {
		return nil, 0, fmt.Errorf("cannot read h2spec's report: %w", err)
	}
	var bad []outcome
	for _, c := range r.Cases {
		if said := c.Failure + c.Error; said != "" {
			bad = append(bad, outcome{testCase: testCase{class: c.Section, name: c.Name}, verdict: odd("%s", strings.Join(strings.Fields(said), " "))})
		}
	}
	return bad, len(r.Cases), nil
}
