package inspect

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

func (in *inspector) hostname() string {
	if name := clean(in.read("/proc/sys/kernel/hostname")); name != "" {
		return name
	}
	return host.Name(in.host)
}

// distro reads os-release(5), which may be in either place.
func (in *inspector) distro() steps.Distro {
	text := in.read("/etc/os-release")
	if text == "" {
		text = in.read("/usr/lib/os-release")
	}
	v := map[string]string{}
	for _, line := range lines(text) {
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(key, "#") {
			v[key] = clean(unquote(value))
		}
	}
	return steps.Distro{
		ID: v["ID"], VersionID: v["VERSION_ID"], Codename: v["VERSION_CODENAME"], Pretty: v["PRETTY_NAME"],
		Like: strings.Fields(v["ID_LIKE"]),
	}
}

// unquote takes the shell quotes of os-release(5) away.
func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	if s[0] == '\'' {
		return s[1 : len(s)-1]
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(s[1 : len(s)-1])
}
