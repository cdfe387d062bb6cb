package robot

import (
	"os/exec"
	"strings"
	"testing"
)

// script is a program that asks, answers, and draws in colour.
const script = `printf 'name? '; read -r name; printf '\033[1;32m%s\033[0m → grüezi\n' "$name"; read -r rest; stty size; exit 3`

func TestRobot(t *testing.T) {
	t.Parallel()
	r, err := Start(exec.Command("sh", "-c", script), 40, 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	for _, do := range []func() error{
		func() error { return r.Await("name?") },
		func() error { return r.Press("ada", "enter") },
		func() error { return r.Await("ada → grüezi") },
		func() error { return r.Resize(70, 20) },
		func() error { return r.Press("enter") },
		func() error { return r.Await("20 70") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if status, err := r.Wait(); status != 3 || err != nil {
		t.Errorf("exit status %d, %v", status, err)
	}
	svg := r.SVG("")
	for _, want := range []string{"<svg", ">ada<", "#"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
	if err := r.Await("never shown"); err == nil || !strings.Contains(err.Error(), "ended without showing") {
		t.Errorf("%v", err)
	}
}
