package notify

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Broken is what a message is about when the renewal itself does not run as it should.
const Broken = "broken"

// unitFile is what was told of the renewal's unit, in steps.NotifyDir.
const unitFile = "unit.json"

// Ended is how the unit of the renewal ended last (systemd.service(5), $SERVICE_RESULT).
type Ended struct {
	Result string // "success", "exit-code", "signal", "timeout", "oom-kill", …
	Status int    // of the main process, with "exit-code"
}

// own are the exit statuses with which a renewal itself says that something failed: what it is about, it has told already.
var own = map[int]bool{steps.ExitFailed: true, steps.ExitUnverified: true, steps.ExitUnavailable: true, steps.ExitTryLater: true}

// Wrong says what is wrong when the renewal could not come to its end; empty when it did.
func (e Ended) Wrong() string {
	switch {
	case e.Result == "" || e.Result == "success" || e.Result == "exit-code" && own[e.Status]:
		return ""
	case e.Result == "exit-code" && e.Status == 0: // what is started before it failed
		return fmt.Sprintf("certificates are not renewed: %s failed before it began", steps.RenewService)
	case e.Result == "exit-code":
		return fmt.Sprintf("certificates are not renewed: %s ended with status %d", steps.RenewService, e.Status)
	}
	return fmt.Sprintf("certificates are not renewed: %s was ended (%s)", steps.RenewService, steps.CleanLine(e.Result))
}

// told is what unitFile holds.
type told struct {
	Wrong string `json:"wrong"`
}

// Told is what was told to be wrong with the renewal itself; empty: nothing.
func Told(r host.Reader) string {
	var t told
	if f, err := r.ReadFile(path.Join(steps.NotifyDir, unitFile)); err == nil {
		_ = json.Unmarshal(f.Data, &t) // damaged: it is told again
	}
	return t.Wrong
}

// Findings say what was told to be wrong with the renewal itself.
func Findings(r host.Reader) []steps.Finding {
	wrong := Told(r)
	if wrong == "" {
		return nil
	}
	return []steps.Finding{{Step: steps.IDTrusted, Code: "R01", Severity: steps.Warning, Text: steps.CleanLine(wrong), Fix: fixes()}}
}

func fixes() []string {
	return []string{"journalctl -u " + steps.RenewService + "    says why", "sudo systemctl start " + steps.RenewService + "    tries it again"}
}

// Unit tells once what is wrong with the renewal itself, and once that nothing is any more; channels are asked for then only.
func (o Outbox) Unit(wrong string, m Message, channels func() ([]Channel, error)) error {
	file := path.Join(steps.NotifyDir, unitFile)
	if wrong == Told(o.Host) {
		return nil
	}
	to, err := channels()
	if err != nil {
		return err
	}
	m.About, m.Text, m.Fixes = Broken, wrong, fixes()
	if wrong == "" {
		m.About, m.Text, m.Fixes = "well", "the renewal of certificates runs again", nil
	}
	if err := o.Add(m, strings.Join([]string{wrong, m.Time.String()}, " "), to); err != nil {
		return err
	}
	if wrong == "" {
		return o.Host.Remove(file)
	}
	text, err := json.Marshal(told{wrong})
	if err == nil {
		err = o.folder()
	}
	if err == nil {
		err = o.Host.WriteFile(file, host.File{Data: append(text, '\n'), Mode: 0o600})
	}
	return err
}
