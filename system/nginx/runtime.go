package nginx

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// Runtime is the half of the executor that acts: it tests, rehearses and reloads. The zero value is ready; its fields
// are for tests.
type Runtime struct {
	dir      string   // of the scratch instances
	root     string   // before the paths of certificates
	main     string   // nginx's main configuration
	includes []string // the folders in which our files can be
	https    []string // where the live sites answer: IPv4, IPv6
	settle   time.Duration
}

// NewRuntime returns the runtime for the live nginx.
func NewRuntime() Runtime { return Runtime{} }

func (r Runtime) withDefaults() Runtime {
	r.dir = cmp.Or(r.dir, steps.RuntimeDir)
	r.main = cmp.Or(r.main, "/etc/nginx/nginx.conf")
	r.settle = cmp.Or(r.settle, settle)
	if r.includes == nil {
		r.includes = []string{"/etc/nginx/conf.d", "/etc/nginx/http.d"}
	}
	if r.https == nil {
		r.https = []string{"127.0.0.1:443", "[::1]:443"}
	}
	return r
}

// Name is the executor's name.
func (Runtime) Name() string { return steps.ExecutorNginx }

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

// emergency is how nginx begins what keeps it from running, on a terminal and in its error log: the level, the process and what it
// says. Further on in a line may stand what somebody else wrote, such as the path that a visitor asked for.
var emergency = regexp.MustCompile(`^(?:nginx: |\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )\[(emerg|crit|alert)\] (?:(\d+)#\d+: )?(.*)`)

// firstEmergency is the first line at level emerg, cleaned, or else the first of the levels below; empty if none.
func firstEmergency(said string) string {
	first := ""
	for line := range strings.Lines(said) {
		m := emergency.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if m[1] == "emerg" {
			return steps.CleanLine(m[3])
		}
		if first == "" {
			first = steps.CleanLine(m[3])
		}
	}
	return first
}

// mainConfig reads the main configuration; one that is not there, or that we cannot read, has no directives.
func (r Runtime) mainConfig(h host.Reader) []conf.Directive {
	f, err := h.ReadFile(r.main)
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
