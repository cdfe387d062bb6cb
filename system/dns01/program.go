package dns01

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// program is one of the user's own that writes records. It is started as
//
//	PROGRAM present NAME. VALUE
//	PROGRAM cleanup NAME. VALUE
//
// without a shell, with nothing on its standard input and with "env." settings of the file in its environment. It has a
// minute, and status 0 says that it did what was asked. Both may be asked twice.
type program struct {
	path string
	env  []string
	run  func(ctx context.Context, program string, args, env []string) error
}

func newProgram(s settings, m Means) (Provider, error) {
	p := program{path: s["program"], run: m.Run}
	if !path.IsAbs(p.path) || path.Clean(p.path) != p.path {
		return nil, errors.New("program is no absolute path")
	}
	if p.run == nil {
		return nil, errors.New("no program can be run here")
	}
	for key, value := range s {
		if name, ok := strings.CutPrefix(key, steps.DNSEnv); ok {
			p.env = append(p.env, name+"="+value)
		}
	}
	slices.Sort(p.env)
	return p, nil
}

// Add implements Provider.
func (p program) Add(ctx context.Context, r Record) error {
	return p.start(ctx, "present", r)
}

// Remove implements Provider.
func (p program) Remove(ctx context.Context, r Record) error {
	return p.start(ctx, "cleanup", r)
}

// start does not tell what the program said of its own secrets.
func (p program) start(ctx context.Context, action string, r Record) error {
	err := p.run(ctx, p.path, []string{action, r.Name + ".", r.Value}, p.env)
	if err == nil || context.Cause(ctx) != nil {
		return err
	}
	var secrets []string
	for _, variable := range p.env {
		_, value, _ := strings.Cut(variable, "=")
		secrets = append(secrets, value)
	}
	return errors.New(scrub(err.Error(), secrets))
}

// Ask implements Provider.
func (program) Ask(context.Context, string) error { return ErrUnasked }
