package apply

import (
	"context"
	"slices"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// talkative is a host whose programs say what they are given.
type talkative struct {
	host.Host
	lines []string
}

func (h talkative) Run(_ context.Context, c host.Command) (host.Output, error) {
	for _, line := range h.lines {
		c.Said(line)
	}
	return host.Output{}, nil
}

// What a command does is said line by line; systemd's warning of what our own enable brings about is not.
func TestWhatCommandsSay(t *testing.T) {
	t.Parallel()
	var said []string
	d := &doing{said: func(line string) { said = append(said, line) }, Host: talkative{lines: []string{
		"Warning: The unit file, source configuration file or drop-ins of x.service changed on disk. Run 'systemctl daemon-reload' to reload units.",
		"Warning: something else"}}}
	if _, err := d.Run(t.Context(), systemctl("start", "x.service")); err != nil || !slices.Equal(said, []string{"$ systemctl start x.service", "Warning: something else"}) {
		t.Errorf("%v: %q", err, said)
	}
}
