package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// topLevel is what may stand at the top of the repository; dot-files beside it.
var topLevel = []string{
	"CHANGELOG.md", "LICENSE", "README.md", "go.mod", "go.sum", "staticcheck.conf",
	"main.go", "main_test.go", "imports_test.go", "toplevel_test.go",
	"assets", "docs", "e2e", "steps", "system", "wizard",
}

// TestTopLevel finds what was committed by mistake: something new at the top, and a built program anywhere. One that got in
// stays in the history of everybody who clones, so it must not get in.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(".git"); os.IsNotExist(err) {
		t.Skip("this is no clone, so nothing says what is tracked; CI has one")
	}
	list := exec.Command("git", "ls-files", "-z")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(files) < 100 {
		t.Fatalf("git lists %d files, which cannot be all", len(files))
	}
	looked := map[string]bool{}
	for _, file := range files {
		if dir := filepath.Dir(file); !looked[dir] { // so that the go tool asks again when there is more in it
			looked[dir] = true
			if _, err := os.ReadDir(dir); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(topLevel, top) {
			t.Errorf("%s is at the top of the repository, where it does not belong", file)
		}
		if isProgram(t, file) {
			t.Errorf("%s is a built program: delete it, and add it to .gitignore if it comes back", file)
		}
	}
}

// isProgram says whether a tracked file is an ELF image. One that is deleted in the working tree is not.
func isProgram(t *testing.T, file string) bool {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.Read(head)
	return bytes.Equal(head[:n], []byte("\x7fELF"))
}
