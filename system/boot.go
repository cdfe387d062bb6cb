package system

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// bootUnit is the unit that undoes at boot a run that the power cut off. It runs the installed program, and where that may not be
// there yet, or not any more, the one that runs now, if a boot leaves that where it is.
func bootUnit() []byte {
	programs := []string{steps.BinaryPath}
	if self, err := os.Executable(); err == nil && self != steps.BinaryPath && lasting(self) {
		programs = append(programs, self)
	}
	return assets.RecoverServiceUnit(steps.JournalDir, programs)
}

// plainPath is one that means itself in a unit file.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._+-]+$`)

func lasting(program string) bool {
	volatile := []string{"/tmp/", "/run/", "/dev/", "/proc/"}
	return plainPath.MatchString(program) && !slices.ContainsFunc(volatile, func(dir string) bool { return strings.HasPrefix(program, dir) })
}

// tellBoot has whoever logs in before the next boot know what this one did.
func tellBoot(h host.Host, now time.Time, res steps.Result, err error) error {
	text := "sslwizard: the server stopped while a run was under way; at boot, " + now.Format("2006-01-02 15:04") + ", "
	next := "sudo sslwizard status    shows what is there"
	switch {
	case res.Outcome == "" || res.Outcome == steps.OutcomeInconsistent:
		text += "it could not be undone"
		if err != nil {
			text += ": " + steps.CleanLine(err.Error())
		}
		next = "sudo sslwizard undo --unended    tries again"
	case res.Outcome == steps.OutcomeDone:
		text += "the undo that it was doing was brought to its end."
	case res.Outcome == steps.OutcomePartial:
		text += "what was not finished was undone; what was live and verified before it stays."
	default:
		text += "it was undone: the server is as it was before."
	}
	dir := path.Dir(steps.BootNotice)
	if _, err := h.ReadFile(dir); err != nil {
		if err := h.WriteFile(dir, host.File{Mode: fs.ModeDir | 0o755}); err != nil {
			return err
		}
	}
	return h.WriteFile(steps.BootNotice, host.File{Data: fmt.Appendf(nil, "%s\n  %s\n", text, next), Mode: 0o644})
}
