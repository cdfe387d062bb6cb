package nginx

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// Runtime is the half of the executor that acts: it tests, rehearses and reloads. The zero value is ready.
type Runtime struct {
	dir  string // steps.RuntimeDir
	root string // before the paths of certificates; tests only
}

// Name is the executor's name.
func (Runtime) Name() string { return steps.ExecutorNginx }

func (r Runtime) runtimeDir() string {
	if r.dir == "" {
		return steps.RuntimeDir
	}
	return r.dir
}

// Test runs nginx's own check. It fails with N04 and the first line that nginx refused.
func (r Runtime) Test(ctx context.Context, h host.Host) error {
	out, err := attempt(ctx, h, host.Command{Argv: []string{"nginx", "-t", "-q"}})
	if err != nil {
		return &steps.Failure{Text: "cannot test the nginx configuration", Code: "N04", Err: err, Fixes: []string{"nginx -t"}}
	}
	if out.Status != 0 {
		return refused(string(out.Stderr))
	}
	return nil
}

// attempt runs a command whose exit status is an answer, not an error.
func attempt(ctx context.Context, h host.Host, c host.Command) (host.Output, error) {
	out, err := h.Run(ctx, c)
	var failed *host.CommandError
	if errors.As(err, &failed) && failed.Err == nil && failed.Output.Status > 0 {
		return failed.Output, nil
	}
	return out, err
}

// refused is the failure of "nginx -t" by what it wrote.
func refused(said string) error {
	e := firstEmergency(said)
	if e == "" {
		e = "it gave no reason"
	}
	return &steps.Failure{
		Text: "cannot use the new nginx configuration: nginx refuses it: " + e, Code: "N04",
		Fixes: []string{"nginx -t shows the same; the file and line are named above"},
	}
}

// emergency is how nginx begins what keeps it from running, on a terminal and in its error log.
var emergency = regexp.MustCompile(`\[(?:emerg|crit|alert)\] (?:\d+#\d+: )?(.*)`)

// firstEmergency is the first line at level emerg, cleaned, or else the first of the levels below; empty if none.
func firstEmergency(said string) string {
	first := ""
	for line := range strings.Lines(said) {
		m := emergency.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if strings.Contains(line, "[emerg]") {
			return steps.CleanLine(m[1])
		}
		if first == "" {
			first = steps.CleanLine(m[1])
		}
	}
	return first
}

// mainFile is nginx's main configuration on every distribution that we know.
const mainFile = "/etc/nginx/nginx.conf"

// mainConfig reads the main configuration; one that is not there, or that we cannot read, has no directives.
func mainConfig(r host.Reader) []conf.Directive {
	f, err := r.ReadFile(mainFile)
	if err != nil {
		return nil
	}
	tree, err := conf.Parse(f.Data)
	if err != nil {
		return nil
	}
	return tree
}

// argument is the first argument of the first directive of that name outside all blocks.
func argument(tree []conf.Directive, name, otherwise string) string {
	for _, d := range tree {
		if d.Name == name && len(d.Args) > 0 {
			return d.Args[0]
		}
	}
	return otherwise
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
