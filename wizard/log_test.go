package wizard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// The log has every change with how it ended, beside what was said; what is said again and again is one entry; and how
// the run ended is no word of the journal's.
func TestRecord(t *testing.T) {
	t.Parallel()
	var r record
	change := aPlan().Effects[0].Change
	for n := range 3 {
		r.note(steps.Event{Time: noon, Change: change, Status: steps.Progress, Text: fmt.Sprintf("The CA cannot answer now (down); asking again in %d s", n+1)})
	}
	r.note(steps.Event{Time: noon, Change: change, Status: steps.Progress, Text: "The CA cannot answer now (away); asking again in 9 s"})
	for _, file := range []string{"removed /etc/a1", "removed /etc/a2"} {
		r.note(steps.Event{Time: noon, Status: steps.Undone, Text: file})
	}
	r.note(steps.Event{Time: noon, Change: change, Status: steps.Started, Text: "begins"})
	r.note(steps.Event{Time: noon, Change: change, Status: steps.Failed, Text: "cannot do it"})
	r.note(steps.Event{Time: noon, Status: steps.Failed, Text: string(steps.OutcomePartial)})
	at := noon.Local().Format(time.TimeOnly)
	want := []string{"The CA cannot answer now (down); asking again in 3 s  ×3", "The CA cannot answer now (away); asking again in 9 s", "removed /etc/a1", "removed /etc/a2",
		"✗ fail  " + change.Summary(), "cannot do it", "The run is done, without the trusted certificate."}
	for n := range want {
		want[n] = " " + at + " " + want[n]
	}
	if got := r.lines(themes["utf8"], 200); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if words := r.words(2); len(words) != 2 || words[0].text != "cannot do it" {
		t.Errorf("%+v", words)
	}
}

// A line that is too long for the screen goes on below, where its text begins.
func TestRecordIsReadInFull(t *testing.T) {
	t.Parallel()
	var r record
	long := "Created symlink '/etc/systemd/system/multi-user.target.wants/sslwizard-proxy.service' → '/etc/systemd/system/sslwizard-proxy.service'."
	r.note(steps.Event{Time: noon, Status: steps.Progress, Output: long})
	for _, width := range []int{59, 79, 119} {
		lines := r.lines(themes["utf8"], width)
		for n, line := range lines {
			if len([]rune(line)) > width || n > 0 && !strings.HasPrefix(line, strings.Repeat(" ", 10)) {
				t.Errorf("%d: %q", width, line)
			}
		}
		whole := strings.ReplaceAll(strings.Join(lines, ""), " ", "")
		if !strings.HasSuffix(whole, strings.ReplaceAll(long, " ", "")) {
			t.Errorf("%d: not all of it\n%s", width, strings.Join(lines, "\n"))
		}
	}
}
