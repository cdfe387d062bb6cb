package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

const (
	defaultTimeout = time.Minute
	grace          = 3 * time.Second // between asking a command to end and ending it
	maxOutput      = 1 << 20         // bytes kept of each stream
	maxQuote       = 600             // bytes of output that an error quotes
)

// folders are where programs are looked for, in this order; nobody's PATH is trusted.
var folders = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// CommandError is a command that could not be run, or did not do its work. errors.Is finds fs.ErrNotExist in it when
// the program is not installed, and the context's error when it was stopped.
type CommandError struct {
	Argv   []string
	Output Output
	Reason string // "exit status 100", "it is not installed", "no answer after 1m0s"
	Err    error  // cause, if there is one beside the exit status
}

func (e *CommandError) Error() string {
	text := fmt.Sprintf("cannot run \"%s\": %s", cleanLine(strings.Join(e.Argv, " ")), e.Reason)
	if said := e.Said(); said != "" {
		text += ": " + said
	}
	return text
}

// Unwrap returns the cause.
func (e *CommandError) Unwrap() error { return e.Err }

// Said is the end of what the command wrote, on one line and safe to print: standard error, or else standard output.
func (e *CommandError) Said() string {
	for _, stream := range [][]byte{e.Output.Stderr, e.Output.Stdout} {
		if said := lastLines(string(stream), 3); said != "" {
			return said
		}
	}
	return ""
}

func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = cleanLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	said := strings.Join(lines[max(0, len(lines)-n):], "; ")
	if len(said) > maxQuote {
		said = "…" + strings.ToValidUTF8(said[len(said)-maxQuote:], "")
	}
	return said
}

func cleanLine(s string) string { return steps.CleanLine(s) }

// Query implements Reader. The host cannot know that a command changes nothing: who writes the query answers for it.
func (l *Linux) Query(ctx context.Context, c Command) (Output, error) { return l.execute(ctx, c) }

// Run implements Host.
func (l *Linux) Run(ctx context.Context, c Command) (Output, error) {
	out, err := l.execute(ctx, c)
	if err == nil && out.Status != 0 {
		err = &CommandError{Argv: c.Argv, Output: out, Reason: fmt.Sprintf("exit status %d", out.Status)}
	}
	return out, err
}

func (l *Linux) execute(ctx context.Context, c Command) (Output, error) {
	program, err := l.find(c.Argv)
	if c.Program != "" {
		program, err = l.own(c)
	}
	if err != nil {
		return Output{}, err
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer after %v", timeout))
	defer cancel()
	var stdout, stderr capped
	cmd := exec.CommandContext(limited, program, c.Argv[1:]...)
	cmd.Env = l.environment(c.Env)
	cmd.Dir = "/"
	heard := newListener(c.Said)
	cmd.Stdout, cmd.Stderr = heard.beside(&stdout), heard.beside(&stderr)
	stdin, err := inMemory(c.Stdin)
	if err != nil {
		return Output{}, &CommandError{Argv: c.Argv, Reason: cleanLine(err.Error()), Err: err}
	}
	if stdin != nil {
		defer stdin.Close()
		cmd.Stdin = stdin
	}
	err = runGroup(cmd)
	heard.end()
	out := Output{Stdout: stdout.kept.Bytes(), Stderr: stderr.kept.Bytes(), Status: cmd.ProcessState.ExitCode()}
	return out, l.judge(limited, c, out, err)
}

// runGroup runs the command as the leader of a process group of its own. When its context ends, the whole group is
// asked to end, and after the grace ended.
func runGroup(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	canceled := false
	cmd.Cancel = func() error {
		canceled = true
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	if canceled {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of the group, if anything
	}
	return err
}

// judge tells a command that ran to its end, with whatever status, from one that did not.
func (l *Linux) judge(ctx context.Context, c Command, out Output, err error) error {
	var exit *exec.ExitError
	ended := errors.As(err, &exit) && exit.Exited() ||
		errors.Is(err, exec.ErrWaitDelay) // it ended, a child of it still holds its output
	switch {
	case err == nil, ended && ctx.Err() == nil:
		return nil
	case ctx.Err() != nil:
		return &CommandError{Argv: c.Argv, Output: out, Reason: stopped(ctx), Err: ctx.Err()}
	case exit != nil:
		return &CommandError{Argv: c.Argv, Output: out, Reason: exit.Error(), Err: err}
	}
	return &CommandError{Argv: c.Argv, Output: out, Reason: cleanLine(bare(err).Error()), Err: err}
}

// inMemory is a file on no disk that holds data; nil for no data, which is /dev/null to the command. It is a file and
// not a pipe so that a program can be told to read /dev/stdin as its configuration: nginx asks for its size.
func inMemory(data []byte) (*os.File, error) {
	if data == nil {
		return nil, nil
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "stdin")
	_, err = file.Write(data)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func stopped(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.Canceled) {
		return "it was stopped"
	}
	return context.Cause(ctx).Error()
}

func (l *Linux) find(argv []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" || strings.ContainsRune(argv[0], '/') {
		return "", &CommandError{Argv: argv, Reason: "the program must be a bare name"}
	}
	look := os.Stat
	if l.root != "" {
		look = os.Lstat // a link could lead out of the test root, to this machine's own program
	}
	for _, dir := range folders {
		file := filepath.Join(l.root, dir, argv[0])
		if st, err := look(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &CommandError{Argv: argv, Reason: "it is not installed", Err: fs.ErrNotExist}
}

// own checks a program of the user's: whoever else could write it, or a folder above it, would be root.
func (l *Linux) own(c Command) (string, error) {
	if !filepath.IsAbs(c.Program) {
		return "", &CommandError{Argv: c.Argv, Reason: "the path of the program must be absolute"}
	}
	program, err := filepath.EvalSymlinks(filepath.Join(l.root, c.Program))
	if err != nil {
		return "", &CommandError{Argv: c.Argv, Reason: cleanLine(bare(err).Error()), Err: err}
	}
	for at := program; at != filepath.Clean("/"+l.root) && at != "/"; at = filepath.Dir(at) {
		st, err := os.Stat(at)
		if err != nil {
			return "", &CommandError{Argv: c.Argv, Reason: cleanLine(bare(err).Error()), Err: err}
		}
		if sys := st.Sys().(*syscall.Stat_t); int(sys.Uid) != os.Geteuid() || st.Mode().Perm()&0o022 != 0 {
			return "", &CommandError{Argv: c.Argv, Reason: cleanLine(at) + " may be written by others than root: sudo chown root:root and chmod go-w"}
		}
	}
	if st, err := os.Stat(program); err != nil || !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
		return "", &CommandError{Argv: c.Argv, Reason: "it cannot be run: sudo chmod 755 " + cleanLine(c.Program), Err: err}
	}
	return program, nil
}

// environment is made from scratch. In a test root its own programs come first; scripts in it may need the rest.
func (l *Linux) environment(extra []string) []string {
	path := strings.Join(folders, ":")
	if l.root != "" {
		path = l.root + strings.Join(folders, ":"+l.root) + ":" + path
	}
	return append([]string{"PATH=" + path, "LANG=C.UTF-8"}, extra...)
}

// capped keeps the beginning of a stream and lets the rest pass, so that a command never blocks on us. The buffer is
// not embedded: io.Copy would find its ReadFrom and go around the limit.
type capped struct{ kept bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if room := maxOutput - c.kept.Len(); room > 0 {
		c.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
