package nginx

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// scratch is an nginx of our own in a folder of its own, beside the one that serves. It is started and stopped by the
// nginx program itself, which becomes a daemon; its folder goes with it.
type scratch struct {
	h   host.Host
	dir string
}

// scratchPrefix begins the names of the folders.
const scratchPrefix = "rehearse-"

// stopTime is how long a scratch instance may take to end.
const stopTime = 5 * time.Second

// stopAgain is after how long it is told once more.
const stopAgain = 500 * time.Millisecond

// newScratch makes the folder. It ends what an earlier run that was killed may have left. What it returns has to be
// removed even if it fails.
func newScratch(ctx context.Context, h host.Host, parent string) (scratch, error) {
	s := scratch{h, path.Join(parent, scratchPrefix+rand.Text())}
	if _, err := h.ReadFile(parent); absent(err) {
		if err := h.WriteFile(parent, host.File{Mode: fs.ModeDir | 0o755}); err != nil {
			return s, err
		}
	}
	sweep(ctx, h, parent)
	for _, dir := range []string{"", "/conf.d", "/webroot", "/webroot/.well-known", "/webroot" + path.Clean(steps.ChallengePath)} {
		if err := h.WriteFile(s.dir+dir, host.File{Mode: fs.ModeDir | 0o755}); err != nil {
			return s, err
		}
	}
	return s, nil
}

func sweep(ctx context.Context, h host.Host, parent string) {
	dir, err := h.ReadFile(parent)
	if err != nil {
		return
	}
	for _, name := range dir.Entries {
		if strings.HasPrefix(name, scratchPrefix) {
			_ = scratch{h, path.Join(parent, name)}.remove(ctx) // what cannot be swept is no reason not to rehearse
		}
	}
}

func (s scratch) write(name string, content []byte) error {
	return s.h.WriteFile(path.Join(s.dir, name), host.File{Data: content, Mode: 0o644})
}

// start runs nginx on the files in conf.d and returns when it listens: nginx becomes a daemon only then.
func (s scratch) start(ctx context.Context, user string) error {
	main, err := conf.Print(s.mainFile(user))
	if err != nil {
		return err
	}
	if err := s.write("nginx.conf", main); err != nil {
		return err
	}
	out, err := attempt(ctx, s.h, s.nginx())
	if err != nil {
		return &steps.Failure{Text: "cannot start nginx for the rehearsal", Err: err}
	}
	if out.Status != 0 {
		return refused(string(out.Stderr) + s.log())
	}
	return nil
}

// nginx is the command that runs it. -q keeps its standard error for what is wrong.
func (s scratch) nginx(args ...string) host.Command {
	return host.Command{Argv: append([]string{"nginx", "-q", "-p", s.dir + "/", "-c", s.dir + "/nginx.conf"}, args...)}
}

// mainFile is the main configuration: the same user as the real one, so that the rehearsal meets the same permissions,
// and every path of nginx's own below our folder.
func (s scratch) mainFile(user string) []conf.Directive {
	tree := []conf.Directive{
		conf.D("worker_processes", "1"),
		conf.D("pid", s.dir+"/nginx.pid"),
		conf.D("error_log", s.dir+"/error.log"),
		conf.B("events", nil, conf.D("worker_connections", "512")),
		conf.B("http", nil,
			conf.D("access_log", "off"),
			conf.D("client_body_temp_path", s.dir+"/body"),
			conf.D("proxy_temp_path", s.dir+"/proxy"),
			conf.D("fastcgi_temp_path", s.dir+"/fastcgi"),
			conf.D("uwsgi_temp_path", s.dir+"/uwsgi"),
			conf.D("scgi_temp_path", s.dir+"/scgi"),
			conf.D("include", s.dir+"/conf.d/*.conf")),
	}
	if user != "" {
		tree = append(tree, conf.D("user", user))
	}
	return tree
}

func (s scratch) log() string {
	f, err := s.h.ReadFile(s.dir + "/error.log")
	if err != nil {
		return ""
	}
	return string(f.Data)
}

// remove ends the instance, if it runs, and takes its folder away. It works on what a killed run left as well.
func (s scratch) remove(ctx context.Context) error {
	if pid := s.process(); pid > 0 {
		if err := s.stop(ctx, pid); err != nil {
			return fmt.Errorf("cannot stop the rehearsal's nginx (process %d): %w", pid, err)
		}
	}
	return removeAll(s.h, s.dir)
}

// process is the number of the instance's master, 0 if none runs.
func (s scratch) process() int {
	f, err := s.h.ReadFile(s.dir + "/nginx.pid")
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(f.Data)))
	if !s.lives(pid) {
		return 0
	}
	return pid
}

// lives reports whether the process is a master of this folder: its title has the command line.
func (s scratch) lives(pid int) bool {
	return pid > 0 && strings.Contains(title(s.h, pid), s.dir)
}

// stop tells the instance to end until it has. Once is not enough: of a signal that comes after the pid file was written
// and before the master first waits for signals, nginx only takes a note, and looks at it with the next signal.
func (s scratch) stop(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	for {
		if _, err := attempt(ctx, s.h, s.nginx("-s", "stop")); err != nil {
			return err
		}
		if err := s.ended(ctx, pid); err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (s scratch) ended(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, stopAgain)
	defer cancel()
	return poll(ctx, 10*time.Millisecond, func() (bool, error) { return !s.lives(pid), nil })
}

// poll calls done until it says so, fails, or the context ends.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// removeAll removes a folder with all that is in it. Links are removed, not followed.
func removeAll(h host.Host, name string) error {
	f, err := h.ReadFile(name)
	switch {
	case absent(err):
		return nil
	case err != nil:
		return err
	}
	if f.Mode.IsDir() {
		if f, err = reclaim(h, name, f); err != nil {
			return err
		}
		for _, entry := range f.Entries {
			if err := removeAll(h, path.Join(name, entry)); err != nil {
				return err
			}
		}
	}
	return h.Remove(name)
}

// reclaim takes a folder that nginx gave to its workers back, so that nobody puts anything more into it while it is
// emptied; the host would refuse to work in a folder of others. It returns the folder as it is then.
func reclaim(h host.Host, name string, f host.File) (host.File, error) {
	if f.UID == os.Geteuid() {
		return f, nil
	}
	if err := h.WriteFile(name, host.File{Mode: fs.ModeDir | 0o700}); err != nil {
		return f, err
	}
	return h.ReadFile(name)
}
