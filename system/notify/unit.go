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
	case e.Result == "exit-code":
		return fmt.Sprintf("certificates are not renewed: %s ended with status %d", steps.RenewService, e.Status)
	}
	return fmt.Sprintf("certificates are not renewed: %s was ended (%s)", steps.RenewService, steps.CleanLine(e.Result))
}

// Unit tells once how the renewal could not come to its end, and once that it does again; channels are asked for then only.
func (o Outbox) Unit(e Ended, m Message, channels func() ([]Channel, error)) error {
	var told struct {
		Wrong string `json:"wrong"`
	}
	file := path.Join(steps.NotifyDir, unitFile)
	if f, err := o.Host.ReadFile(file); err == nil {
		_ = json.Unmarshal(f.Data, &told) // damaged: it is told again
	}
	wrong := e.Wrong()
	if wrong == told.Wrong {
		return nil
	}
	to, err := channels()
	if err != nil {
		return err
	}
	m.About, m.Text, m.Fixes = Broken, wrong, []string{"journalctl -u " + steps.RenewService + "    says why", "sudo systemctl start " + steps.RenewService}
	if wrong == "" {
		m.About, m.Text, m.Fixes = "well", "the renewal of certificates runs again", nil
	}
	if err := o.Add(m, strings.Join([]string{wrong, m.Time.String()}, " "), to); err != nil {
		return err
	}
	if wrong == "" {
		return o.Host.Remove(file)
	}
	told.Wrong = wrong
	text, err := json.Marshal(told)
	if err == nil {
		err = o.folder()
	}
	if err == nil {
		err = o.Host.WriteFile(file, host.File{Data: append(text, '\n'), Mode: 0o600})
	}
	return err
}
