package apply

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// TestLocksOfKilledToolsAreSwept: what useradd and userdel leave when they are killed goes, and nothing else.
func TestLocksOfKilledToolsAreSwept(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	goes := map[string]string{"/etc/passwd.4711": "4711\x00", "/etc/passwd.lock": "4711\x00", "/etc/gshadow.812": "812\n", "/etc/subgid.4711": "",
		"/etc/passwd+": "root:x:0:0::/root:/bin/sh\nsslwizard:x:999:999::/:/usr/sbin/nol"}
	stays := map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/passwd-": "root:x:0:0::/root:/bin/sh\n", "/etc/passwd.1": "1\x00", "/etc/group.lock": "1\x00",
		"/etc/passwd.bak": "4711", "/etc/shadow.4711": "4712", "/etc/hosts.4711": "4711", "/etc/passwd.99": "notes", "/etc/subuid.1": "", "/etc/subuid.old": "",
		"/etc/shadow": "root:*\n", "/etc/shadow+": "root:*\nada:*\n", "/etc/gshadow": "root:*\n", "/etc/group": "root:x:0:\n", "/etc/group+": "root:x:0:\n"}
	for _, all := range []map[string]string{goes, stays} {
		for name, text := range all {
			h.Put(name, host.File{Data: []byte(text), Mode: 0o600})
		}
	}
	h.Put("/proc/1/stat", host.File{Data: []byte("1 (init) S 0"), Mode: 0o444})
	if err := (&undoing{Host: h, always: true}).sweepAccounts("sslwizard"); err != nil {
		t.Fatal(err)
	}
	for name := range goes {
		if h.Exists(name) {
			t.Errorf("%s is left", name)
		}
	}
	for name := range stays {
		if !h.Exists(name) {
			t.Errorf("%s is gone", name)
		}
	}
}
