package main

import (
	"os"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

const (
	name    = "shop.example.com"
	answers = "/root/answers.yaml"
)

// contender is one way to HTTPS: what a person would have written or downloaded before, and the commands they give.
type contender struct {
	name     string
	prepare  func(*world.Server)
	commands [][]string
	results  []result
}

func contenders(caddy string) []contender {
	all := []contender{sslwizard("native"), sslwizard("nginx"), certbot()}
	if caddy != "" {
		all = append(all, theCaddy(caddy))
	}
	return all
}

// fresh boots a server with the application on port 3000 and a name that leads to it.
func fresh(w *world.World, suite string) *world.Server {
	s := w.Boot(suite, world.With(func(s *world.Server) {
		s.Put("/opt/app", world.Program("app"), 0o755)
		s.Write("/etc/systemd/system/app.service", "[Service]\nExecStart=/opt/app\n", 0o644)
		s.Link("/etc/systemd/system/multi-user.target.wants/app.service", "../app.service")
		var roots []byte
		for _, file := range []string{w.CA.DirectoryRoot(), w.CA.Root()} {
			pem, _ := os.ReadFile(file)
			roots = append(roots, pem...)
		}
		s.Write("/root/ca.pem", string(roots), 0o644)
	}))
	w.CA.Name(name, s.Addr4(), s.Addr6())
	return s
}

func sslwizard(executor string) contender {
	return contender{
		name: "sslwizard, " + executor + map[string]string{"nginx": " (package install included)"}[executor],
		prepare: func(s *world.Server) {
			s.Write(answers, `apiVersion: sslwizard/v1
kind: Answers
install: {executor: `+executor+`}
certs: {domains: [`+name+`]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted: {directory: "`+world.Directory+`", caRoots: /root/ca.pem, email: ops@example.com, acceptTerms: true}
`, 0o644)
		},
		commands: [][]string{{"/root/sslwizard", "--non-interactive", answers}},
	}
}

// certbot needs a site in nginx to work on, which a person writes by hand; that is prepared and not counted.
func certbot() contender {
	install := append([]string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0",
		"--no-install-recommends", "install"}, "nginx", "certbot", "python3-certbot-nginx")
	return contender{
		name: "certbot --nginx (package install included, site written by hand)",
		prepare: func(s *world.Server) {
			s.Write("/root/shop.conf", `server {
	listen 80;
	listen [::]:80;
	server_name `+name+`;
	location / {
		proxy_pass http://127.0.0.1:3000;
		proxy_http_version 1.1;
		proxy_set_header Host $host;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection "upgrade";
	}
}
`, 0o644)
		},
		commands: [][]string{
			install,
			{"cp", "/root/shop.conf", "/etc/nginx/conf.d/shop.conf"},
			{"systemctl", "reload", "nginx"},
			{"env", "REQUESTS_CA_BUNDLE=/root/ca.pem", "certbot", "--nginx", "--non-interactive", "--agree-tos", "--redirect",
				"--server", world.Directory, "--email", "ops@example.com", "--no-eff-email", "--domain", name},
		},
	}
}

func theCaddy(program string) contender {
	return contender{
		name: "Caddy (the binary and its Caddyfile are there)",
		prepare: func(s *world.Server) {
			s.Put("/usr/local/bin/caddy", program, 0o755)
			s.Write("/etc/caddy/Caddyfile", "{\n\tacme_ca "+world.Directory+"\n\tacme_ca_root /root/ca.pem\n\temail ops@example.com\n}\n"+
				name+" {\n\treverse_proxy 127.0.0.1:3000\n}\n", 0o644)
		},
		commands: [][]string{{"systemd-run", "--quiet", "--unit=caddy", "--setenv=HOME=/root", "/usr/local/bin/caddy", "run",
			"--config", "/etc/caddy/Caddyfile"}},
	}
}
