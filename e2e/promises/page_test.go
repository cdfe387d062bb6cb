package promises

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write docs/promises.md anew, with the figures that it has")

const pageFile = "../../" + File

// TestPage sees that each promise has figures, and that each is what was aimed at or the promise says why not.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	all := parse(string(text))
	if want := page(all); *update {
		if err := os.WriteFile(pageFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s is not as its figures make it: go test ./e2e/promises -update", File)
	}
	figures, unmet := map[int]int{}, map[int]bool{}
	for _, f := range all {
		figures[f.Promise]++
		met, err := f.Met()
		if err != nil {
			t.Error(err)
		}
		if !met {
			unmet[f.Promise] = true
		}
		if !met && List[f.Promise-1].Open == "" {
			t.Errorf("P%d: %s is %s, aimed at %s, and nothing says why", f.Promise, f.What, f.Measured, f.Target)
		}
	}
	for i, p := range List {
		if figures[i+1] == 0 && p.Open == "" {
			t.Errorf("P%d (%s) has no figure, and nothing says why", i+1, p.Short)
		}
		if p.Open != "" && figures[i+1] > 0 && !unmet[i+1] {
			t.Logf("P%d says %q although each figure is as aimed at", i+1, p.Open)
		}
	}
}

func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "page")
	for _, measured := range []string{"1", "2,500 of 2,500"} {
		err := Write(name,
			Figure{Promise: 2, What: "b", Target: "0", Measured: "0", Command: "true"},
			Figure{Promise: 1, What: "a", Target: "≥ 1,500", Measured: measured, Command: "true"})
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := parse(string(text))
	if len(all) != 2 || all[0].Measured != "2,500 of 2,500" || all[1].What != "b" || all[1].Promise != 2 {
		t.Errorf("read back: %+v", all)
	}
	for _, wrong := range []Figure{{Promise: 29, What: "a"}, {Promise: 0, What: "a"}, {Promise: 1, What: "a | b"}} {
		if Write(name, wrong) == nil {
			t.Errorf("%+v was written", wrong)
		}
	}
}

func TestMet(t *testing.T) {
	for _, c := range []struct {
		target, measured string
		met, wrong       bool
	}{
		{"≥ 1,500", "1,500", true, false},
		{"≥ 1,500", "1,499 kills", false, false},
		{"≤ 10", "9.5 s", true, false},
		{"≤ 10", "11", false, false},
		{"0", "0", true, false},
		{"0", "1", false, false},
		{"12", "12 of 12", true, false},
		{"", "whatever", true, false},
		{"≥ many", "3", false, true},
		{"3", "many", false, true},
	} {
		met, err := Figure{Target: c.target, Measured: c.measured}.Met()
		if met != c.met || (err != nil) != c.wrong {
			t.Errorf("%q beside %q: met %t, %v", c.measured, c.target, met, err)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := Count(n); got != want {
			t.Errorf("%d is written %q, not %q", n, got, want)
		}
	}
}
