package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// handoverEnv tells a program that it follows another: the descriptor of a socket between the two. Its listening
	// sockets come as systemd passes them, but for LISTEN_PID, which nobody knows before it runs.
	handoverEnv = "SSLWIZARD_HANDOVER"
	// handoverTime is how long the new program may take until it serves.
	handoverTime = 8 * time.Second
	// retireTime is how long a program that was followed stays for the WebSockets and downloads that it has.
	retireTime = 24 * time.Hour
)

// program is the file that the service runs, as it was when it began.
type program struct {
	path string
	info os.FileInfo // nil: it is not known, and never replaced
}

func thisProgram() program {
	path, err := os.Executable()
	if err != nil {
		return program{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return program{}
	}
	return program{path, info}
}

// replaced reports whether there is another program in its place now.
func (p program) replaced() bool {
	if p.info == nil {
		return false
	}
	now, err := os.Stat(p.path)
	return err == nil && !os.SameFile(p.info, now)
}

// handOver starts the program that is there now with the same sockets, and returns its process once it serves. Both take
// connections for a moment: none is refused. When this returns only the new one takes any, and it learns so: not before
// then it answers as the service at the control socket. With an error everything is as before.
func (d *daemon) handOver(l listeners) (pid int, err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer ours.Close()
	names, sockets, err := l.descriptors()
	if err != nil {
		_ = theirs.Close()
		return 0, err
	}
	attributes := &syscall.ProcAttr{
		Env:   successorEnv(os.Environ(), names),
		Files: slices.Concat([]uintptr{0, 1, 2}, sockets, []uintptr{theirs.Fd()}),
		Sys:   &syscall.SysProcAttr{},
	}
	if d.notify.socket != "" {
		attributes.Sys.Cloneflags = unix.CLONE_PARENT // systemd's own child, so that it sees how it ends
	}
	pid, err = syscall.ForkExec(d.program.path, os.Args, attributes)
	_ = theirs.Close()
	if err != nil {
		return 0, fmt.Errorf("cannot start it: %w", err)
	}
	if err := awaitReady(ours); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil) // when it is ours
		return 0, err
	}
	d.closeDoors()
	d.server.Stop()
	return pid, nil
}

// socketPair is a connection between two programs, for one byte and an end.
func socketPair() (ours, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(pair[0]), "handover"), os.NewFile(uintptr(pair[1]), "handover"), nil
}

func awaitReady(theirs *os.File) error {
	_ = theirs.SetReadDeadline(time.Now().Add(handoverTime))
	_, err := theirs.Read(make([]byte, 1))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it does not serve after %s", handoverTime)
	}
	return errors.New("it ended before it served")
}

// follow tells the program before this one, if there is one, that this one serves, and waits until it takes no
// connections any more.
func follow() {
	fd, err := strconv.Atoi(os.Getenv(handoverEnv))
	if err != nil {
		return
	}
	_ = os.Unsetenv(handoverEnv)
	unix.CloseOnExec(fd)
	before := os.NewFile(uintptr(fd), "handover")
	defer before.Close()
	_, _ = before.Write([]byte{1})
	_ = before.SetReadDeadline(time.Now().Add(handoverTime))
	_, _ = before.Read(make([]byte, 1)) // its end
}

// successorEnv is the environment of a program that follows: the service manager's, with the sockets that it gets.
func successorEnv(env, names []string) []string {
	var kept []string
	for _, one := range env {
		name, _, _ := strings.Cut(one, "=")
		switch name {
		case "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", handoverEnv:
			continue
		}
		kept = append(kept, one)
	}
	return append(kept, "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"),
		handoverEnv+"="+strconv.Itoa(firstPassed+len(names)))
}

// descriptors are the sockets with their names, as systemd would pass them. They stay this program's own: os.File would
// make them blocking, for both.
func (l listeners) descriptors() (names []string, sockets []uintptr, err error) {
	for name, all := range map[string][]any{"http": anys(l.http), "https": anys(l.https), "http3": anys(l.http3)} {
		for _, one := range all {
			raw, ok := one.(syscall.Conn)
			if !ok {
				return nil, nil, errors.New("a listener is no socket")
			}
			conn, err := raw.SyscallConn()
			if err == nil {
				err = conn.Control(func(fd uintptr) { names, sockets = append(names, name), append(sockets, fd) })
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return names, sockets, nil
}

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, one := range all {
		out[i] = one
	}
	return out
}

// retire answers what this program has taken after another one took its place, and stays for its WebSockets until they
// have closed or the service stops.
func (d *daemon) retire(ctx context.Context, served <-chan error) error {
	drain, cut := context.WithTimeout(context.Background(), retireTime)
	defer cut()
	ended := make(chan error, 1)
	go func() { ended <- d.server.Shutdown(drain) }()
	stopping := ctx.Done()
	for {
		select {
		case err := <-ended:
			return errors.Join(undue(err), <-served)
		case s := <-d.options.Signals:
			if s == syscall.SIGHUP {
				continue // meant for the other one
			}
		case <-stopping:
		}
		stopping = nil
		time.AfterFunc(d.options.Drain, cut)
	}
}
