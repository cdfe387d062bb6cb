package steps

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the code says now into testdata")

// golden runs one test for each file of a folder in testdata. A file has its input above the line and what is
// expected of it below; got makes the second from the first.
func golden(t *testing.T, folder string, got func(t *testing.T, name, input string) string) {
	t.Helper()
	const line = "\n======\n"
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", folder, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(data), line)
			text := got(t, name, input+"\n")
			if *update {
				if err := os.WriteFile(file, []byte(input+line+text), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if text != want {
				t.Errorf("got:\n%s\nwant:\n%s", text, want)
			}
		})
	}
}
