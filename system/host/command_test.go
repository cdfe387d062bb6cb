package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tool puts a shell script on the machine.
func tool(t *testing.T, dir, name, script string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "usr/bin"), 0o755))
	syscall.ForkLock.RLock() // what another test starts just now would have it open for writing until its exec: "text file busy"
	defer syscall.ForkLock.RUnlock()
	must(t, os.WriteFile(filepath.Join(dir, "usr/bin", name), []byte("#!/bin/sh\n"+script), 0o755))
}

func TestCommandsRunWithoutShellOrEnvironment(t *testing.T) {
	t.Setenv("SSLWIZARD_SECRET", "leak")
	l, dir := rooted(t)
	tool(t, dir, "show", `printf '%s|' "$@"; env | sort | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^OLDPWD; cat`)
	out, err := l.Run(t.Context(), Command{Argv: []string{"show", "a b", "$(id)", ";"}, Env: []string{"X=1"}, Stdin: []byte("in")})
	want := "a b|$(id)|;|LANG=C.UTF-8\nPATH=" + dir + "/usr/sbin:"
	if err != nil || !strings.HasPrefix(string(out.Stdout), want) || !strings.HasSuffix(string(out.Stdout), "\nX=1\nin") {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	if strings.Contains(string(out.Stdout), "leak") {
		t.Error("the environment was inherited")
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "apt-get", `echo Reading; echo 'W: old' >&2; printf 'E: \033[31mbroken\n' >&2; exit 100`)
	apt := Command{Argv: []string{"apt-get", "install", "nginx"}}
	if out, err := l.Query(t.Context(), apt); err != nil || out.Status != 100 || string(out.Stdout) != "Reading\n" {
		t.Errorf("Query: %+v, %v", out, err)
	}
	_, err := l.Run(t.Context(), apt)
	var failed *CommandError
	want := `cannot run "apt-get install nginx": exit status 100: W: old; E: ␛[31mbroken`
	if !errors.As(err, &failed) || failed.Output.Status != 100 || err.Error() != want {
		t.Errorf("Run: %v, want %s", err, want)
	}
}

func TestProgramsComeFromFixedFolders(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.WriteFile(filepath.Join(dir, "evil"), []byte("#!/bin/sh\n"), 0o755))
	tool(t, dir, "mine", "")
	must(t, os.Symlink("/bin/true", filepath.Join(dir, "usr/bin/linked")))
	for _, name := range []string{"evil", "systemctl", "true", "linked"} { // the real ones are not for a test root
		if _, err := l.Run(t.Context(), Command{Argv: []string{name}}); !errors.Is(err, fs.ErrNotExist) ||
			err.Error() != `cannot run "`+name+`": it is not installed` {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, argv := range [][]string{nil, {""}, {"./evil"}, {"/bin/true"}} {
		if _, err := l.Run(t.Context(), Command{Argv: argv}); err == nil {
			t.Errorf("%q ran", argv)
		}
	}
	if out, err := New("").Query(t.Context(), Command{Argv: []string{"true"}}); err != nil || out.Status != 0 {
		t.Errorf("true: %+v, %v", out, err)
	}
}

func TestTimeoutEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "slow", `sleep 600 & echo $!; wait`)
	out, err := l.Query(t.Context(), Command{Argv: []string{"slow"}, Timeout: 300 * time.Millisecond})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer after 300ms") {
		t.Fatalf("got %v", err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
	if err != nil {
		t.Fatal(err)
	}
	assertGone(t, child)
}

// assertGone waits until the process has ended: a signal arrives soon, not at once.
func assertGone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d still runs", pid)
}

func TestCancelStopsACommand(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "slow", `exec sleep 600`)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := l.Run(ctx, Command{Argv: []string{"slow"}}); !errors.Is(err, context.Canceled) ||
		err.Error() != `cannot run "slow": it was stopped` {
		t.Errorf("got %v", err)
	}
}

func TestOutputIsCut(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "talk", `head -c 3000000 /dev/zero`)
	if out, err := l.Query(t.Context(), Command{Argv: []string{"talk"}}); err != nil || len(out.Stdout) != maxOutput {
		t.Errorf("got %d bytes, %v", len(out.Stdout), err)
	}
}

// Who listens gets every line as it comes, from both streams, cleaned and bounded; what is kept is the same as ever.
func TestLinesAreHeard(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "apt-get", `printf 'one\r\n\ntw\033[31mo\n'; read -r go </dev/stdin; echo "$go" >&2; head -c 5000 /dev/zero | tr '\0' x; printf '\nlast'`)
	var lines []string
	out, err := l.Run(t.Context(), Command{Argv: []string{"apt-get"}, Stdin: []byte("three\n"), Said: func(line string) { lines = append(lines, line) }})
	if err != nil || len(out.Stdout) < 5000 || string(out.Stderr) != "three\n" {
		t.Errorf("%d bytes, %q, %v", len(out.Stdout), out.Stderr, err)
	}
	slices.Sort(lines) // the two streams come as they like
	if want := []string{"last", "one", "three", "tw␛[31mo", strings.Repeat("x", maxLine)}; !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}

func TestTooManyLinesAreNotHeard(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	tool(t, dir, "apt-get", `yes | head -n 5000`)
	lines := 0
	if _, err := l.Run(t.Context(), Command{Argv: []string{"apt-get"}, Said: func(string) { lines++ }}); err != nil || lines != maxLines {
		t.Errorf("%d lines, %v", lines, err)
	}
}

// A program of the user's own is run from where it is, if nobody but its owner could have written it.
func TestProgramOfTheUsers(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	folder := filepath.Join(dir, "opt/hooks")
	must(t, os.MkdirAll(folder, 0o755))
	file := filepath.Join(folder, "hook")
	must(t, os.WriteFile(file, []byte("#!/bin/sh\necho \"$0 $1 $TOKEN\"\n"), 0o755))
	run := func(program string) (Output, error) {
		return l.Run(t.Context(), Command{Argv: []string{"hook", "present"}, Program: program, Env: []string{"TOKEN=t"}})
	}
	out, err := run("/opt/hooks/hook")
	if err != nil || string(out.Stdout) != file+" present t\n" {
		t.Errorf("%q, %v", out.Stdout, err)
	}
	for _, program := range []string{"hook", "/opt/hooks/other", "/opt/hooks"} {
		if _, err := run(program); err == nil {
			t.Errorf("%s ran", program)
		}
	}
	for _, at := range []string{file, folder} {
		must(t, os.Chmod(at, 0o777))
		if _, err := run("/opt/hooks/hook"); err == nil || !strings.Contains(err.Error(), "may be written by others") {
			t.Errorf("%s is writable by all: %v", at, err)
		}
		must(t, os.Chmod(at, 0o755))
	}
	must(t, os.Chmod(file, 0o644))
	if _, err := run("/opt/hooks/hook"); err == nil {
		t.Error("what is no program ran")
	}
}
