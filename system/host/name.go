package host

import "strings"

// Name is what the machine is called, for people only; "" when it has no name.
func Name(r Reader) string {
	f, err := r.ReadFile("/etc/hostname")
	if err != nil {
		return ""
	}
	return cleanLine(strings.TrimSpace(string(f.Data)))
}
