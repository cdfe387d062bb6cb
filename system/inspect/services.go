package inspect

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// unitState is what systemd says of a unit.
type unitState struct {
	Active, Enabled bool
}

// services finds the service manager that runs, as sd_booted(3) does.
func (in *inspector) services() string {
	if f, err := in.host.ReadFile("/run/systemd/system"); err == nil && f.Mode.IsDir() {
		return "systemd"
	}
	return ""
}

// queryUnits asks for every unit that matters in one call.
func (in *inspector) queryUnits() map[string]unitState {
	if in.services() != "systemd" {
		return nil
	}
	out, _ := in.query("systemctl", "show", "-p", "Id,ActiveState,UnitFileState", "nginx.service", "firewalld.service")
	return parseUnits(out)
}

func parseUnits(out string) map[string]unitState {
	units := map[string]unitState{}
	for block := range strings.SplitSeq(out, "\n\n") {
		v := host.Properties(block)
		units[v["Id"]] = unitState{
			Active:  v["ActiveState"] == "active" || v["ActiveState"] == "reloading",
			Enabled: strings.HasPrefix(v["UnitFileState"], "enabled"),
		}
	}
	return units
}
