package notify

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// run starts the user's program: the message is its standard input, and its parts are in its environment.
func (s *Sender) run(ctx context.Context, program string, m Message) error {
	_, err := s.Host.Run(ctx, host.Command{
		Argv: []string{path.Base(program)}, Program: program, Stdin: []byte(m.Body()), Timeout: patience,
		Env: []string{"SSLWIZARD_HOST=" + m.Host, "SSLWIZARD_SITE=" + m.Site, "SSLWIZARD_ABOUT=" + m.About, "SSLWIZARD_TEXT=" + m.Text,
			"SSLWIZARD_FIXES=" + strings.Join(m.Fixes, "\n"), "SSLWIZARD_TIME=" + m.Time.Format(time.RFC3339)},
	})
	return err
}
