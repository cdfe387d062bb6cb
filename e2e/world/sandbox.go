// Package world is a small internet on one machine: really booted Debian servers, a certificate authority with its
// DNS, and a client, each in a network namespace of its own, joined by a bridge. Scenarios are written in its words.
//
// It needs root, and it changes nothing on the machine that runs it beside the image cache of e2e/image: everything
// else lives in namespaces that the kernel takes away when the process ends, however it ends.
package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

const insideEnv = "SSLWIZARD_E2E_INSIDE"

// scratch is a tmpfs of the sandbox: the servers' writable layers, sockets and logs.
const scratch = "/run/sslwizard-e2e"

// Enter runs f in a sandbox: mount and process namespaces of its own, so that processes, mounts and network
// namespaces that f makes are gone when it ends, even if it is killed. It starts the running program again with the
// same arguments, and returns the exit status of f.
func Enter(f func() int) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "e2e: booting servers needs root: sudo e2e/run")
		return 1
	}
	if os.Getenv(insideEnv) == "" {
		return again()
	}
	if err := furnish(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cannot make the sandbox:", err)
		return 1
	}
	status := f()
	dropGroups()
	return status
}

// again runs this program inside new namespaces. An interrupt is left to the child, which dies with us in any case.
func again() int {
	kit, err := pack()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(kit.Dir)
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"="+kit.Dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cannot start in namespaces of its own:", err)
		return 1
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-stop:
		_ = cmd.Process.Kill() // the first process of the namespace: all others end with it
		<-done
		return 130
	case err = <-done:
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// furnish mounts what the sandbox needs over what the machine has.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	// Empty folders for mount points are all that we leave on the machine.
	for _, dir := range []string{scratch, "/run/netns", "/etc/netns", "/run/systemd/nspawn"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return nil
}
