package caller

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// process is one in a made-up /proc.
type process struct {
	pid, parent int
	program     string
	env         []string
}

func procOf(t *testing.T, all ...process) string {
	t.Helper()
	root := t.TempDir()
	for _, p := range all {
		dir := filepath.Join(root, strconv.Itoa(p.pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{
			"stat":    strconv.Itoa(p.pid) + " (a) b ( S) S " + strconv.Itoa(p.parent) + " 1 1 0 -1",
			"environ": strings.Join(p.env, "\x00") + "\x00",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(p.program, filepath.Join(dir, "exe")); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func none(string) string { return "" }

func TestWhatSudoDrops(t *testing.T) {
	t.Parallel()
	ssh := []string{"SECRET=x", "SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22", "SSH_TTY=/dev/pts/0", "NO_COLOR=\x1b[2J", "CLICOLOR=0", "ACCESSIBLE=", "LD_PRELOAD=/x"}
	shell := process{9, 1, "/usr/bin/bash", []string{"ACCESSIBLE=1"}}
	for name, c := range map[string]struct {
		all  []process
		want string
	}{
		"sudo with its monitor": {[]process{{30, 20, "/usr/bin/sudo", ssh}, {20, 9, "/usr/bin/sudo", ssh}, shell}, "NO_COLOR=1 CLICOLOR=0 SSH_CONNECTION=1 SSH_TTY=1"},
		"sudo-rs":               {[]process{{30, 9, "/usr/lib/cargo/bin/sudo-rs (deleted)", ssh}, shell}, "NO_COLOR=1 CLICOLOR=0 SSH_CONNECTION=1 SSH_TTY=1"},
		"a shell of root":       {[]process{{30, 20, "/usr/bin/bash", nil}, {20, 9, "/usr/bin/sudo", ssh}, shell}, "NO_COLOR=1 CLICOLOR=0 SSH_CONNECTION=1 SSH_TTY=1"},
		"a sudo in a sudo":      {[]process{{30, 20, "/usr/bin/sudo", []string{"CLICOLOR=1"}}, {20, 9, "/usr/bin/sudo", ssh}, shell}, "NO_COLOR=1 CLICOLOR=0 SSH_CONNECTION=1 SSH_TTY=1"},
		"no sudo":               {[]process{{30, 9, "/home/eve/sudoer", ssh}, shell}, ""},
		"a circle":              {[]process{{30, 30, "/usr/bin/bash", ssh}}, ""},
		"nobody":                {nil, ""},
	} {
		get := env(none, procOf(t, c.all...), 30)
		var got []string
		for _, name := range []string{"NO_COLOR", "CLICOLOR", "ACCESSIBLE", "SSH_CONNECTION", "SSH_TTY", "SECRET", "LD_PRELOAD", "TERM"} {
			if v := get(name); v != "" {
				got = append(got, name+"="+v)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// What this process has itself counts, as it is.
func TestOwnEnvironmentCounts(t *testing.T) {
	t.Parallel()
	own := map[string]string{"CLICOLOR": "1", "TERM": "xterm"}
	get := env(func(name string) string { return own[name] }, procOf(t, process{30, 1, "/usr/bin/sudo", []string{"CLICOLOR=0", "TERM=dumb", "NO_COLOR=1"}}), 30)
	if get("CLICOLOR") != "1" || get("TERM") != "xterm" || get("NO_COLOR") != "1" {
		t.Errorf("%q %q %q", get("CLICOLOR"), get("TERM"), get("NO_COLOR"))
	}
}

// The real /proc, with a program that is called sudo.
func TestRealProcess(t *testing.T) {
	t.Parallel()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("there is no sleep to be called sudo here")
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	sudo := filepath.Join(t.TempDir(), "sudo")
	if err := os.WriteFile(sudo, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sudo, "600")
	cmd.Env = []string{"SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22", "SECRET=x"}
	if err := cmd.Start(); err != nil {
		t.Skip("programs cannot be started from the folder for tests: ", err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	// Start returns when the kernel has the new program, which is before it has written the environment down.
	for until := time.Now().Add(time.Minute); len(read(filepath.Join(proc, strconv.Itoa(cmd.Process.Pid), "environ"))) == 0 && time.Now().Before(until); {
		runtime.Gosched()
	}
	get := env(none, proc, cmd.Process.Pid)
	if get("SSH_CONNECTION") != "1" || get("SECRET") != "" {
		t.Errorf("%q, %q", get("SSH_CONNECTION"), get("SECRET"))
	}
	if parent := parentOf(filepath.Join(proc, strconv.Itoa(cmd.Process.Pid))); parent != os.Getpid() {
		t.Errorf("the parent is %d, not %d", parent, os.Getpid())
	}
}
