package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// crowd are many sites, each with a certificate of its own.
type crowd struct {
	*store
	names []string
}

// crowd stores so many, once.
func (s *stage) crowd(n int) (*crowd, error) {
	if c := s.crowds[n]; c != nil {
		return c, nil
	}
	st, err := newStore(s.path(fmt.Sprint("crowd", n)), "example.com")
	if err != nil {
		return nil, err
	}
	c := &crowd{store: st}
	for i := range n {
		name := fmt.Sprintf("site%04d.example.com", i)
		if err := errors.Join(c.certify(name), c.add(name, s.app)); err != nil {
			return nil, err
		}
		c.names = append(c.names, name)
	}
	s.crowds[n] = c
	return c, nil
}

// command is that of a contender for the crowd, and the signal that has it read everything anew; nil: it cannot be had.
func (c *crowd) command(name string) (func(*stage, *contender) (*exec.Cmd, error), syscall.Signal) {
	switch engine, ours := strings.CutPrefix(name, "sslwizard, "); {
	case ours:
		return func(s *stage, one *contender) (*exec.Cmd, error) { return s.native(c.store, one.at, engine) }, syscall.SIGHUP
	case name == reference:
		return c.nginx, syscall.SIGHUP
	case name == "HAProxy" && len(c.names) > 1000: // it does not answer after three minutes
	case name == "HAProxy":
		return func(s *stage, one *contender) (*exec.Cmd, error) { return s.haproxy(one.at, c.pem(""), "-W") }, syscall.SIGUSR2
	}
	return nil, 0
}

func (c *crowd) nginx(s *stage, one *contender) (*exec.Cmd, error) {
	var servers strings.Builder
	for _, name := range c.names {
		fmt.Fprintf(&servers, "\tserver { listen %s ssl http2; server_name %s; ssl_certificate %s; ssl_certificate_key %s; location / { proxy_pass http://%s; } }\n",
			one.at, name, c.pem(name), c.pem(name), s.app)
	}
	return s.nginx("crowd.conf", `worker_processes 2;
daemon off;
pid `+s.path("crowd.pid")+`;
events { worker_connections 4096; }
http {
	access_log off;
	server_names_hash_max_size 65536;
	server_names_hash_bucket_size 128;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_session_cache shared:SSL:10m;
	proxy_temp_path `+s.path("proxy")+`;
	client_body_temp_path `+s.path("body")+`;
`+servers.String()+`}
`)
}

// sites starts a contender for so many sites, and has it reload.
func sites(n int) func(context.Context, *stage, *contender) ([]float64, error) {
	return func(ctx context.Context, s *stage, c *contender) ([]float64, error) {
		all, err := s.crowd(n)
		if err != nil {
			return nil, err
		}
		return all.measure(ctx, s, c)
	}
}

// measure is when the last of them answers, when it has a new certificate, and the memory in between.
func (c *crowd) measure(ctx context.Context, s *stage, of *contender) ([]float64, error) {
	command, reload := c.command(of.name)
	if command == nil {
		return []float64{none, none, none}, nil
	}
	last := c.names[len(c.names)-1]
	one := of.another(command)
	started, err := one.start(ctx, s, last)
	if err != nil {
		return nil, err
	}
	defer one.stop()
	time.Sleep(time.Second)
	memory := float64(resident(one.process.Process.Pid)) / 1024
	before, err := one.serial(ctx, last)
	if err != nil {
		return nil, err
	}
	if err := c.certify(last); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := one.process.Process.Signal(reload); err != nil {
		return nil, err
	}
	for {
		now, err := one.serial(ctx, last)
		if err == nil && now != before {
			return []float64{started.Seconds(), time.Since(began).Seconds(), memory}, nil
		}
		if time.Since(began) > patience {
			return nil, fmt.Errorf("%s does not take a new certificate: %w", of.name, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// serial is the number of the certificate that a contender has for a name.
func (c *contender) serial(ctx context.Context, name string) (string, error) {
	conn, err := dial(ctx, c.at, clientConfig(name), nil)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}
