//go:build linux && amd64

package main

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// programs are the names under which the stand-ins are called.
var programs = []string{"systemctl", "apt-get", "apt-cache", "dpkg", "dpkg-query", "tee", "stat", "journalctl", "standin"}

// server is a small Debian with an application, before sslwizard comes.
func server(began time.Time, own map[string]string) tree {
	was := began.Add(-2 * time.Hour)
	t := tree{}
	folder := func(names ...string) {
		for _, name := range names {
			for at := ""; at != name; {
				rest := strings.TrimPrefix(name, at+"/")
				part, _, _ := strings.Cut(rest, "/")
				at += "/" + part
				t[at] = node{mode: unix.S_IFDIR | 0o755, mtime: was}
			}
		}
	}
	file := func(name string, mode uint32, text string) {
		t[name] = node{mode: unix.S_IFREG | mode, data: text, mtime: was}
	}
	t["/"] = node{mode: unix.S_IFDIR | 0o755, mtime: was}
	folder("/dev", "/tmp", "/root/own", "/etc/ufw", "/etc/systemd/system", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib/systemd/system",
		"/var/lib/dpkg/updates", "/var/lib/apt/lists", "/run/standin", "/run/systemd/system", "/proc/sys/net/ipv4", "/etc/nginx/conf.d", "/usr/share")
	for _, target := range []string{"multi-user", "sockets", "timers"} {
		folder("/etc/systemd/system/" + target + ".target.wants")
		t["/etc/systemd/system/"+target+".target.wants/other.service"] = node{mode: unix.S_IFLNK | 0o777, link: "/usr/lib/systemd/system/other.service", mtime: was}
	}
	for _, name := range programs {
		t["/usr/bin/"+name] = node{mode: unix.S_IFREG | 0o755, program: "standin"}
	}
	for _, name := range []string{"useradd", "userdel", "groupdel", "ufw"} {
		t["/usr/sbin/"+name] = node{mode: unix.S_IFREG | 0o755, program: "standin"}
	}
	t["/usr/bin/subject"] = node{mode: unix.S_IFREG | 0o755, program: "subject"}
	file("/dev/null", 0o666, "")
	file("/proc/locks", 0o444, "")
	file("/proc/sys/net/ipv4/tcp_migrate_req", 0o644, "0\n")
	file("/root/sslwizard", 0o755, strings.Repeat("a program that is long enough to be written in more than one piece\n", 100))
	file("/run/standin-loaded", 0o644, "\n")
	file("/var/lib/dpkg/status", 0o644, "apt installed\nbase-files installed\nufw installed\n")
	file("/etc/hostname", 0o644, "web1\n")
	file("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n")
	file("/etc/passwd-", 0o644, "root:x:0:0:root:/root:/bin/bash\n")
	file("/etc/group", 0o644, "root:x:0:\nann:x:1000:\n")
	file("/etc/group-", 0o644, "root:x:0:\n")
	file("/etc/shadow", 0o640, "root:*:19000::::::\nann:!:19000::::::\n")
	file("/etc/gshadow", 0o640, "root:*::\nann:!::\n")
	file("/etc/ufw/user.rules", 0o640, "22/tcp # ssh\n")
	file("/etc/ufw/user6.rules", 0o640, "22/tcp # ssh\n")
	// What somebody left where the package is going to be, with an owner and an attribute of its own.
	mine := node{mode: unix.S_IFREG | 0o640, data: "# mine\n", uid: 33, gid: 33, mtime: was, xattrs: map[string]string{"user.note": "mine"}}
	t["/etc/nginx/conf.d/mine.conf"] = mine
	for name, text := range own {
		file(name, 0o600, text)
	}
	return t
}
