package cert

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func newMachine(t *testing.T) *systemtest.Host {
	t.Helper()
	h := systemtest.New(t)
	h.File("/etc/group", "root:x:0:\nsslwizard:x:998:\nwww-data:x:33:\n")
	h.File("/etc/hostname", "web1\n")
	return h
}

func at(t *testing.T, h *systemtest.Host, path string) host.File {
	t.Helper()
	f, err := h.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
