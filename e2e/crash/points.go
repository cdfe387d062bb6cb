//go:build linux && amd64

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
	"github.com/c93d5bcb/sslwizard/steps"
)

// errnos are what disks, quotas and administrators answer with, by turns.
var errnos = []syscall.Errno{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS, unix.EMFILE, unix.EACCES, unix.EPERM, unix.ELOOP, unix.EXDEV}

// missed is a point that was not hit: the program did something else than the time before. It ends the suite.
type missed struct{ text string }

func (m missed) Error() string { return m.text }

// kill cuts the change off at a call, and leaves the server so.
func (f *flow) kill(ctx context.Context, w *worker, n int) (trace.Report, error) {
	if err := w.lay(f.before); err != nil {
		return trace.Report{}, err
	}
	order := trace.Order{Kill: n}
	if n > len(f.calls) { // after the last one
		order = trace.Order{Kill: len(f.calls), After: true}
	}
	r, said, err := w.traced(ctx, order, f.do...)
	if err == nil && !r.Killed {
		err = missed{fmt.Sprintf("%s was not killed at call %d of %d, but ended with %d: %s", f.name, n, len(f.calls), r.Status, said)}
	}
	return r, err
}

// single is one kill and what comes of it; onward, the change is done again then.
func (f *flow) single(ctx context.Context, w *worker, n int, onward bool) (string, []string, error) {
	if _, err := f.kill(ctx, w, n); err != nil {
		return "", nil, err
	}
	how, said, err := f.judge(ctx, w)
	if err != nil || said != nil || !onward || how == "after" {
		return how, said, err
	}
	said, err = f.onward(ctx, w)
	return how, said, err
}

// edited is one kill, then somebody's edit of a file that was written, then the recovery.
func (f *flow) edited(ctx context.Context, w *worker, n int) (bool, []string, error) {
	if _, err := f.kill(ctx, w, n); err != nil {
		return false, nil, err
	}
	name, text, err := f.scribble(w)
	if err != nil || name == "" {
		return false, nil, err
	}
	status, said, err := w.run(ctx, f.recovery()...)
	if err == nil && !well(status) {
		return true, []string{fmt.Sprintf("recovering ends with status %d: %s", status, said)}, nil
	}
	return true, spared(w, name, text), err
}

// half is a server as a kill left it, with the calls that its recovery makes.
type half struct {
	tree
	calls int
}

func (f *flow) half(ctx context.Context, w *worker, n int) (half, error) {
	if _, err := f.kill(ctx, w, n); err != nil {
		return half{}, err
	}
	now, err := w.see()
	if err != nil {
		return half{}, err
	}
	r, _, err := w.traced(ctx, trace.Order{}, f.recovery()...)
	return half{now, len(r.Calls)}, err
}

// double kills the recovery too.
func (f *flow) double(ctx context.Context, w *worker, h half, k int) ([]string, error) {
	if err := f.killAgain(ctx, w, h, k); err != nil {
		return nil, err
	}
	_, said, err := f.judge(ctx, w)
	return said, err
}

func (f *flow) killAgain(ctx context.Context, w *worker, h half, k int) error {
	if err := w.lay(h.tree); err != nil {
		return err
	}
	r, said, err := w.traced(ctx, trace.Order{Kill: k}, f.recovery()...)
	if err == nil && !r.Killed {
		err = missed{fmt.Sprintf("the recovery of %s was not killed at call %d, but ended with %d: %s", f.name, k, r.Status, said)}
	}
	return err
}

// triple kills the recovery of a recovery that was killed, in its middle; ok is false when it makes no call any more.
func (f *flow) triple(ctx context.Context, w *worker, h half, k int) (ok bool, said []string, err error) {
	if err := f.killAgain(ctx, w, h, k); err != nil {
		return false, nil, err
	}
	now, err := w.see()
	if err != nil {
		return false, nil, err
	}
	r, _, err := w.traced(ctx, trace.Order{}, f.recovery()...)
	if err != nil || len(r.Calls) == 0 {
		return false, nil, err
	}
	said, err = f.double(ctx, w, half{tree: now}, 1+(k*7)%len(r.Calls))
	return true, said, err
}

