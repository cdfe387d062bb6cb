//go:build linux && amd64

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lab is a disk in memory, in a mount namespace of our own, with two workers on it.
type lab struct {
	dir     string // that disk
	source  string // the module
	workers []*worker
	flows   []*flow
}

const (
	parallel = 2
	diskHere = "SSLWIZARD_CRASH_DISK"
)

// alone starts this program again in a mount namespace of its own with a disk in memory: whatever becomes of it, nothing
// stays mounted. It returns where that disk is.
func alone() (string, error) {
	if dir := os.Getenv(diskHere); dir != "" {
		return dir, os.Unsetenv(diskHere)
	}
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "sslwizard-crash-")
	if err != nil {
		return "", err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return "", fmt.Errorf("cannot have mounts of our own (it needs root): %w", err)
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		return "", err
	}
	return "", unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), diskHere+"="+dir))
}

// leave takes the disk away.
func leave(dir string) {
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_ = os.Remove(dir)
}

func newLab(dir string) (*lab, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot find the module: %w", err)
	}
	l := &lab{dir: dir, source: filepath.Dir(strings.TrimSpace(string(mod))), flows: flows()}
	bin := filepath.Join(dir, "bin")
	for _, name := range []string{"subject", "standin"} {
		if err := l.build(filepath.Join(bin, name), "./e2e/crash/"+name); err != nil {
			return nil, err
		}
	}
	l.workers, err = l.staff(bin)
	return l, err
}

func (l *lab) build(out, what string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, what)...)
	cmd.Dir, cmd.Env = l.source, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", what, err, text)
	}
	return nil
}

// staff are the workers for a subject.
func (l *lab) staff(bin string) ([]*worker, error) {
	var all []*worker
	for n := range parallel {
		w, err := newWorker(bin, filepath.Join(l.dir, fmt.Sprint(n)), n+1)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// job is some work for one worker.
type job func(*worker) error

// each does the jobs with all workers; the first error ends it.
func each(workers []*worker, jobs []job) error {
	var all sync.WaitGroup
	var once sync.Once
	var first error
	next, stop := make(chan job), make(chan struct{})
	for _, w := range workers {
		all.Go(func() {
			for j := range next {
				if err := j(w); err != nil {
					once.Do(func() { first = err; close(stop) })
				}
			}
		})
	}
	for _, j := range jobs {
		select {
		case next <- j:
		case <-stop:
		}
	}
	close(next)
	all.Wait()
	return first
}

// prepare makes the servers of all flows.
func (l *lab) prepare(ctx context.Context) error {
	own, err := own()
	if err != nil {
		return err
	}
	base := server(time.Now(), own)
	var jobs []job
	for _, f := range l.flows {
		jobs = append(jobs, func(w *worker) error { return f.prepare(ctx, w, base) })
	}
	return each(l.workers, jobs)
}

// stride are the numbers from 1 to last of which there are at most so many, spread evenly; offset moves them.
func stride(last, most, offset int) []int {
	step := max(1, (last+most-1)/cmp.Or(most, 1))
	var all []int
	for n := 1 + offset%step; n <= last; n += step {
		all = append(all, n)
	}
	return all
}
