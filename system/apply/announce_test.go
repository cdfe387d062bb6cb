package apply

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// announcing is the native plan for a site with HTTP/3, or for one that has it no longer.
func announcing(asked bool) steps.Plan {
	p := nativePlan()
	site := shop
	site.SSL.HTTP3 = asked
	announce := steps.Announce{For: steps.For(steps.IDSSL), Executor: "native", Site: site}
	reload := steps.Reload{For: steps.For(steps.IDSSL), Executor: "native", Unit: "sslwizard.service", On: []string{announce.Key()}}
	for i, c := range p.Changes {
		if _, ok := c.(steps.Verify); ok {
			p.Changes = append(append(append([]steps.Change{}, p.Changes[:i]...), announce, reload), p.Changes[i:]...)
			break
		}
	}
	return p
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	file := steps.AltSvcFile("native", shop.Name)
	proven, gone := string(steps.AltSvcText("native", true)), string(steps.AltSvcText("native", false))
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	announced := func() string {
		f, err := w.ReadFile(file)
		if err != nil {
			return ""
		}
		return string(f.Data)
	}
	pending := func(p steps.Plan) bool {
		for _, e := range w.preview(t, p).Effects {
			if _, ok := e.Change.(steps.Announce); ok && e.Action != steps.Nothing {
				return true
			}
		}
		return false
	}

	w.prober.noQUIC = "no answer in time"
	_, events, err := w.apply(t, announcing(true))
	if err != nil || announced() != "" {
		t.Fatalf("not reached: %q, %v", announced(), err)
	}
	var said string
	for _, e := range events {
		said += e.Text + "\n"
	}
	if !strings.Contains(said, "shop.example.com was not reached over HTTP/3 (no answer in time)") {
		t.Errorf("it is not said: %s", said)
	}
	if !pending(announcing(true)) {
		t.Error("what is not proven is not tried again")
	}
	w.prober.noQUIC = ""
	if w.mustApply(t, announcing(true)); announced() != proven {
		t.Errorf("reached: %q", announced())
	}
	if pending(announcing(true)) {
		t.Error("what is proven is pending without any other change")
	}

	w.prober.noQUIC = "no answer in time"
	changed := announcing(true)
	for i, c := range changed.Changes {
		if f, ok := c.(steps.WriteFile); ok && f.Path == serviceFile {
			f.Content = []byte("[Service]\nX=1\n")
			changed.Changes[i] = f
		}
	}
	if w.mustApply(t, changed); announced() != gone {
		t.Errorf("no longer reached, at the next change: %q", announced())
	}
	w.prober.noQUIC = ""
	if w.mustApply(t, changed); announced() != proven {
		t.Errorf("reached again: %q", announced())
	}
	off := announcing(false)
	if w.mustApply(t, off); announced() != gone {
		t.Errorf("turned off: %q", announced())
	}
	if pending(off) {
		t.Error("turning it off is pending for ever")
	}

	// A renewal may have written the file since.
	if err := w.machine.WriteFile(file, host.File{Data: []byte(proven), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		res, err := w.Undo(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Kept) > 0 && strings.Contains(strings.Join(res.Kept, " "), file) {
			t.Errorf("kept: %q", res.Kept)
		}
		if res.Outcome == steps.OutcomeNothing {
			break
		}
	}
	w.same(t, before, keptByDesign...)
}
