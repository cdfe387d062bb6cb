package command

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Called is how this program has to be typed, by its user and below sudo.
type Called struct{ Plain, Sudo string }

// secure are the folders in which sudo looks for a program by its bare name (sudoers(5), secure_path).
var secure = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin"}

const ourName = "sslwizard"

// HowCalled finds it from the name that the program was started by, the file that it is and the PATH. A bare name that
// would not be found is never printed. What `go run` made is gone afterwards, so it has no other name than its own.
func HowCalled(argv0, file, path string) Called {
	if argv0 == "" || strings.Contains(file, "/go-build") {
		return Called{ourName, ourName}
	}
	bare, dir := filepath.Base(argv0), filepath.Dir(file)
	c := Called{argv0, argv0}
	if !strings.Contains(argv0, "/") {
		c.Sudo = file
	}
	if !strings.Contains(argv0, "/") || slices.Contains(filepath.SplitList(path), dir) {
		c.Plain = bare
	}
	if slices.Contains(secure, dir) {
		c.Sudo = bare
	}
	return c
}

// ours finds our name where it is typed as a command: before one of our own words, or alone after sudo.
var ours = regexp.MustCompile(`(^|[\s"'(:])(sudo )?sslwizard( (?:status|attach|undo|remove|uninstall|renew|answers|probe|doctor|ca|demo|serve|--[a-z])|$)`)

// typed writes our name in a command as this user has to type it.
func (c Called) typed(command string) string {
	return ours.ReplaceAllStringFunc(command, func(found string) string {
		m := ours.FindStringSubmatch(found)
		if m[2] == "" && m[3] == "" {
			return found
		}
		name := c.Plain
		if m[2] != "" {
			name = c.Sudo
		}
		return m[1] + m[2] + shellWord(name) + m[3]
	})
}

// again is a command line of ours for a shell, with sudo before it.
func (a *App) again(args []string) string {
	return "sudo " + quoteArgv(append([]string{a.called().Sudo}, args...))
}

func (a *App) called() Called {
	if a.Called.Plain == "" {
		return Called{ourName, ourName}
	}
	return a.Called
}

// forReal is the command line of a dry run without what makes it one.
func forReal(args []string, main bool) []string {
	var rest []string
	asked := false
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case name == "--dry-run" || name == "--detailed-exitcode" || strings.HasPrefix(name, "-o") && name != "-o":
		case name == "-o" || name == "--output":
			if !joined {
				i++
			}
		default:
			asked = asked || name == "--non-interactive"
			rest = append(rest, args[i])
		}
	}
	if main && !asked {
		rest = append([]string{"--non-interactive"}, rest...)
	}
	return rest
}

// quoteArgv writes argv as a shell would need it, for people to copy.
func quoteArgv(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = shellWord(a)
	}
	return steps.CleanLine(strings.Join(words, " "))
}

func shellWord(a string) string {
	if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>()*?[]{}~#`!") {
		return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return a
}
