package detach

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// sessionFile is below /run, not in the state folder: a server on which somebody only looked around has nothing of ours
// on its disk. A restart forgets it, as it ends every connection.
const sessionFile = steps.RuntimeDir + "/session.json"

// sessionTime is how long a conversation can be gone on with.
const sessionTime = 7 * 24 * time.Hour

// Load returns the conversation that was kept; false when there is none that can be gone on with.
func (r Runner) Load(context.Context) (steps.Session, bool, error) {
	f, err := r.Host.ReadFile(sessionFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return steps.Session{}, false, nil
	}
	if err != nil {
		return steps.Session{}, false, err
	}
	var s steps.Session
	if err := json.Unmarshal(f.Data, &s); err != nil || time.Since(s.Time) > sessionTime {
		return steps.Session{}, false, nil // of another version, or too old
	}
	return s, true, nil
}

// Save keeps a conversation in place of the last.
func (r Runner) Save(_ context.Context, s steps.Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if _, err := r.Host.ReadFile(steps.RuntimeDir); errors.Is(err, fs.ErrNotExist) {
		if err := r.Host.WriteFile(steps.RuntimeDir, host.File{Mode: fs.ModeDir | 0o755}); err != nil {
			return err
		}
	}
	return r.Host.WriteFile(sessionFile, host.File{Data: data, Mode: 0o600})
}

// Forget removes what was kept.
func (r Runner) Forget(context.Context) error { return r.Host.Remove(sessionFile) }
