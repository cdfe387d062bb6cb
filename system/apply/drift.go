package apply

import (
	"fmt"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
)

// drift finds that a path which is about to be changed holds what we did not write. Nothing of somebody else is
// overwritten unless they say so.
func (v *view) drift(c steps.Change, name string, now State) []steps.Finding {
	ours, written := v.receipt[name]
	switch {
	case path.Dir(name) == steps.HTTP3Dir: // a renewal proves anew
		return nil
	case v.blind, v.replace[name], written && ours == now.SHA256:
		return nil
	case written:
		return []steps.Finding{driftFinding(c, "N13", fmt.Sprintf("cannot change %s: it was edited after sslwizard wrote it", name),
			"keep your edit as a file of your own: cp "+name+" "+name+".mine",
			"then have sslwizard's version put there: run this again with --replace "+name)}
	}
	return []steps.Finding{driftFinding(c, "drift", fmt.Sprintf("cannot change %s: it was there before and is not sslwizard's", name),
		"move it away: mv "+name+" "+name+".mine",
		"or have it replaced (undo brings it back): run this again with --replace "+name)}
}

// vanished finds that a file of ours is gone: whoever deleted it meant something by it (N12).
func (v *view) vanished(c steps.Change, name string) []steps.Finding {
	if _, written := v.receipt[name]; !written || v.replace[name] {
		return nil
	}
	return []steps.Finding{driftFinding(c, "N12", fmt.Sprintf("cannot go on: %s, which sslwizard wrote, was deleted since; it is not put back unasked", name),
		"have it put back: run this again with --replace "+name,
		"or take the site away: sslwizard remove")}
}

func driftFinding(c steps.Change, code, text string, fixes ...string) steps.Finding {
	return steps.Finding{Step: c.Step(), Code: code, Severity: steps.Blocker, Text: steps.Clean(text), Fix: fixes}
}

// blindFinding is for a preview by somebody who may not read our journal.
var blindFinding = steps.Finding{
	Step: steps.IDInstall, Code: "H01", Severity: steps.Info,
	Text: "without root it cannot be told whether somebody edited the files that sslwizard wrote",
	Fix:  []string{"run the same with sudo"},
}
