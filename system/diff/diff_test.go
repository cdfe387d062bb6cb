package diff

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// whole shows all of a text.
func whole(text string) string { return text }

// TestUnifiedHides: what is not shown makes a difference all the same.
func TestUnifiedHides(t *testing.T) {
	t.Parallel()
	got := Unified("/x", []byte("a\nkey 1\n"), []byte("a\nkey 2\n"), func(text string) string { return strings.NewReplacer("1", "*", "2", "*").Replace(text) })
	if want := "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-key *\n+key *\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUnified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, before, after, want string }{
		{"equal", "a\n", "a\n", ""},
		{"one line", "a\nb\nc\n", "a\nB\nc\n", "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"no newline", "a\nb", "a\nb\n", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
		{"emptied", "a\n", "", "--- a/x\n+++ b/x\n@@ -1 +0,0 @@\n-a\n"},
		{"filled", "", "a\nb\n", "--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"two hunks", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\nX\n",
			"--- a/x\n+++ b/x\n@@ -1,4 +1,3 @@\n-0\n 1\n 2\n 3\n@@ -8,3 +7,4 @@\n 7\n 8\n 9\n+X\n"},
	} {
		if got := Unified("/x", []byte(c.before), []byte(c.after), whole); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestUnifiedAbsent(t *testing.T) {
	t.Parallel()
	if got := Unified("/x", nil, []byte("a\n"), whole); got != "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n" {
		t.Errorf("created: %q", got)
	}
	if got := Unified("/x", []byte("a\n"), nil, whole); got != "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n" {
		t.Errorf("removed: %q", got)
	}
}

// apply is what patch does: it makes after from before and the script.
func apply(a, b []string) (string, string) {
	var before, after strings.Builder
	for _, e := range script(a, b) {
		if e.kind != add {
			before.WriteString(a[e.a])
		}
		if e.kind != remove {
			after.WriteString(b[e.b])
		}
	}
	return before.String(), after.String()
}

func TestScriptIsCorrect(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	text := func(n int) []string {
		l := make([]string, r.Intn(n))
		for i := range l {
			l[i] = fmt.Sprintf("%d\n", r.Intn(4))
		}
		return l
	}
	for range 2000 {
		a, b := text(12), text(12)
		before, after := apply(a, b)
		if before != strings.Join(a, "") || after != strings.Join(b, "") {
			t.Fatalf("script(%q, %q) = %v", a, b, script(a, b))
		}
	}
	long := func(tag string) []string {
		l := make([]string, 3*maxEffort)
		for i := range l {
			l[i] = fmt.Sprintf("%s%d\n", tag, i)
		}
		return l
	}
	a, b := long("a"), long("b")
	if before, after := apply(a, b); before != strings.Join(a, "") || after != strings.Join(b, "") {
		t.Fatal("two long texts with nothing in common")
	}
}

// TestPatchAgrees has the system's own patch program apply what Unified prints.
func TestPatchAgrees(t *testing.T) {
	t.Parallel()
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("the program patch is missing")
	}
	r := rand.New(rand.NewSource(2))
	text := func() string {
		var b strings.Builder
		for range 1 + r.Intn(30) {
			fmt.Fprintf(&b, "line %d\n", r.Intn(9))
		}
		return strings.TrimSuffix(b.String(), strings.Repeat("\n", r.Intn(2)))
	}
	for range 20 {
		before, after := text(), text()
		if before == after {
			continue
		}
		file := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(patch, "-s", file)
		d := Unified("/x", []byte(before), []byte(after), whole)
		cmd.Stdin = strings.NewReader(d)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, d)
		}
		if got, _ := os.ReadFile(file); string(got) != after {
			t.Fatalf("got %q, want %q\n%s", got, after, d)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	if !Text([]byte("grün\n")) || Text([]byte("\xff")) || Text([]byte("a\x00")) {
		t.Error("Text tells wrongly")
	}
}
