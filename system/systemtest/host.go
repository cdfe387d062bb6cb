// Package systemtest is a machine in memory for tests: files, scripted commands and, on request, a small Debian behind
// them. It is strict: what a test did not expect fails it, and what it expected in vain fails it too. Nothing here
// touches the machine that the tests run on.
package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// ErrDead is what every mutation returns after DieAt, until Revive: the process was killed.
var ErrDead = errors.New("the process is dead")

// Host is the machine. Its methods are safe for concurrent use.
type Host struct {
	t  testing.TB
	mu sync.Mutex
	tree
	expected []*expectation
	answers  []func(host.Command) (host.Output, bool)
	debian   *Debian

	log    []string
	count  int
	fail   map[int]error
	dieAt  int
	dead   bool
	broken func(mutation string) error
}

var _ host.Host = (*Host)(nil)

type expectation struct {
	argv string
	out  host.Output
	err  error
	used bool
}

// New returns a machine that has the usual folders, root and nothing else. Expectations that are left unused fail t
// when it ends.
func New(t testing.TB) *Host {
	t.Helper()
	h := &Host{t: t, tree: tree{}, fail: map[int]error{}}
	h.nodes = map[string]host.File{"/": {Mode: fs.ModeDir | 0o755}}
	for _, dir := range []string{"/etc/systemd/system", "/var/lib", "/var/log", "/usr/local/bin", "/usr/bin",
		"/usr/sbin", "/usr/lib/systemd/system", "/run", "/root", "/proc", "/sys"} {
		h.Dir(dir, 0o755)
	}
	h.File("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n")
	h.File("/etc/group", "root:x:0:\nadm:x:4:\nwww-data:x:33:\n")
	t.Cleanup(h.checkUnused)
	return h
}

func (h *Host) checkUnused() {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.expected {
		if !e.used {
			h.t.Errorf("systemtest: the expected command was never run: %s", e.argv)
		}
	}
}

// File puts a file on the machine before the test begins, 0644 root:root, with the folders above it. It is no
// mutation. Mode and owner are changed with Own and Chmod.
func (h *Host) File(path, content string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place(path, host.File{Data: []byte(content), Mode: 0o644})
}

// Dir puts a folder on the machine, with those above it.
func (h *Host) Dir(path string, mode fs.FileMode) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place(path, host.File{Mode: fs.ModeDir | mode.Perm()})
}

// Link puts a symbolic link on the machine, with the folders above it.
func (h *Host) Link(path, target string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place(path, host.File{Mode: fs.ModeSymlink | 0o777, Link: target})
}

// Put puts f as it is, with the folders above it.
func (h *Host) Put(path string, f host.File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place(path, f)
}

// Take takes a file, or a folder with all in it, off the machine behind everybody's back. It is no mutation.
func (h *Host) Take(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.nodes {
		if name == path || strings.HasPrefix(name, path+"/") {
			delete(h.nodes, name)
		}
	}
}

// Content is what the file at path holds; the test fails when it is not there.
func (h *Host) Content(path string) string {
	h.t.Helper()
	f, err := h.ReadFile(path)
	if err != nil {
		h.t.Errorf("systemtest: %v", err)
	}
	return string(f.Data)
}

// Exists reports whether anything is at path.
func (h *Host) Exists(path string) bool {
	_, err := h.ReadFile(path)
	return err == nil
}

// Stdout is an Output with this standard output and status 0.
func Stdout(text string) host.Output { return host.Output{Stdout: []byte(text)} }

// Exit is an Output with this status and standard error.
func Exit(status int, stderr string) host.Output {
	return host.Output{Status: status, Stderr: []byte(stderr)}
}

// Expect says that exactly this command comes once, and what it then says. The same command may be expected several
// times; the outputs come in that order.
func (h *Host) Expect(out host.Output, argv ...string) { h.expect(out, nil, argv) }

// ExpectError is Expect for a command that cannot be run at all.
func (h *Host) ExpectError(err error, argv ...string) { h.expect(host.Output{}, err, argv) }

func (h *Host) expect(out host.Output, err error, argv []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expected = append(h.expected, &expectation{argv: line(argv), out: out, err: err})
}

// Answer adds a simulated tool: it is asked about every command that is not expected, and says whether it knows it.
// It must not call the Host.
func (h *Host) Answer(tool func(host.Command) (host.Output, bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, tool)
}

