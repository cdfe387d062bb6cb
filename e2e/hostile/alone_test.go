//go:build e2e

package hostile

import "syscall"

// alone has a process run where there is no network, and end with what started it.
func alone() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
}
