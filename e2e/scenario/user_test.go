//go:build e2e

package scenario

import (
	"os/exec"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/robot"
)

// user is a person at a terminal, in the middle of a story.
type user struct {
	*testing.T
	r       *robot.Robot
	keys    int // pressed so far; every letter is one
	strokes int // those of them that are no typed text
}

// The terminal of nearly everybody over SSH.
const columns, rows = 80, 24

// sits puts a person before a terminal in which the command runs.
func (st *story) sits(cmd *exec.Cmd) *user {
	st.Helper()
	r, err := robot.Start(cmd, columns, rows)
	if err != nil {
		st.Fatal(err)
	}
	st.Cleanup(r.Kill)
	return &user{T: st.T, r: r}
}

// logsIn is a person who types that line over ssh, from the client, as the user ada.
func (st *story) logsIn(line string) *user {
	st.Helper()
	return st.sits(st.c.SSH(st.s, "ada", line))
}

// sees waits until the screen shows all of the texts.
func (u *user) sees(texts ...string) *user {
	u.Helper()
	return u.seesWithin(robot.Patience, texts...)
}

func (u *user) seesWithin(patience time.Duration, texts ...string) *user {
	u.Helper()
	if err := u.r.AwaitFor(patience, texts...); err != nil {
		u.Fatal(err)
	}
	return u
}

// waits waits until the screen is as it has to be.
func (u *user) waits(what string, right func(screen string) bool) *user {
	u.Helper()
	err := u.r.Until(robot.Patience, func(screen string) string {
		if right(screen) {
			return ""
		}
		return what
	})
	if err != nil {
		u.Fatal(err)
	}
	return u
}

// presses presses keys by their names; what is no name is typed.
func (u *user) presses(keys ...string) *user {
	u.Helper()
	u.keys += robot.Keys(keys...)
	u.strokes += robot.Strokes(keys...)
	if err := u.r.Press(keys...); err != nil {
		u.Fatal(err)
	}
	return u
}

// leaves waits for the program's end and checks its exit status.
func (u *user) leaves(status int) *user {
	u.Helper()
	got, err := u.r.Wait()
	if err != nil || got != status {
		u.Fatalf("want exit status %d, got %d (%v); the screen is\n%s", status, got, err, u.r.Screen())
	}
	return u
}
