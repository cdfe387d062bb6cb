package host

import "strings"

// Properties reads what `systemctl show` prints of one unit: lines of a name, "=" and a value (systemctl(1)). What was not printed is
// empty. The values are as systemd has them: to be cleaned before they are shown.
func Properties(shown string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(shown) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			all[name] = value
		}
	}
	return all
}
