//go:build linux && amd64

package trace

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Order says what is run, and what becomes of it.
type Order struct {
	Argv []string // Argv[0] is a path
	Env  []string
	Dir  string
	// Root is the folder that the program has for its root (chroot); "": ours. Argv, Dir and the paths of the calls are as
	// it sees them.
	Root string
	// Stdin, Stdout and Stderr are the program's; nil: /dev/null. Stdout and Stderr have to be able to take all that it
	// writes without being read.
	Stdin, Stdout, Stderr *os.File
	// Counts says which calls count; nil: all. It is asked at the moment of the call, in its thread's stead.
	Counts func(Call) bool
	// Kill ends the program with SIGKILL at this call, 0 at none: before it is made, or After. Its children die with it,
	// as when power is lost, unless Orphans says that they go on to their own end, as after kill -9.
	Kill    int
	After   bool
	Orphans bool
	// Fail has this call fail with Errno without being made; 0: none.
	Fail  int
	Errno syscall.Errno
	// More is how many calls after it fail too, as when a disk is away for a while or for good.
	More int
	// CPU is the one on which the tracer, the program and all that it starts run, from 1: then they wait for each other the
	// least. 0: any.
	CPU int
	// Record keeps the data of the calls too.
	Record bool
}

// Report is what came of it.
type Report struct {
	Calls  []Call // those that counted, the one that was killed or failed included
	Killed bool
	Failed bool
	Status int // exit status of the program; -1: a signal ended it
}

// Run runs the program to its end. An error is about the tracing; how the program ended is in the report.
func Run(ctx context.Context, o Order) (Report, error) {
	type end struct {
		r   Report
		err error
	}
	ended := make(chan end, 1)
	go func() {
		runtime.LockOSThread() // ptrace knows its tracer by the thread; it is given back when the goroutine ends
		err := Pin(o.CPU)
		var r Report
		if err == nil {
			r, err = run(ctx, o)
		}
		ended <- end{r, err}
	}()
	e := <-ended
	if e.err != nil {
		return e.r, fmt.Errorf("cannot trace %s: %w", o.Argv[0], e.err)
	}
	return e.r, nil
}

// Pin has the thread, and all that it starts, run on one CPU, from 1; 0: as before.
func Pin(cpu int) error {
	if cpu == 0 {
		return nil
	}
	var one unix.CPUSet
	one.Set((cpu - 1) % runtime.NumCPU())
	return unix.SchedSetaffinity(0, &one)
}

// tracer is one program under way.
type tracer struct {
	Order
	Report
	root    int             // process
	threads map[int]*thread // all that are stopped or run
	busy    int             // thread whose call was let go and is waited for; 0: none
	waiting []int           // threads that are stopped before a call, in the order in which they came
}

type thread struct {
	process int
	begun   bool
	call    *Call // the one that it is stopped at, or makes
}

func run(ctx context.Context, o Order) (Report, error) {
	cmd := exec.Command(o.Argv[0], o.Argv[1:]...)
	cmd.Env, cmd.Dir = o.Env, o.Dir
	for _, f := range []struct {
		to *os.File
		at func(*os.File)
	}{{o.Stdin, func(f *os.File) { cmd.Stdin = f }}, {o.Stdout, func(f *os.File) { cmd.Stdout = f }}, {o.Stderr, func(f *os.File) { cmd.Stderr = f }}} {
		if f.to != nil {
			f.at(f.to)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Chroot: o.Root}
	if err := cmd.Start(); err != nil {
		return Report{}, err
	}
	t := &tracer{Order: o, Report: Report{Status: -1}, root: cmd.Process.Pid, threads: map[int]*thread{cmd.Process.Pid: {process: cmd.Process.Pid, begun: true}}}
	defer cmd.Process.Release()
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(t.root, syscall.SIGKILL) })
	defer stop()
	err := t.begin()
	if err != nil {
		_ = syscall.Kill(t.root, syscall.SIGKILL)
	}
	if ended := t.loop(); err == nil {
		err = ended
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return t.Report, err
}

const options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

// begin waits for the program to be loaded, gives it its filter and lets it go.
func (t *tracer) begin() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(t.root, &status, unix.WALL, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		t.gone(t.root, status)
		return errors.New("it ended before it began")
	}
	if err := install(t.root); err != nil {
		return err
	}
	if err := unix.PtraceSetOptions(t.root, options); err != nil {
		return err
	}
	return unix.PtraceCont(t.root, 0)
}

// loop hears of every stop until nothing is left.
func (t *tracer) loop() error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil:
			return err
		}
		if status.Exited() || status.Signaled() {
			t.gone(pid, status)
			continue
		}
		if err := t.stopped(pid, status); err != nil && !errors.Is(err, unix.ESRCH) { // killed in the meantime: its end is told
			return err
		}
	}
}

