package apply

import (
	"context"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// migrateRequests is the kernel's switch for what becomes of connections that wait in the queue of a listener when it
// closes: 0, they are reset; 1, another listener on the same port takes them (ip-sysctl, since Linux 5.14). It holds
// for the network namespace, so it is on only while one executor hands its ports to another.
const migrateRequests = "/proc/sys/net/ipv4/tcp_migrate_req"

// KernelState is a setting of the running kernel as it was; nothing of it outlives a restart.
type KernelState struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// kernelState reads a setting; nil when this kernel does not have it.
func kernelState(r host.Reader, path string) *KernelState {
	f, err := r.ReadFile(path)
	if err != nil {
		return nil
	}
	return &KernelState{Path: path, Value: strings.TrimSpace(string(f.Data))}
}

// resetting returns the kernel's switch where it has to be told for what waits not to be reset; nil where not.
func resetting(r host.Reader) *KernelState {
	was := kernelState(r, migrateRequests)
	if was == nil || was.Value != "0" {
		return nil
	}
	return was
}

// setKernel is the command that gives a setting a value. tee is on every Debian; sysctl is a package of its own.
func setKernel(path, value string) host.Command {
	return host.Command{Argv: []string{"tee", path}, Stdin: []byte(value + "\n"), Timeout: 10 * time.Second}
}

// migrating reports whether the kernel has to be told before the unit stops.
func (v drainVerb) migrating(r host.Reader) *KernelState {
	if !v.c.HandOver {
		return nil
	}
	return resetting(r)
}

// handOver stops units while the kernel passes on what waits for them. Where the kernel may not be told (a container
// that sees its settings but cannot write them), they stop all the same: what is lost is a connection that came in that
// very millisecond.
func handOver(ctx context.Context, h host.Host, was KernelState, stop func() error) error {
	if _, err := h.Run(ctx, setKernel(was.Path, "1")); err != nil {
		return stop()
	}
	err := stop()
	if _, back := h.Run(context.WithoutCancel(ctx), setKernel(was.Path, was.Value)); err == nil {
		err = back
	}
	return err
}
