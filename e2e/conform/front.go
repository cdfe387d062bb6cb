package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// front is a proxy under test: a process that serves the sites of the stage on ports of its own.
type front struct {
	name        string
	program     string
	version     string
	http, https string // where it listens
	process     *process
}

// driver knows one kind of proxy.
type driver struct {
	name string
	// find returns the program, and makes it if need be.
	find    func(ctx context.Context, dir string) (string, error)
	version string // the argument that makes it say its version, or the module that it is built from
	// configure writes what the proxy needs into the folder and returns the command that runs it in the foreground.
	configure func(s *stage, dir string, f *front) ([]string, error)
}

// drivers are the proxies, in the order of the tables' columns.
var drivers = []driver{
	{"native", build, "--version", configureNative},
	{"nginx", findNginx, "-v", configureNginx},
	{"Caddy", findCaddy, caddyModule, configureCaddy},
	{"HAProxy", findHAProxy, "-v", configureHAProxy},
}

// start runs the proxy on the stage and returns when it listens.
func (d driver) start(ctx context.Context, s *stage, program string) (*front, error) {
	dir := filepath.Join(s.dir, "front")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	f := &front{name: d.name, program: program}
	for _, at := range []*string{&f.http, &f.https} {
		var err error
		if *at, err = freePort(); err != nil {
			return nil, err
		}
	}
	var err error
	if f.version, err = d.says(program); err != nil {
		return nil, err
	}
	argv, err := d.configure(s, dir, f)
	if err != nil {
		return nil, err
	}
	if len(argv) == 0 {
		return f, f.await(ctx, setUpTime)
	}
	if f.process, err = run(dir, argv...); err != nil {
		return nil, err
	}
	if err := f.await(ctx, patience); err != nil {
		f.stop()
		return nil, fmt.Errorf("%w\n%s", err, f.process.said.String())
	}
	return f, nil
}

// await waits until the proxy listens.
func (f *front) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, at := range []string{f.http, f.https} {
		if err := f.process.answers(ctx, at); err != nil {
			return fmt.Errorf("%s does not listen on %s: %w", f.name, at, err)
		}
	}
	return nil
}

func (f *front) stop() {
	if f.process != nil {
		f.process.stop()
	}
}

// says is what the program says of its version, in its first line.
func (d driver) says(program string) (string, error) {
	if !strings.HasPrefix(d.version, "-") {
		return d.version, nil
	}
	out, err := exec.Command(program, d.version).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return steps.CleanLine(line), nil
}
