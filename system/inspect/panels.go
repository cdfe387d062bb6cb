package inspect

import "github.com/c93d5bcb/sslwizard/steps"

// panels are the hosting panels that left their traces here, each with the first of them.
func (in *inspector) panels() []steps.PanelHere {
	var here []steps.PanelHere
	for _, p := range steps.Panels {
		if seen := in.first(p.Leaves); seen != "" {
			here = append(here, steps.PanelHere{Panel: p, Seen: seen})
		}
	}
	return here
}
