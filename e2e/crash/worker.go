//go:build linux && amd64

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
)

// worker has a folder in which one server after the other is laid out.
type worker struct {
	root     string
	bin      string // where the programs are
	programs map[uint64]string
	cpu      int
}

func newWorker(bin, root string, cpu int) (*worker, error) {
	w := &worker{root: root, bin: bin, programs: map[uint64]string{}, cpu: cpu}
	for _, name := range []string{"subject", "standin"} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(bin, name), &st); err != nil {
			return nil, err
		}
		w.programs[st.Ino] = name
	}
	return w, nil
}

const subject = "/usr/bin/subject"

// run lets the subject do something to its end, and returns its exit status and what it said.
func (w *worker) run(ctx context.Context, args ...string) (int, string, error) {
	cmd := exec.CommandContext(ctx, subject, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/sbin:/usr/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: w.root}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := w.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
		return -1, out.String(), fmt.Errorf("cannot run %s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), nil
}

// start starts a program on the CPU of the worker.
func (w *worker) start(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		err := trace.Pin(w.cpu)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// traced lets it do the same under the tracer, which may end it or have a call of it fail.
func (w *worker) traced(ctx context.Context, o trace.Order, args ...string) (trace.Report, string, error) {
	said, err := memory()
	if err != nil {
		return trace.Report{}, "", err
	}
	defer said.Close()
	o.Argv, o.Env, o.Dir, o.Root = append([]string{subject}, args...), []string{"PATH=/usr/sbin:/usr/bin"}, "/", w.root
	o.CPU = w.cpu
	o.Stdout, o.Stderr = said, said
	r, err := trace.Run(ctx, o)
	text := make([]byte, 4096)
	n, _ := said.ReadAt(text, 0)
	return r, string(text[:n]), err
}

// memory is a file on no disk: what is written to it is no call that counts.
func memory() (*os.File, error) {
	fd, err := unix.MemfdCreate("said", unix.MFD_CLOEXEC)
	return os.NewFile(uintptr(fd), "said"), err
}
