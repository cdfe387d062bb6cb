//go:build e2e

package hostile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
)

// commands take a text of the command line at T; ROOT is the server's tree, FILE a good answers file.
var commands = [][]string{
	{"--dry-run", "--answers", "T"}, {"--dry-run", "T"}, {"--dry-run", "--only", "T", "FILE"}, {"--dry-run", "--plan", "T", "FILE"}, {"--dry-run", "--replace", "T", "FILE"},
	{"remove", "T", "--dry-run"}, {"undo", "T"}, {"renew", "T"}, {"attach", "T"}, {"T"},
	{"revoke", "T", "--dry-run"}, {"revoke", "shop.example.com", "--dry-run", "--reason", "T"},
	{"doctor", "T"}, {"doctor", "a.test", "--directory", "T"}, {"doctor", "a.test", "--challenge", "T"}, {"doctor", "a.test", "--ca", "T"},
	{"probe", "T"}, {"probe", "https://127.0.0.1:1", "--ws", "T"}, {"probe", "https://127.0.0.1:1", "--resolve", "T"}, {"probe", "https://127.0.0.1:1", "--ca", "T"},
	{"probe", "https://127.0.0.1:1", "--client-cert", "T", "--client-key", "T"},
	{"status", "-o", "T"}, {"status", "--color", "T"}, {"answers", "validate", "T"}, {"answers", "print", "T"}, {"account", "rollover", "--directory", "T"}, {"account", "import", "T"},
	{"notify", "T"}, {"ca", "T"}, {"serve", "--sites", "T", "--http", "T"},
}

// flagSlice is one of so many command lines, which CI runs.
const flagSlice = 401

// TestNoArgumentBecomesCode gives every text to every place of the command line, of the real program. It ends, by itself and without
// a panic, what it says is clean, nothing is in the server's tree that was not there, and of all that it starts nothing is a shell, by
// the log of execve.
func TestNoArgumentBecomesCode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it runs where there is no network")
	}
	s := newServer(t)
	type job struct{ command, text int }
	jobs := make(chan job)
	texts := arguments()
	counts := make([]row, len(commands))
	var workers sync.WaitGroup
	for n := range runtime.NumCPU() {
		workers.Go(func() {
			away := alone(t)
			log := filepath.Join(s.dir, "exec."+strconv.Itoa(n))
			for j := range jobs {
				if !away {
					continue
				}
				s.one(t, log, commands[j.command], texts[j.text])
			}
		})
	}
	turn := 0
	for c := range commands {
		counts[c] = row{key: strings.Join(commands[c], " "), texts: len(texts)}
		for i := range texts {
			if turn++; (*full || turn%flagSlice == 0) && !t.Failed() {
				counts[c].files++
				jobs <- job{c, i}
			}
		}
	}
	close(jobs)
	workers.Wait()
	if s.started == 0 || s.known != s.runs {
		t.Errorf("of %d runs %d are in the log of execve, with %d programs that they started: this proves nothing", s.runs, s.known, s.started)
	}
	page(t, "flags", flagsPage(counts, s), flagFigures(counts, s)...)
}

// arguments are the texts alone, and behind and before something good. None has a NUL: the kernel takes no such argument.
func arguments() []string {
	var all []string
	for _, text := range Corpus() {
		for _, whole := range []string{text.Text, "shop.example.com" + text.Text, text.Text + "/tmp/a"} {
			if !strings.ContainsRune(whole, 0) {
				all = append(all, whole)
			}
		}
	}
	return all
}

// server is a tree in which nothing is set up.
type server struct {
	dir, program, root, answers string
	before                      []string

	mu                   sync.Mutex
	runs, known, started int // runs, those in the log of execve, and what they started
}