// Tool answers every command that begins with these words with this output, as often as it comes.
func (h *Host) Tool(out host.Output, prefix ...string) {
	want := line(prefix)
	h.Answer(func(c host.Command) (host.Output, bool) {
		got := line(c.Argv)
		return out, got == want || strings.HasPrefix(got, want+" ")
	})
}

// ReadFile implements host.Reader.
func (h *Host) ReadFile(path string) (host.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, err := h.read(path)
	return f, wrap("read", path, err)
}

// Query implements host.Reader. A Debian that is asked to change something by a query fails the test.
func (h *Host) Query(ctx context.Context, c host.Command) (host.Output, error) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return host.Output{}, &host.CommandError{Argv: c.Argv, Reason: "it was stopped", Err: err}
	}
	return h.answer(c, false)
}

// WriteFile implements host.Host.
func (h *Host) WriteFile(path string, f host.File) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.mutate("write " + path); err != nil {
		return wrap("write", path, err)
	}
	return wrap("write", path, h.write(path, f))
}

// Remove implements host.Host.
func (h *Host) Remove(path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.mutate("remove " + path); err != nil {
		return wrap("remove", path, err)
	}
	return wrap("remove", path, h.remove(path))
}

// Run implements host.Host.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Output, error) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return host.Output{}, &host.CommandError{Argv: c.Argv, Reason: "it was stopped", Err: err}
	}
	if err := h.mutate("run " + line(c.Argv)); err != nil {
		return host.Output{}, &host.CommandError{Argv: c.Argv, Reason: err.Error(), Err: err}
	}
	out, err := h.answer(c, true)
	say(c, out)
	if err == nil && out.Status != 0 {
		err = &host.CommandError{Argv: c.Argv, Output: out, Reason: fmt.Sprintf("exit status %d", out.Status)}
	}
	return out, err
}

// say tells whoever listens what the command wrote.
func say(c host.Command, out host.Output) {
	if c.Said == nil {
		return
	}
	for line := range strings.Lines(string(out.Stdout) + string(out.Stderr)) {
		c.Said(strings.TrimSpace(line))
	}
}

// answer finds who answers: expectations, then simulated tools, then the Debian. The lock is held.
func (h *Host) answer(c host.Command, may bool) (host.Output, error) {
	h.t.Helper()
	argv := line(c.Argv)
	for _, e := range h.expected {
		if !e.used && e.argv == argv {
			e.used = true
			return e.out, e.err
		}
	}
	for _, tool := range h.answers {
		if out, ok := tool(c); ok {
			return out, nil
		}
	}
	if h.debian != nil {
		if out, err, ok := h.debian.answer(c, may); ok {
			return out, err
		}
	}
	h.t.Errorf("systemtest: unexpected command: %s", argv)
	return host.Output{}, &host.CommandError{Argv: c.Argv, Reason: "it is not installed", Err: fs.ErrNotExist}
}

// FailAt makes the n-th mutation from now on (WriteFile, Remove or Run; the next one is 1) fail with err before it has
// any effect.
func (h *Host) FailAt(n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail[h.count+n] = err
}

// FailOn makes every mutation that which answers with an error fail with it; the argument is as in Mutations.
func (h *Host) FailOn(which func(mutation string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = which
}

// DieAt makes the n-th mutation from now on and all after it fail with ErrDead, as if the process had been killed
// just before it: nothing that the code under test does afterwards, undo included, has an effect until Revive.
func (h *Host) DieAt(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dieAt = h.count + n
}

// Revive ends DieAt: the next process finds what the last one left.
func (h *Host) Revive() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead, h.dieAt = false, 0
}

// Dead reports whether the mutation of DieAt was reached.
func (h *Host) Dead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dead
}

// Mutations is every mutation that was tried, in order: "write PATH", "remove PATH", "run ARGV".
func (h *Host) Mutations() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.log...)
}

// mutate counts and logs a mutation and says whether it fails. The lock is held.
func (h *Host) mutate(what string) error {
	h.count++
	if h.dieAt != 0 && h.count >= h.dieAt {
		h.dead = true
		return ErrDead
	}
	h.log = append(h.log, what)
	if err, ok := h.fail[h.count]; ok {
		return err
	}
	if h.broken != nil {
		return h.broken(what)
	}
	return nil
}

func wrap(verb, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w", verb, path, err)
}

// line is argv as one word-separated line; words with spaces are quoted, so that two argvs never look the same.
func line(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"") {
			words[i] = fmt.Sprintf("%q", w)
		}
	}
	return strings.Join(words, " ")
}

// epoch is the modification time of every file, so that snapshots can be compared.
var epoch = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
