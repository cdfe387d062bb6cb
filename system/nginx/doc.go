// Package nginx is the executor that serves sites with the distribution's nginx, as whole configuration files of our
// own beside what is there.
//
// Executor plans and is never given a host. Runtime acts: it tests, rehearses and reloads. No file of the user's is
// ever edited; no regular expression, rewrite or capture is ever written (they are what nginx's 2026 advisories are
// about), no text from outside reaches a file except as one quoted word, and nginx is started by the service manager
// alone (the rehearsal's scratch instance has its own folder, ports and pid file, and ends with it).
//
// What is in which file:
//
//	<include>/sslwizard.conf        maps, and the servers that answer names nobody serves
//	<include>/sslwizard-NAME.conf   one site: its servers and its upstream
//	/etc/sslwizard/dhparam-*.pem    a group of RFC 7919, only when a site asks for one
package nginx

import (
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Unit is nginx's systemd unit.
const Unit = "nginx.service"

// configDir holds the DH groups.
const configDir = "/etc/sslwizard"

// SharedFile is the file that all sites share, in the folder that nginx includes.
func SharedFile(include string) string { return path.Join(include, "sslwizard.conf") }

// SiteFile is the file of one site. It sorts before SharedFile, which does no harm: nginx resolves maps and upstreams
// at the end.
func SiteFile(include, site string) string { return path.Join(include, "sslwizard-"+site+".conf") }

func dhFile(dir, group string) string { return dir + "/dhparam-" + group + ".pem" }

// Executor plans sites for nginx. The zero value is ready.
type Executor struct{}

var _ steps.Executor = Executor{}

// Name implements steps.Executor.
func (Executor) Name() string { return steps.ExecutorNginx }
