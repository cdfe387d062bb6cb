package inspect

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// checkTime is how long nginx may read a configuration: one of 10 MB takes a while, and so does any on a busy machine.
const checkTime = 30 * time.Second

// judge has nginx check the present configuration without letting it change anything (sentinel). If it refuses the
// flat text although nginx runs, the real "nginx -t" has the last word: a running nginx has its folders, logs and pid
// file, so that the test creates none. Both empty means that it could not be told.
func (in *inspector) judge(c *configuration, build nginxBuild, active bool) (ok bool, problem string) {
	text, origins := flatten(c, path.Dir(build.conf))
	stderr, asked := in.parseOnly(build, text)
	if !asked {
		return false, ""
	}
	ok, problem = verdict(stderr, origins)
	switch {
	case ok:
		return true, ""
	case !in.opt.Process.Root && strings.Contains(stderr, "Permission denied"):
		return false, ""
	case !active || !in.opt.Process.Root:
		return false, problem
	}
	out, ran := in.ask(host.Command{Argv: []string{"nginx", "-t"}, Timeout: checkTime})
	if ran && out.Status == 0 {
		return true, ""
	}
	if found := emergency.FindStringSubmatch(string(out.Stderr)); found != nil {
		problem = clean(found[1])
	}
	return false, problem
}

// parseOnly has nginx read a configuration that ends in the sentinel. It opens its compiled-in error log before it
// reads anything; where it cannot be told not to (-e, 1.19.5) and the log is not there yet, it is not run.
func (in *inspector) parseOnly(build nginxBuild, text string) (stderr string, asked bool) {
	argv := []string{"nginx", "-e", "stderr", "-t", "-c", "/dev/stdin"}
	if !atLeast(build.version, 1, 19, 5) {
		if build.errorLog != "stderr" && !in.exists(build.errorLog) {
			return "", false
		}
		argv = []string{"nginx", "-t", "-c", "/dev/stdin"}
	}
	out, ok := in.ask(host.Command{Argv: argv, Stdin: []byte(text), Timeout: checkTime})
	return string(out.Stderr), ok
}

// caps asks nginx whether it knows a directive that its version has not, since distributions bring directives back;
// what is a default and no directive is read off the version. A module can only be there if it was built in.
func (in *inspector) caps(build nginxBuild) steps.NginxCaps {
	c := capsOf(build.version)
	c.QUIC = false
	together(
		func() { in.knows(build, "http2 on;", &c.HTTP2Directive) },
		func() { in.knows(build, "ssl_reject_handshake on;", &c.RejectHandshake) },
		func() { in.knows(build, "listen 127.0.0.1:1 quic;", &c.QUIC) },
		func() {
			stderr, _ := in.readLine(build, "set_real_ip_from 127.0.0.1;")
			c.NoRealIP = strings.Contains(stderr, `unknown directive "set_real_ip_from"`)
		},
	)
	return c
}

// knows sets known, unless it is so already, if nginx could be asked.
func (in *inspector) knows(build nginxBuild, line string, known *bool) {
	if *known {
		return
	}
	stderr, asked := in.readLine(build, line)
	if asked {
		*known, _ = verdict(stderr, nil)
	}
}

// readLine has nginx read a line in a server. The sentinel ends the reading inside the server: at its end nginx would look for
// a certificate.
func (in *inspector) readLine(build nginxBuild, line string) (stderr string, asked bool) {
	return in.parseOnly(build, "events {} http { server { listen 127.0.0.1:2; "+line+"\n"+sentinel+";\n} }\n")
}

// capsOf is what upstream's version has (nginx CHANGES).
func capsOf(version string) steps.NginxCaps {
	return steps.NginxCaps{
		HTTP2Directive:  atLeast(version, 1, 25, 1),
		RejectHandshake: atLeast(version, 1, 19, 4),
		TicketRotation:  atLeast(version, 1, 23, 2),
		ModernUpstream:  atLeast(version, 1, 29, 7),
		QUIC:            atLeast(version, 1, 25, 0),
	}
}

func atLeast(version string, want ...int) bool {
	parts := strings.Split(version, ".")
	for i, w := range want {
		have := 0
		if i < len(parts) {
			have, _ = strconv.Atoi(parts[i])
		}
		if have != w {
			return have > w
		}
	}
	return true
}
