package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/echo"
)

const site = "localhost" // a name that every load tool finds

// stage is what all contenders have in common: the application, which is an nginx of one worker, and a site.
type stage struct {
	*store
	program string // of this tree
	app     string // address
	apps    *exec.Cmd
	echo    net.Listener   // answers WebSockets for the application
	crowds  map[int]*crowd // of so many sites, once they are there
}

func newStage(ctx context.Context) (*stage, error) {
	dir, err := os.MkdirTemp("", "sslwizard-plane-")
	if err != nil {
		return nil, err
	}
	st, err := newStore(dir, site)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s := &stage{store: st, program: filepath.Join(dir, "sslwizard"), crowds: map[int]*crowd{}}
	if err := errors.Join(os.Chmod(dir, 0o755), s.build(ctx), s.certify(site), s.serveApp()); err != nil { //nolint:gosec // the workers of nginx have another user
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() {
	if s.apps != nil {
		end(s.apps)
	}
	if s.echo != nil {
		s.echo.Close()
	}
	_ = os.RemoveAll(s.dir)
}

func (s *stage) build(ctx context.Context) error {
	root, err := treeRoot(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.program, ".")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the program: %w\n%s", err, text)
	}
	return nil
}

func treeRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("cannot find the tree: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// serveApp starts the application.
func (s *stage) serveApp() (err error) {
	if s.app, err = freeAddress(); err != nil {
		return err
	}
	if s.echo, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	go func() { _ = http.Serve(s.echo, echo.Handler()) }() //nolint:gosec // of ours alone
	root := s.path("app")
	if err := os.Mkdir(root, 0o755); err != nil { //nolint:gosec // the workers of nginx have another user
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "large"), bytes.Repeat([]byte("x"), 1<<20), 0o644); err != nil { //nolint:gosec // likewise
		return err
	}
	s.apps, err = s.nginx("app.conf", `worker_processes 1;
daemon off;
pid `+s.path("app.pid")+`;
worker_rlimit_nofile 20000;
events { worker_connections 40000; } # it closes what rests when a sixteenth is left
http {
	access_log off;
	client_max_body_size 0;
	keepalive_requests 100000000;
	proxy_temp_path `+s.path("proxy")+`;
	client_body_temp_path `+s.path("body")+`;
	sendfile on;
	server {
		listen `+s.app+`;
		root `+root+`;
		location = /small { default_type text/plain; return 200 "`+strings.Repeat("x", 1024)+`"; }
		location = /taken { default_type text/plain; return 200 "taken"; }
		location = /upload { # which reads it all first: else some stop, and others go on
			client_body_buffer_size 2m;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_pass http://`+s.app+`/taken;
		}
		location = /socket {
			proxy_pass http://`+s.echo.Addr().String()+`;
			proxy_http_version 1.1;
			proxy_set_header Connection upgrade;
			proxy_set_header Upgrade websocket;
			proxy_buffer_size 4k;
			proxy_read_timeout 1h;
		}
	}
}
`)
	return errors.Join(err, s.add(site, s.app))
}

func (s *stage) nginx(file, text string) (*exec.Cmd, error) {
	if err := os.WriteFile(s.path(file), []byte(text), 0o644); err != nil { //nolint:gosec // likewise
		return nil, err
	}
	return run("nginx", "-p", s.dir, "-e", s.path(file+".log"), "-c", s.path(file))
}

func run(program string, argv ...string) (*exec.Cmd, error) {
	cmd := exec.Command(program, argv...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, nil
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(os.Interrupt)
	ended := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	ended.Stop()
}

// freeAddress is below the ports that the kernel gives to who connects: who asks again and again for one of those, where nobody
// listens yet, some time is given the very same as its own, is connected to itself, and has taken it for a minute.
func freeAddress() (string, error) {
	for ; nextPort < 32_000; nextPort++ {
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(nextPort))
		if l, err := net.Listen("tcp", at); err == nil {
			nextPort++
			return at, l.Close()
		}
	}
	return "", errors.New("every port is taken")
}

var nextPort = 20_000 // none twice: who has it listens only later
