package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// lines is how many troubles who logs in is told of.
const lines = 5

// Login has who logs in read these texts; none takes what was there away.
func Login(h host.Host, texts []string) error {
	there, err := h.ReadFile(steps.LoginText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot tell who logs in: %w", err)
	}
	if len(texts) == 0 {
		if err != nil {
			return nil
		}
		return h.Remove(steps.LoginText)
	}
	var b strings.Builder
	for n, text := range texts {
		if n == lines {
			fmt.Fprintf(&b, "sslwizard: and %d more\n", len(texts)-n)
			break
		}
		b.WriteString("sslwizard: " + steps.CleanLine(text) + "\n")
	}
	b.WriteString("sslwizard: more with: sudo sslwizard status\n")
	if bytes.Equal(there.Data, []byte(b.String())) {
		return nil
	}
	if err := h.WriteFile(steps.LoginText, host.File{Data: []byte(b.String()), Mode: 0o644}); err != nil {
		return fmt.Errorf("cannot tell who logs in: %w", err)
	}
	return nil
}