// refused has one call fail: the program has to end by itself, say truly how, and leave one of the outcomes.
func (f *flow) refused(ctx context.Context, w *worker, n int, errno syscall.Errno) ([]string, error) {
	if err := w.lay(f.before); err != nil {
		return nil, err
	}
	r, said, err := w.traced(ctx, trace.Order{Fail: n, Errno: errno}, f.do...)
	if err != nil {
		return nil, err
	}
	if !r.Failed {
		return nil, missed{fmt.Sprintf("%s: call %d was not made", f.name, n)}
	}
	now, err := w.see()
	if err != nil {
		return nil, err
	}
	how := f.ended(now)
	switch {
	case r.Status != 0 && r.Status != steps.ExitInconsistent && how == "" && f.again == nil:
		return append([]string{fmt.Sprintf("it ends with %d: %s", r.Status, said)}, f.worst(now)...), nil
	case r.Status == 0 && errno == unix.EIO && unstored(r.Calls[n-1]):
		return []string{"the disk did not store a file, and it says that all is well"}, nil
	case retried(r.Calls, n):
		return []string{"a file was stored again after its fsync had failed"}, nil
	}
	end, wrong, err := f.judge(ctx, w)
	if err == nil && wrong == nil && r.Status == 0 && end != "after" {
		wrong = []string{"it said that all is well, and is as " + end}
	}
	if wrong != nil {
		wrong = append([]string{fmt.Sprintf("it ended with %d: %s", r.Status, said)}, wrong...)
	}
	return wrong, err
}

// away are for how many more calls the disk is away: for good, or for a part of what takes the change back.
var away = []int{1 << 20, 1, 3, 10, 30}

// dead has the disk take nothing from a call on, for a while or until the next start: what was begun cannot be taken back
// whole before that. The program has to say so, and the recovery on the mended disk has to end it.
func (f *flow) dead(ctx context.Context, w *worker, n int, errno syscall.Errno, more int) ([]string, error) {
	if err := w.lay(f.before); err != nil {
		return nil, err
	}
	r, said, err := w.traced(ctx, trace.Order{Fail: n, Errno: errno, More: more}, f.do...)
	if err != nil {
		return nil, err
	}
	if !r.Failed {
		return nil, missed{fmt.Sprintf("%s: call %d was not made", f.name, n)}
	}
	end, wrong, err := f.judge(ctx, w)
	if err == nil && wrong == nil && r.Status == 0 && end != "after" {
		wrong = []string{"it said that all is well, and is as " + end}
	}
	if wrong != nil {
		wrong = append([]string{fmt.Sprintf("it ended with %d: %s", r.Status, said)}, wrong...)
	}
	return wrong, err
}

// retried reports an fsync of a file after one that failed: the kernel has dropped what it did not store, and says so only
// once. Folders are stored again for what is done in them later, and the name of a file of ours is a new one each time.
func retried(calls []trace.Call, n int) bool {
	failed := calls[n-1]
	for _, c := range calls[n:] {
		ofFile := strings.HasPrefix(filepath.Base(c.Path), ".sslwizard-")
		if failed.Name == "fsync" && c.Name == "fsync" && ofFile && c.Path == failed.Path {
			return true
		}
	}
	return false
}

// unstored reports an fsync of a file of ours outside our own log.
func unstored(c trace.Call) bool {
	return c.Name == "fsync" && strings.HasPrefix(filepath.Base(c.Path), ".sslwizard-") && !log(c.Path)
}

// held does the change while somebody else holds the lock: nothing may happen.
func (f *flow) held(ctx context.Context, w *worker) ([]string, error) {
	if err := w.lay(f.before); err != nil {
		return nil, err
	}
	at := filepath.Join(w.root, steps.LockFile)
	if err := os.MkdirAll(filepath.Dir(at), 0o711); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(at, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.FcntlFlock(lock.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return nil, err
	}
	status, said, err := w.run(ctx, f.do...)
	if err != nil {
		return nil, err
	}
	now, err := w.see()
	if err != nil {
		return nil, err
	}
	if how := f.ended(now); how != "before" || status == 0 {
		return append([]string{fmt.Sprintf("it did not wait: status %d: %s", status, said)}, f.worst(now)...), nil
	}
	return nil, nil
}
