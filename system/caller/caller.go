// Package caller knows how the person who typed sudo wants to be shown things. Sudo starts us with an environment from
// which NO_COLOR, ACCESSIBLE and SSH_CONNECTION are gone; root may read them in sudo's own, which is the caller's.
//
// Only these few variables are ever looked for, only in a process whose program is sudo, and all that comes out is yes
// or no: what somebody else's environment says gets no further.
package caller

import (
	"bytes"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
)

const (
	proc      = "/proc"
	maxEnv    = 256 << 10 // bytes that are read of an environment
	ancestors = 16        // how far up sudo is looked for
)

// means says for each variable what it means when it is set: what we take for it, nothing for no. CLICOLOR speaks by
// being 0.
var means = map[string]func(value string) string{
	"NO_COLOR":       isSet,
	"ACCESSIBLE":     isSet,
	"SSH_CONNECTION": isSet,
	"SSH_TTY":        isSet,
	"CLICOLOR": func(value string) string {
		if value == "0" {
			return "0"
		}
		return ""
	},
}

func isSet(value string) string {
	if value == "" {
		return ""
	}
	return "1"
}

// Env looks variables up with getenv, and those that sudo drops, when they are not there, at the caller of sudo. For who
// is not root it is getenv.
func Env(getenv func(string) string) func(string) string {
	if os.Geteuid() != 0 {
		return getenv
	}
	return env(getenv, proc, os.Getppid())
}

// env looks below a folder like /proc, from a process upwards. It looks once, when it is first needed.
func env(getenv func(string) string, proc string, parent int) func(string) string {
	dropped := sync.OnceValue(func() map[string]string { return wishes(proc, parent) })
	return func(name string) string {
		if value := getenv(name); value != "" || means[name] == nil {
			return value
		}
		return dropped()[name]
	}
}

// wishes are what the callers of every sudo above us said, the nearest first: a sudo in a sudo has lost it already.
func wishes(proc string, pid int) map[string]string {
	found := map[string]string{}
	for range ancestors {
		if pid <= 1 {
			break
		}
		dir := path.Join(proc, strconv.Itoa(pid))
		if isSudo(dir) {
			gather(dir, found)
		}
		pid = parentOf(dir)
	}
	return found
}

// isSudo goes by the program that the kernel names, which the process itself cannot.
func isSudo(dir string) bool {
	program, err := os.Readlink(path.Join(dir, "exe"))
	name := strings.TrimSuffix(path.Base(program), " (deleted)") // it was upgraded since
	return err == nil && (name == "sudo" || name == "sudo-rs")
}

func gather(dir string, found map[string]string) {
	for entry := range bytes.SplitSeq(read(path.Join(dir, "environ")), []byte{0}) {
		name, value, _ := strings.Cut(string(entry), "=")
		if mean := means[name]; mean != nil && found[name] == "" {
			found[name] = mean(value)
		}
	}
}

// parentOf is the fourth field of /proc/PID/stat (proc_pid_stat(5)); the second is a name in parentheses, and may hold
// anything. 0 when it cannot be told.
func parentOf(dir string) int {
	stat := string(read(path.Join(dir, "stat")))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(fields[1])
	return pid
}

func read(name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, maxEnv))
	return data
}
