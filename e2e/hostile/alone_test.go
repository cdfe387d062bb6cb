//go:build e2e

package hostile

import (
	"runtime"
	"syscall"
	"testing"
)

// alone has the programs that this goroutine starts from now on be in a network that has nothing. One for all of them: to make one
// for each, and to clear it away, costs the kernel more than they do. Where it reports false they must not be started.
func alone(t *testing.T) bool {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	err := syscall.Unshare(syscall.CLONE_NEWNET)
	if err != nil {
		t.Errorf("cannot leave the network: %v", err)
	}
	return err == nil
}
