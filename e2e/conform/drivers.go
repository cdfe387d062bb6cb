package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// engine is what serves HTTP/1 in our own.
var engine = proxy.EngineStd

// configureNative stores the sites as the installer does; the service reads them itself.
func configureNative(s *stage, dir string, f *front) ([]string, error) {
	sites := filepath.Join(dir, "sites")
	if err := os.Mkdir(sites, 0o755); err != nil {
		return nil, err
	}
	for _, p := range s.places {
		if err := os.WriteFile(filepath.Join(sites, p.name()+".yaml"), []byte(p.answers(steps.ExecutorNative)), 0o644); err != nil {
			return nil, err
		}
	}
	return []string{f.program, "serve", "--http", f.http, "--https", f.https, "--sites", sites, "--certs", s.certs,
		"--webroot", s.webroot, "--control", filepath.Join(dir, "control"), "--engine", engine}, nil
}

// configureNginx takes the files that our executor plans, word for word but for what a test has to move: addresses and
// the folders of certificates and tokens.
func configureNginx(s *stage, dir string, f *front) ([]string, error) {
	sites, err := s.sites(steps.ExecutorNginx)
	if err != nil {
		return nil, err
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(f.version, "nginx version: "), " ")
	facts := steps.Facts{Services: "systemd"}
	facts.Nginx.Installed, facts.Nginx.Include = true, dir
	facts.Nginx.Version, facts.Nginx.Caps = number, nginx.CapsOf(number)
	stages, err := nginx.Executor{}.Changes(sites, facts)
	if err != nil {
		return nil, err
	}
	for _, c := range stages.Serve {
		file, ok := c.(steps.WriteFile)
		if !ok {
			continue
		}
		tree, err := conf.Parse(file.Content)
		if err != nil {
			return nil, err
		}
		text, err := conf.Print(s.moved(tree, f))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file.Path, text, 0o644); err != nil {
			return nil, err
		}
	}
	return nginxCommand(dir, conf.D("include", dir+"/*.conf"))
}

// moved is the configuration on the addresses and folders of the stage.
func (s *stage) moved(tree []conf.Directive, f *front) []conf.Directive {
	var out []conf.Directive
	for _, d := range tree {
		switch d.Name {
		case "listen":
			_, port, _ := net.SplitHostPort(d.Args[0])
			if port == "443" || d.Args[0] == "443" {
				d.Args = append([]string{f.https}, d.Args[1:]...)
			} else {
				d.Args = append([]string{f.http}, d.Args[1:]...)
			}
		case "ssl_certificate", "ssl_certificate_key":
			d.Args = []string{strings.Replace(d.Args[0], steps.CertsDir, s.certs, 1)}
		case "root":
			d.Args = []string{strings.Replace(d.Args[0], steps.Webroot, s.webroot, 1)}
		}
		if d.Block != nil {
			d.Block = append([]conf.Directive{}, s.moved(d.Block, f)...)
		}
		out = append(out, d)
	}
	return out
}

// nginxCommand writes the main file around what is served and returns the command that runs it.
func nginxCommand(dir string, serve ...conf.Directive) ([]string, error) {
	http := []conf.Directive{conf.D("access_log", "off")}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		http = append(http, conf.D(kind+"_temp_path", filepath.Join(dir, kind)))
	}
	main := filepath.Join(dir, "nginx.main")
	text, err := conf.Print([]conf.Directive{
		conf.D("daemon", "off"), conf.D("worker_processes", "1"), conf.D("pid", filepath.Join(dir, "nginx.pid")),
		conf.D("error_log", filepath.Join(dir, "error.log")),
		conf.B("events", nil, conf.D("worker_connections", "512")),
		conf.B("http", nil, append(http, serve...)...),
	})
	if err != nil {
		return nil, err
	}
	return []string{"nginx", "-p", dir + "/", "-e", filepath.Join(dir, "error.log"), "-c", main}, os.WriteFile(main, text, 0o644)
}

// configureCaddy is what its documentation says for a site with a certificate of one's own.
func configureCaddy(s *stage, dir string, f *front) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttp_port %s\n\thttps_port %s\n}\n", port(f.http), port(f.https))
	for _, p := range s.places {
		fmt.Fprintf(&b, "%s {\n\ttls %s %s\n\treverse_proxy %s\n}\n", strings.Join(p.names, ", "), s.chain(p), s.key(p), p.back.address)
	}
	file := filepath.Join(dir, "Caddyfile")
	return []string{f.program, "run", "--adapter", "caddyfile", "--config", file}, os.WriteFile(file, []byte(b.String()), 0o644)
}

// configureHAProxy is what its documentation says for sites that are told apart by Host.
func configureHAProxy(s *stage, dir string, f *front) ([]string, error) {
	pairs := filepath.Join(dir, "pairs")
	if err := os.Mkdir(pairs, 0o755); err != nil {
		return nil, err
	}
	var uses, backs strings.Builder
	for i, p := range s.places {
		var pair []byte
		for _, file := range []string{s.chain(p), s.key(p)} {
			part, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			pair = append(pair, part...)
		}
		if err := os.WriteFile(filepath.Join(pairs, p.name()+".pem"), pair, 0o600); err != nil {
			return nil, err
		}
		for _, name := range p.names {
			match := "{ hdr(host) -i " + name + " }"
			if wild, ok := strings.CutPrefix(name, "*"); ok {
				match = "{ hdr_end(host) -i " + wild + " }"
			}
			fmt.Fprintf(&uses, "\tuse_backend b%d if %s\n", i, match)
		}
		fmt.Fprintf(&backs, "backend b%d\n\tserver app %s\n", i, p.back.address)
	}
	text := "defaults\n\tmode http\n\toption forwardfor\n\ttimeout connect 5s\n\ttimeout client 60s\n\ttimeout server 60s\n\ttimeout http-request 10s\n" +
		"frontend http\n\tbind " + f.http + "\n\thttp-request redirect scheme https code 301\n" +
		"frontend https\n\tbind " + f.https + " ssl crt " + pairs + " strict-sni alpn h2,http/1.1\n" +
		"\thttp-request set-header X-Forwarded-Proto https\n" + uses.String() + backs.String()
	file := filepath.Join(dir, "haproxy.cfg")
	return []string{f.program, "-db", "-f", file}, os.WriteFile(file, []byte(text), 0o644)
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