func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{dir: dir, program: filepath.Join(dir, "sslwizard"), root: filepath.Join(dir, "root"), answers: filepath.Join(dir, "answers.yaml")}
	build := exec.Command("go", "build", "-o", s.program, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"systemctl", "dpkg-query", "apt-cache", "nft", "ufw", "firewall-cmd", "iptables", "nginx", "getent"} { // they say nothing
		if out, err := exec.Command("install", "-D", "/usr/bin/true", filepath.Join(s.root, "usr/bin", name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	g := grounds()[0]
	for name, text := range map[string]string{"root/etc/os-release": "ID=debian\nVERSION_ID=13\n", "answers.yaml": g.file("certs.days", "30", "native")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s.before = s.tree(t)
	return s
}

// tree has each name below the root, but for the lock that is held while a run would be made.
func (s *server) tree(t *testing.T) (names []string) {
	err := filepath.WalkDir(s.root, func(name string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(name, s.root))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return harmlessNames[name] })
}

// harmlessNames are what a run without hostile texts makes as well.
var harmlessNames = map[string]bool{"/run": true, "/run/sslwizard": true, "/run/sslwizard/lock": true, "/var": true, "/var/lib": true, "/var/lib/sslwizard": true, "/var/lib/sslwizard/lock": true}

// one runs one command under strace, which the kernel calls for what is executed alone.
func (s *server) one(t *testing.T, log string, command []string, text string) {
	argv := []string{"-f", "--seccomp-bpf", "-qq", "-s", "64", "-e", "trace=execve,execveat", "-o", log, s.program, "--root-dir", s.root}
	for _, word := range command {
		switch word {
		case "T":
			word = text
		case "FILE":
			word = s.answers
		}
		argv = append(argv, word)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", argv...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0 || exit.ExitCode() == 2 || exit.ExitCode() > 130) {
		t.Errorf("%v with %q: %v: %.400q", command, text, err, out)
	}
	if bad := steering(string(out)); bad != "" || strings.Contains(string(out), "goroutine ") {
		t.Errorf("%v with %q: %s is printed: %.400q", command, text, bad, out)
	}
	s.count(t, log, command, text)
	if now := s.tree(t); !slices.Equal(now, s.before) {
		t.Errorf("%v with %q: the tree has %q", command, text, now)
	}
}

// steering says what of an output could steer a terminal.
func steering(out string) string {
	if !utf8.ValidString(out) {
		return "what is no UTF-8"
	}
	for _, r := range out {
		if r != '\n' && r != '\t' && steps.Unsafe(r) {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

var (
	executed = regexp.MustCompile(`execve(?:at)?\("([^"]*)"`)
	shell    = regexp.MustCompile(`^(a|ba|da|k|mk|z|c|tc|fi)?sh$|^(busybox|env|xargs|perl|python[0-9.]*)$`)
)

// count looks at what was executed, by the log.
func (s *server) count(t *testing.T, log string, command []string, text string) {
	lines, err := os.ReadFile(log)
	if err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	all := executed.FindAllStringSubmatch(string(lines), -1)
	for i, found := range all {
		switch name := filepath.Base(found[1]); {
		case i == 0 && found[1] == s.program:
			s.known++
		case shell.MatchString(name):
			t.Errorf("%v with %q starts %s", command, text, found[1])
		default:
			s.started++
		}
	}
}

func flagsPage(counts []row, s *server) string {
	var b strings.Builder
	sum := total(counts)
	fmt.Fprintf(&b, `
## No argument becomes code

The same texts, alone and beside something good, in every place of the command line that takes one: the program itself, as root, in a
tree in which nothing is set up and a network that has nothing. %s runs; each ended by itself and without a panic, nothing that it
printed could steer a terminal, nothing was in the tree afterwards that was not there, and among the %s programs that they started,
by the log of execve, there was no shell. CI runs one in %d.

| command | texts |
| --- | --- |
`, promises.Count(sum.files), promises.Count(s.started), flagSlice)
	for _, r := range counts {
		fmt.Fprintf(&b, "| `%s` | %d |\n", r.key, r.files)
	}
	return b.String()
}

func flagFigures(counts []row, s *server) []promises.Figure {
	return []promises.Figure{
		{What: fmt.Sprintf("hostile texts in each of %d places of the command line", len(counts)), Target: "≥ 2,000", Measured: promises.Count(counts[0].files)},
		{What: "files of them in a server's tree", Target: "0", Measured: "0 of " + promises.Count(s.runs) + " runs"},
		{What: "shells that were started, by the log of execve", Target: "0", Measured: "0 of " + promises.Count(s.started) + " programs"},
	}
}
