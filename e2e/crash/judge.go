//go:build linux && amd64

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// fault is what must not be: what was done, and what is wrong then.
type fault struct {
	flow, what string
	said       []string
}

func (f fault) String() string {
	return f.flow + ", " + f.what + ":\n    " + strings.Join(f.said, "\n    ")
}

// judge starts the program again after it was cut off, and says how the server ends. Starting it once more has to find
// nothing to do.
func (f *flow) judge(ctx context.Context, w *worker) (string, []string, error) {
	status, said, err := w.run(ctx, f.recovery()...)
	if err != nil {
		return "", nil, err
	}
	if !well(status) {
		return "", []string{fmt.Sprintf("recovering ends with status %d: %s", status, said)}, nil
	}
	now, err := w.see()
	if err != nil {
		return "", nil, err
	}
	how := f.ended(now)
	switch {
	case how == "":
		return "", append(f.worst(now), w.refused()...), nil
	case f.again != nil && how != "after":
		return "", []string{"it ended as " + how}, nil
	}
	if status, said, err = w.run(ctx, f.recovery()...); err == nil && status != nothingToDo {
		return "", []string{fmt.Sprintf("recovering twice ends with status %d: %s", status, said)}, nil
	}
	return how, nil, err
}

// refused is the use of a program of the server that nobody thought of, if there was one.
func (w *worker) refused() []string {
	text, err := os.ReadFile(filepath.Join(w.root, "standin-refused"))
	if err != nil {
		return nil
	}
	return []string{string(text)}
}

// onward does the change again after it was cut off and taken back: it has to come to its end.
func (f *flow) onward(ctx context.Context, w *worker) ([]string, error) {
	status, said, err := w.run(ctx, f.do...)
	if err != nil {
		return nil, err
	}
	now, err := w.see()
	if err != nil || status == 0 && f.ended(now) == "after" {
		return nil, err
	}
	return append([]string{fmt.Sprintf("doing it again ends with status %d: %s", status, said)}, f.worst(now)...), nil
}

// scribble has somebody edit a file of ours while nobody is at work, and returns its name; "" when there is none yet.
func (f *flow) scribble(w *worker) (string, string, error) {
	now, err := w.see()
	if err != nil {
		return "", "", err
	}
	for name, n := range now {
		was, before := f.before[name]
		ours := strings.HasPrefix(name, "/etc/") && strings.Contains(filepath.Base(name), "sslwizard") || strings.HasPrefix(name, steps.SitesDir+"/")
		gone := filepath.Base(name) == steps.RecoverService // it is there only while a run is
		if !ours || gone || n.data == "" || before && was.data == n.data || strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		text := n.data + "# mine\n"
		return name, text, os.WriteFile(filepath.Join(w.root, name), []byte(text), os.FileMode(n.mode&0o777))
	}
	return "", "", nil
}

// spared says whether somebody's edit is still there: in its place, or put beside it.
func spared(w *worker, name, text string) []string {
	for _, at := range []string{name, name + ".sslwizard-kept", name + ".sslwizard-saved"} {
		if now, err := os.ReadFile(filepath.Join(w.root, at)); err == nil && string(now) == text {
			return nil
		}
	}
	return []string{"the edit of " + name + " is gone"}
}
