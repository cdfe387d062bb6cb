package apply

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ufw stores its rules itself and does both families at once.
type ufw struct{}

// ufwNote is the comment of our rules.
const ufwNote = "sslwizard"

// ufwProfiles are the application profiles of Debian's web servers.
var ufwProfiles = map[string][]int{
	"Nginx Full": {80, 443}, "Nginx HTTP": {80}, "Nginx HTTPS": {443},
	"WWW": {80}, "WWW Full": {80, 443}, "WWW Secure": {443}, "WWW Cache": {8080},
	"Apache": {80}, "Apache Full": {80, 443}, "Apache Secure": {443},
}

func (ufw) missing(ctx context.Context, r host.Reader, p steps.Port) ([]rule, error) {
	out, err := r.Query(ctx, ufwStatus())
	if err != nil {
		return nil, fmt.Errorf("cannot ask ufw for its rules: %w", err)
	}
	if ufwHas(string(out.Stdout), p) {
		return nil, nil
	}
	port := fmt.Sprintf("%d/%s", p.Number, p.Proto)
	return []rule{{
		Has:  ufwStatus().Argv,
		Add:  []string{"ufw", "allow", port, "comment", ufwNote},
		Take: []string{"ufw", "delete", "allow", port},
	}}, nil
}

func (ufw) files() []string { return []string{"/etc/ufw/user.rules", "/etc/ufw/user6.rules"} }

func (ufw) persist(context.Context, host.Reader, steps.Port) (persistence, error) {
	return persistence{}, nil
}

func ufwStatus() host.Command {
	return host.Command{Argv: []string{"ufw", "status"}}
}

// ufwHas finds the port among the lines of "ufw status" that allow it from everywhere, for both families where ufw
// does both.
func ufwHas(status string, p steps.Port) bool {
	var four, six, any6 bool
	for line := range strings.Lines(status) {
		v6 := strings.Contains(line, "(v6)")
		any6 = any6 || v6
		to, rest, ok := strings.Cut(strings.ReplaceAll(line, "(v6)", "    "), " ALLOW ")
		from, _, _ := strings.Cut(rest, "#")
		from = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(from), "IN "))
		if !ok || from != "Anywhere" || !ufwNames(strings.TrimSpace(to), p) {
			continue
		}
		four, six = four || !v6, six || v6
	}
	return four && (six || !any6)
}

// ufwHalf finds a rule of ours for one family alone: ufw stores the families one after the other, and was killed, or
// refused by the disk, between them.
func ufwHalf(status string, p steps.Port) bool {
	for line := range strings.Lines(status) {
		to, rest, _ := strings.Cut(strings.ReplaceAll(line, "(v6)", "    "), " ALLOW ")
		_, note, _ := strings.Cut(rest, "#")
		if strings.TrimSpace(note) == ufwNote && strings.TrimSpace(to) == fmt.Sprintf("%d/%s", p.Number, p.Proto) {
			return true
		}
	}
	return false
}

// ufwNames reports whether "80", "80,443/tcp", "80:90/tcp" or "Nginx Full" covers the port.
func ufwNames(to string, p steps.Port) bool {
	if ports, ok := ufwProfiles[to]; ok {
		for _, n := range ports {
			if n == p.Number && p.Proto == "tcp" {
				return true
			}
		}
		return false
	}
	list, proto, limited := strings.Cut(to, "/")
	if limited && proto != p.Proto {
		return false
	}
	for part := range strings.SplitSeq(list, ",") {
		low, high, ok := strings.Cut(part, ":")
		if !ok {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 == nil && err2 == nil && from <= p.Number && p.Number <= to {
			return true
		}
	}
	return false
}
