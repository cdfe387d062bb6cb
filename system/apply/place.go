package apply

import (
	"errors"

	"github.com/c93d5bcb/sslwizard/steps"
)

// place finds that a path which is about to be changed cannot be: its file system can only be read, its folder is in the
// hands of others, or it has a flag that binds even root. Found here, nothing is begun that would have to be taken back.
func (v *view) place(c steps.Change, name string) []steps.Finding {
	looker, real := v.Reader.(interface{ Writable(string) error })
	if !real {
		return nil
	}
	err := looker.Writable(name)
	if err == nil || permission(err) {
		return nil
	}
	f, known := errors.AsType[*steps.Failure](diskFault(err))
	if !known {
		return nil // whatever it is, the writing will say it
	}
	return []steps.Finding{{Step: c.Step(), Code: f.Code, Severity: steps.Blocker, Text: steps.CleanLine(f.Text + ": " + err.Error()), Fix: f.Fixes}}
}
