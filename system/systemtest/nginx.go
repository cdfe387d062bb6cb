package systemtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// nginx answers -v, -V and -t when its package is installed. Its -t says what NginxTest holds. Of a configuration on
// standard input it knows "http2 on;" as the version does, and no directive that is called sslwizard_….
func (d *Debian) nginx(c host.Command) (host.Output, bool) {
	p, ok := d.Installed["nginx"]
	if !ok {
		return host.Output{}, false
	}
	version, _, _ := strings.Cut(p.Version, "-")
	stderr := "nginx version: nginx/" + version + "\n"
	switch {
	case slices.Equal(c.Argv[1:], []string{"-v"}):
		return Exit(0, stderr), true
	case slices.Equal(c.Argv[1:], []string{"-V"}):
		return Exit(0, stderr+"configure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf "+
			"--error-log-path=stderr --pid-path=/run/nginx.pid\n"), true
	case c.Argv[len(c.Argv)-1] == "/dev/stdin":
		return nginxTest(d.judge(string(c.Stdin), version), "/dev/stdin"), true
	case slices.Contains(c.Argv, "-t") || slices.Contains(c.Argv, "-T"):
		return nginxTest(d.NginxTest, "/etc/nginx/nginx.conf"), true
	}
	return host.Output{}, false
}

func (d *Debian) judge(conf, version string) string {
	if d.NginxTest != "" {
		return d.NginxTest
	}
	for i, line := range strings.Split(conf, "\n") {
		switch at := fmt.Sprintf(" in /dev/stdin:%d", i+1); {
		case strings.Contains(line, "http2 on;") && !newer(version, 1, 25, 1):
			return `unknown directive "http2"` + at
		case strings.Contains(line, " quic;") && !newer(version, 1, 25, 0):
			return `invalid parameter "quic"` + at
		case d.NginxLacks != "" && strings.Contains(line, d.NginxLacks+" "):
			return `unknown directive "` + d.NginxLacks + `"` + at
		case strings.HasPrefix(line, "sslwizard_"):
			return `unknown directive "` + strings.TrimSuffix(line, ";") + `"` + at
		}
	}
	return ""
}

func nginxTest(problem, conf string) host.Output {
	if problem != "" {
		return Exit(1, "2026/11/22 12:00:00 [emerg] 7#7: "+problem+"\nnginx: configuration file "+conf+" test failed\n")
	}
	return Exit(0, "nginx: configuration file "+conf+" test is successful\n")
}

func newer(version string, want ...int) bool {
	var have [3]int
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2])
	return slices.Compare(have[:], want) >= 0
}
