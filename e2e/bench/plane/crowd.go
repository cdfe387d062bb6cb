package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// crowd are many sites, each with a certificate of its own.
type crowd struct {
	*stage
	names     []string
	authority *cert.Authority
	store     host.Host
}

// crowds are made once.
var crowds = map[int]*crowd{}

func crowdOf(s *stage, n int) (*crowd, error) {
	if c := crowds[n]; c != nil {
		return c, nil
	}
	own, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return nil, err
	}
	c := &crowd{stage: s}
	for i := range n {
		c.names = append(c.names, fmt.Sprintf("site%05d.example.com", i))
	}
	if c.authority, err = cert.NewAuthority(own, "crowd", []steps.Domain{"example.com"}, time.Now()); err != nil {
		return nil, err
	}
	for _, dir := range []string{steps.SitesDir, steps.CertsDir, steps.Webroot, "/pem"} {
		if err := os.MkdirAll(c.dir()+dir, 0o755); err != nil { //nolint:gosec // the workers of nginx have another user
			return nil, err
		}
	}
	c.store = host.New(c.dir())
	for _, name := range c.names {
		if err := errors.Join(c.certify(name), c.site(name)); err != nil {
			return nil, err
		}
	}
	crowds[n] = c
	return c, nil
}

func (c *crowd) dir() string { return c.path(fmt.Sprintf("crowd%d", len(c.names))) }

// certify gives a site its next certificate, as each contender reads it.
func (c *crowd) certify(name string) error {
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return err
	}
	chain, err := c.issue(key, name)
	if err != nil {
		return err
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return err
	}
	version, err := cert.Add(c.store, name, cert.Version{Key: text, Chain: cert.EncodeChain(chain), Meta: cert.Meta{Source: cert.SourceLocal}})
	if err != nil {
		return err
	}
	both := append(cert.EncodeChain(chain), text...)
	return errors.Join(cert.Switch(c.store, name, version), os.WriteFile(c.dir()+"/pem/"+name+".pem", both, 0o600))
}

func (c *crowd) issue(key crypto.Signer, name string) ([]*x509.Certificate, error) {
	return c.authority.Issue(key.Public(), []steps.Domain{steps.Domain(name)}, 30, time.Now())
}

func (c *crowd) site(name string) error {
	a := steps.Defaults()
	a.Certs.Domains, a.Trusted.Source, a.Install.Executor = []string{name}, steps.SourceNone, steps.ExecutorNative
	a.Proxy.Upstream, a.Proxy.MaxBody, a.Proxy.AccessLog = "http://"+c.app, "0", steps.LogOff
	one, problems := a.Site()
	if len(problems) > 0 {
		return fmt.Errorf("the site is wrong: %v", problems)
	}
	return c.store.WriteFile(steps.SiteFile(one.Name), host.File{Data: steps.Print(one), Mode: 0o644})
}

// command is that of a contender for the crowd, and the signal that has it read everything anew; nil: it cannot be had.
func (c *crowd) command(name string) (func(*stage, *contender) (*exec.Cmd, error), syscall.Signal) {
	switch engine, ours := strings.CutPrefix(name, "sslwizard, "); {
	case ours:
		return nativeAt(c.dir(), engine), syscall.SIGHUP
	case name == reference:
		return c.nginx, syscall.SIGHUP
	case name == "HAProxy":
		return c.haproxy, syscall.SIGUSR2
	}
	return nil, 0
}

func (c *crowd) nginx(s *stage, at *contender) (*exec.Cmd, error) {
	var servers strings.Builder
	for _, name := range c.names {
		pem := c.dir() + "/pem/" + name + ".pem"
		fmt.Fprintf(&servers, "\tserver { listen %s ssl http2; server_name %s; ssl_certificate %s; ssl_certificate_key %s; location / { proxy_pass http://%s; } }\n",
			at.at, name, pem, pem, c.app)
	}
	return s.nginx("crowd.conf", "worker_processes 2;\ndaemon off;\npid "+s.path("crowd.pid")+";\nevents { worker_connections 4096; }\nhttp {\n\taccess_log off;\n"+
		"\tserver_names_hash_max_size 65536;\n\tserver_names_hash_bucket_size 128;\n\tssl_protocols TLSv1.2 TLSv1.3;\n\tssl_session_cache shared:SSL:10m;\n"+
		"\tproxy_temp_path "+s.path("proxy")+";\n\tclient_body_temp_path "+s.path("body")+";\n"+servers.String()+"}\n")
}

func (c *crowd) haproxy(s *stage, at *contender) (*exec.Cmd, error) {
	text := haproxyText(s, at.at, c.dir()+"/pem/")
	if err := os.WriteFile(s.path("crowd.cfg"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	return run("haproxy", "-W", "-db", "-q", "-f", s.path("crowd.cfg"))
}

// thousand starts a contender for a thousand sites, and has it reload.
func thousand(ctx context.Context, s *stage, c *contender) ([]float64, error) {
	all, err := crowdOf(s, 1000)
	if err != nil {
		return nil, err
	}
	command, reload := all.command(c.name)
	if command == nil {
		return []float64{none, none, none}, nil
	}
	last := all.names[len(all.names)-1]
	one, started, err := startedBy(ctx, s, c.name, command, last)
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
	if err := all.certify(last); err != nil {
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
			return nil, fmt.Errorf("%s does not take a new certificate: %w", c.name, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// serial is the number of the certificate that a contender has for a name.
func (c *contender) serial(ctx context.Context, name string) (string, error) {
	config := clientConfig()
	config.ServerName = name
	conn, err := dial(ctx, c.at, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}
