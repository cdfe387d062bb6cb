// Package mutant breaks a program on purpose: it replaces a piece of its source by another one for one build, without
// touching the source. A suite that does not see it is blind there.
package mutant

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one way to break it.
type Mutant struct {
	Name string
	Text []Replacement
	Flow string // that is looked at first, for it is known to show it; ""
}

func (m Mutant) in(flow string) Mutant {
	m.Flow = flow
	return m
}

// Replacement is a piece of a file that has to be there exactly once, and what stands there instead.
type Replacement struct{ File, Old, New string }

// Overlay writes the mutated files into dir and returns the flag with which `go build` takes them for those of the module
// at root. It fails where a piece is not found exactly once: the program has changed since, and the mutant with it.
func (m Mutant) Overlay(root, dir string) (string, error) {
	replaced := map[string]string{}
	for n, r := range m.Text {
		file := filepath.Join(root, r.File)
		from := file
		if earlier, ok := replaced[file]; ok {
			from = earlier
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", fmt.Errorf("cannot make the mutant %q: %w", m.Name, err)
		}
		if found := strings.Count(string(text), r.Old); found != 1 {
			return "", fmt.Errorf("cannot make the mutant %q: %s has this %d times: %q", m.Name, r.File, found, r.Old)
		}
		to := filepath.Join(dir, fmt.Sprintf("%d.go", n))
		if err := os.WriteFile(to, []byte(strings.Replace(string(text), r.Old, r.New, 1)), 0o600); err != nil {
			return "", err
		}
		replaced[file] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return "-overlay=" + overlay, os.WriteFile(overlay, text, 0o600)
}
