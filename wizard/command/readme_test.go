package command

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// advised finds our commands in a text for people: in a line of code or between backquotes, up to a comment, a redirection
// or another command.
var advised = regexp.MustCompile("(?m)(?:^    (?:.*&& )?|`)(?:sudo )?(?:\\./)?sslwizard( [^`#>&|\n]*)?")

// Every command of the README and of the pages is one that there is, with flags and arguments that it has.
func TestWhatThePagesTellIsThere(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, page := range []string{"../../README.md", "../../docs/answers.md", "../../docs/doctor.md", "../../CHANGELOG.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range advised.FindAllStringSubmatch(string(text), -1) {
			seen++
			if err := parses(strings.Fields(found[1])); err != nil {
				t.Errorf("%s: %q: %v", page, found[0], err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found: the test looks at the wrong place", seen)
	}
	for _, wrong := range []string{"diagnose", "undo --all", "remove", "answers check f.yaml", "probe a b"} {
		if parses(strings.Fields(wrong)) == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}

// parses reports what is wrong with a command line before anything is done.
func parses(args []string) error {
	app := &App{Env: func(string) string { return "" }, ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist }}
	c, rest, err := app.tree().Find(args)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	return c.ValidateArgs(c.Flags().Args())
}
