package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// contender is a proxy before the application.
type contender struct {
	name    string
	at      string // its address for TLS, once it was started
	command func(*stage, *contender) (*exec.Cmd, error)
	process *exec.Cmd
}

const reference = "nginx"

func contenders(caddy string) []*contender {
	all := []*contender{
		{name: reference, command: nginx(4096)}, {name: "sslwizard, loop", command: native("loop")}, {name: "sslwizard, std", command: native("std")},
	}
	if _, err := exec.LookPath("haproxy"); err == nil {
		all = append(all, &contender{name: "HAProxy", command: haproxy})
	}
	if caddy != "" {
		all = append(all, &contender{name: "Caddy", command: theCaddy(caddy)})
	}
	return all
}

// start starts it, and returns how long it took until it answered for a name.
func (c *contender) start(ctx context.Context, s *stage, name string) (took time.Duration, err error) {
	if c.at, err = freeAddress(); err != nil {
		return 0, err
	}
	began := time.Now()
	if c.process, err = c.command(s, c); err != nil {
		return 0, err
	}
	if err := c.answers(ctx, name); err != nil {
		c.stop()
		return 0, fmt.Errorf("%s does not answer: %w", c.name, err)
	}
	return time.Since(began), nil
}

// another is the same contender, to be started once more by a command.
func (c *contender) another(command func(*stage, *contender) (*exec.Cmd, error)) *contender {
	return &contender{name: c.name, command: command}
}

// stop ends it; when it does not run, it does nothing.
func (c *contender) stop() {
	if c.process != nil {
		end(c.process)
		c.process = nil
	}
}

// native is this tree's proxy. It has no access log, as the others have none.
func native(engine string) func(*stage, *contender) (*exec.Cmd, error) {
	return func(s *stage, c *contender) (*exec.Cmd, error) { return s.native(s.store, c.at, engine) }
}

// native serves what is stored.
func (s *stage) native(st *store, at, engine string) (*exec.Cmd, error) {
	plain, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return run(s.program, "serve", "--http", plain, "--https", at, "--sites", st.dir+steps.SitesDir, "--certs", st.dir+steps.CertsDir,
		"--webroot", st.dir+steps.Webroot, "--control", s.path("control-"+engine), "--engine", engine)
}

// nginx has room for so many connections in each of its workers, which costs memory.
func nginx(connections int) func(*stage, *contender) (*exec.Cmd, error) {
	return func(s *stage, c *contender) (*exec.Cmd, error) {
		return s.nginx("nginx.conf", s.nginxText(c.at, connections))
	}
}

func (s *stage) nginxText(at string, connections int) string {
	return `worker_processes 2;
daemon off;
pid ` + s.path("nginx.pid") + `;
events { worker_connections ` + strconv.Itoa(connections) + `; }
http {
	access_log off;
	client_max_body_size 0;
	keepalive_requests 100000000;
	proxy_temp_path ` + s.path("proxy") + `;
	client_body_temp_path ` + s.path("body") + `;
	map $http_upgrade $upgrade { default upgrade; "" ""; }
	upstream app { server ` + s.app + `; keepalive 256; keepalive_requests 100000000; }
	server {
		listen ` + at + ` ssl http2;
		server_name ` + site + `;
		ssl_certificate ` + s.pem(site) + `;
		ssl_certificate_key ` + s.pem(site) + `;
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
		ssl_session_cache shared:SSL:10m;
		http2_max_concurrent_streams 100;
		location / {
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_buffers 16 64k;
			proxy_buffer_size 64k;
			proxy_busy_buffers_size 128k;
			proxy_max_temp_file_size 0;
			proxy_request_buffering off;
		}
		location = /socket {
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_set_header Connection $upgrade;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_buffer_size 4k;
			proxy_read_timeout 1h;
		}
	}
}
`
}

func haproxy(s *stage, c *contender) (*exec.Cmd, error) {
	return s.haproxy(c.at, s.pem(site))
}

// haproxy has it serve with a certificate, or all of a folder.
func (s *stage) haproxy(at, pem string, options ...string) (*exec.Cmd, error) {
	file := s.path("haproxy.cfg")
	if err := os.WriteFile(file, []byte(`global
	nbthread 2
	ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
	tune.ssl.default-dh-param 2048
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout tunnel 1h
	option forwardfor
frontend https
	bind `+at+` ssl crt `+pem+` alpn h2,http/1.1
	http-request set-header X-Forwarded-Proto https
	default_backend app
backend app
	http-reuse always
	server app `+s.app+`
`), 0o600); err != nil {
		return nil, err
	}
	return run("haproxy", append(options, "-db", "-q", "-f", file)...)
}

func theCaddy(program string) func(*stage, *contender) (*exec.Cmd, error) {
	return func(s *stage, c *contender) (*exec.Cmd, error) {
		host, port, _ := net.SplitHostPort(c.at)
		text := fmt.Sprintf("{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tdefault_bind %s\n\thttps_port %s\n}\n%s {\n\ttls %s %s\n\treverse_proxy %s\n}\n",
			host, port, site, s.pem(site), s.pem(site), s.app)
		if err := os.WriteFile(s.path("Caddyfile"), []byte(text), 0o600); err != nil {
			return nil, err
		}
		return run(program, "run", "--adapter", "caddyfile", "--config", s.path("Caddyfile"))
	}
}

// measure puts a load on the contender, and returns the microseconds of the processor that a request cost it.
func (c *contender) measure(ctx context.Context, s *stage, w workload, load time.Duration) (float64, error) {
	if _, err := w.load(ctx, s, c.at, load/4); err != nil { // connections to the application, memory, caches
		return 0, err
	}
	before, err := used(c.process.Process.Pid)
	if err != nil {
		return 0, err
	}
	requests, err := w.load(ctx, s, c.at, load)
	if err != nil {
		return 0, err
	}
	after, err := used(c.process.Process.Pid)
	if err != nil {
		return 0, err
	}
	if requests == 0 {
		return 0, errors.New("no request was answered")
	}
	return float64((after - before).Microseconds()) / float64(requests), nil
}