func (t *tracer) gone(pid int, status unix.WaitStatus) {
	delete(t.threads, pid)
	if pid == t.root && status.Exited() {
		t.Status = status.ExitStatus()
	}
	if t.busy == pid {
		t.busy = 0
		_ = t.next() // who cannot be let go has ended too, which is told
	}
}

// stopped decides what a stopped thread does next.
func (t *tracer) stopped(pid int, status unix.WaitStatus) error {
	th := t.threads[pid]
	if th == nil {
		th = &thread{process: process(pid)}
		t.threads[pid] = th
	}
	sig := status.StopSignal()
	switch {
	case sig == unix.SIGTRAP|0x80: // a call was made
		return t.made(pid, th)
	case sig == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		return t.asks(pid, th)
	case sig == unix.SIGTRAP && status.TrapCause() > 0: // clone, fork, exec
		return t.resume(pid, 0)
	case sig == unix.SIGSTOP && !th.begun: // a new thread or process begins with it
		th.begun = true
		return t.resume(pid, 0)
	}
	return t.resume(pid, int(sig))
}

// resume lets a thread go on, with a signal for it. The end of a call that is under way has to be seen.
func (t *tracer) resume(pid, sig int) error {
	if t.busy == pid {
		return unix.PtraceSyscall(pid, sig)
	}
	return unix.PtraceCont(pid, sig)
}

// asks is a thread before a call of the table.
func (t *tracer) asks(pid int, th *thread) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	kind, ok := calls[int(regs.Orig_rax)]
	if !ok {
		return unix.PtraceCont(pid, 0)
	}
	a := &asked{pid: pid, root: t.Root, record: t.Record, args: [6]uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9}}
	a.Call = Call{PID: pid, Name: kind.name, UID: -1, GID: -1}
	if t.Killed || !kind.read(a) || t.Counts != nil && !t.Counts(a.Call) {
		return unix.PtraceCont(pid, 0)
	}
	th.call = &a.Call
	t.waiting = append(t.waiting, pid)
	if t.busy == 0 {
		return t.next()
	}
	return nil
}

// next lets the thread that waits longest make its call, or ends the program before it.
func (t *tracer) next() error {
	if len(t.waiting) == 0 {
		return nil
	}
	pid := t.waiting[0]
	t.waiting = t.waiting[1:]
	th := t.threads[pid]
	if th == nil {
		return t.next()
	}
	th.call.N = len(t.Calls) + 1
	t.Calls = append(t.Calls, *th.call)
	if t.Kill == th.call.N && !t.After {
		return t.kill(pid)
	}
	if t.Fail > 0 && th.call.N >= t.Fail && th.call.N-t.Fail <= t.More {
		t.Failed = true
		if err := refuse(pid, t.Errno); err != nil {
			return err
		}
	}
	t.busy = pid
	return unix.PtraceSyscall(pid, 0)
}

// refuse has a call that is about to be made fail without being made.
func refuse(pid int, errno syscall.Errno) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	regs.Orig_rax, regs.Rax = ^uint64(0), -uint64(errno)
	return unix.PtraceSetRegs(pid, &regs)
}

// made is a thread whose call has returned.
func (t *tracer) made(pid int, th *thread) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	if th.call != nil {
		c := &t.Calls[th.call.N-1]
		if result := int64(regs.Rax); result < 0 {
			c.Errno = syscall.Errno(-result)
		} else if c.Flags != 0 && c.Name[0] == 'o' || c.Name == "creat" {
			c.FD = int(result)
		}
		th.call = nil
		if t.Kill == c.N && t.After {
			return t.kill(pid)
		}
	}
	t.busy = 0
	if err := unix.PtraceCont(pid, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return t.next()
}

// kill ends the program at once, while the thread pid is stopped at the call. Threads that are stopped before a call
// never make it, unless they are orphans.
func (t *tracer) kill(pid int) error {
	t.Killed = true
	processes := map[int]bool{t.root: true}
	for _, th := range t.threads {
		processes[th.process] = processes[th.process] || !t.Orphans
	}
	for process, dies := range processes {
		if dies {
			_ = syscall.Kill(process, syscall.SIGKILL)
		}
	}
	t.busy = 0
	for _, pid := range append(t.waiting, pid) { // those of children go on
		if th := t.threads[pid]; th != nil && !processes[th.process] {
			th.call = nil
			_ = unix.PtraceCont(pid, 0)
		}
	}
	t.waiting = nil
	return nil
}

// process is the one that a thread belongs to.
func process(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err == nil {
		if tgid, ok := field(string(status), "Tgid"); ok {
			return tgid
		}
	}
	return pid
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
