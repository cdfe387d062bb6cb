package inspect

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// dockerPID is there while Docker's daemon runs. Where it does not, its client must not be asked: it would start it.
const dockerPID = "/run/docker.pid"

// published are the ports that containers have of us, each with the container as "name (image)".
func (in *inspector) published() map[int]string {
	if !in.exists(dockerPID) || !in.has("docker") {
		return nil
	}
	out, _ := in.query("docker", "ps", "--no-trunc", "--format", "{{.Names}}\t{{.Image}}\t{{.Ports}}")
	return parsePublished(out)
}

// parsePublished reads lines "npm\tjc21/nginx-proxy-manager:2\t0.0.0.0:80-81->80-81/tcp, [::]:443->443/tcp, 9000/tcp".
func parsePublished(out string) map[int]string {
	found := map[int]string{}
	for _, line := range lines(out) {
		fields := strings.Split(line, "\t")
		if len(fields) < 3 {
			continue
		}
		for mapping := range strings.SplitSeq(fields[2], ",") {
			outside, _, is := strings.Cut(strings.TrimSpace(mapping), "->")
			if !is || !strings.HasSuffix(mapping, "/tcp") {
				continue
			}
			for _, port := range []int{80, 443} {
				if _, known := found[port]; !known && publishes(outside, port) {
					found[port] = clean(fields[0] + " (" + fields[1] + ")")
				}
			}
		}
	}
	return found
}

// publishes reports whether "0.0.0.0:80-81" has the port, for more than the host itself.
func publishes(outside string, port int) bool {
	at := strings.LastIndexByte(outside, ':')
	if addr, err := netip.ParseAddr(strings.Trim(outside[:max(at, 0)], "[]")); err == nil && addr.IsLoopback() {
		return false
	}
	first, last, span := strings.Cut(outside[at+1:], "-")
	from, err := strconv.Atoi(first)
	to, err2 := from, error(nil)
	if span {
		to, err2 = strconv.Atoi(last)
	}
	return err == nil && err2 == nil && from <= port && port <= to
}

// contained says of each listener which container it stands for, and adds the ports that Docker passes on in the kernel,
// where nobody listens (userland-proxy: false).
func (in *inspector) contained(all []steps.Listener) []steps.Listener {
	published := in.published()
	for _, port := range []int{80, 443} {
		who, is := published[port]
		if !is {
			continue
		}
		p := steps.Port{Number: port, Proto: "tcp"}
		has := false
		for i := range all {
			if all[i].Port == p && (all[i].Process == "docker-proxy" || strings.HasPrefix(all[i].Unit, "docker-")) {
				all[i].Container, has = who, true
			}
		}
		if !has && !slices.ContainsFunc(all, func(l steps.Listener) bool { return l.Port == p }) {
			all = append(all, steps.Listener{Port: p, Address: netip.IPv4Unspecified(), Unit: "docker.service", Container: who})
		}
	}
	return all
}
