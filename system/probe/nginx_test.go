package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// nginxConfig is a right site of nginx 1.22, by hand: the probe has to find nothing wrong with it.
const nginxConfig = `daemon off; master_process off; pid DIR/pid; error_log stderr crit;
events {}
http {
  access_log off; client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  map $http_upgrade $up { default upgrade; '' ''; }
  # Before nginx 1.29.2 the version is chosen before the name is read: ssl_protocols of the default server count for all.
  server { listen TLS ssl http2 default_server; ssl_reject_handshake on; ssl_protocols PROTOCOLS; }
  server { listen PLAIN; server_name shop.test;
    location ^~ /.well-known/acme-challenge/ { root DIR; }
    location / { return 301 https://shop.test$request_uri; } }
  server { listen TLS ssl http2; server_name shop.test;
    ssl_certificate CERT; ssl_certificate_key KEY; ssl_protocols PROTOCOLS; ssl_ciphers SUITES; ssl_prefer_server_ciphers off;
    location / { proxy_pass http://UPSTREAM; proxy_http_version 1.1;
      proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port "";
      proxy_set_header Forwarded ""; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $up; } }
}`

// TestNginx wants a real nginx that is set up right to pass every check, in both profiles.
func TestNginx(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // not in the PATH of everybody
	}
	if err != nil {
		t.Skip("nginx is not installed: only Go's own servers are probed")
	}
	for profile, protocols := range map[steps.Profile]string{steps.Intermediate: "TLSv1.2 TLSv1.3", steps.Modern: "TLSv1.3"} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			target := newGoodSite(t, profile).target
			key := newKeyPair(t)
			certFile, keyFile := writePair(t, key)
			tlsAt, plainAt := closedPort(t), closedPort(t)
			startNginx(t, program, tlsAt, strings.NewReplacer("DIR", t.TempDir(), "CERT", certFile, "KEY", keyFile, "PROTOCOLS", protocols,
				"SUITES", strings.ReplaceAll(names(guidelineSuites), ", ", ":"), "TLS ", tlsAt.String()+" ", "PLAIN", plainAt.String(),
				"UPSTREAM", net.JoinHostPort(target.Upstream.Host, fmt.Sprint(target.Upstream.Port))).Replace(nginxConfig))
			target.Addresses, target.HTTPAddresses = []netip.AddrPort{tlsAt}, []netip.AddrPort{plainAt}
			target.ExpectLeaf, target.Trusted, target.Roots, target.Idle = "", false, nil, 100*time.Millisecond
			report := run(t, target)
			for _, c := range report.Checks {
				if c.Verdict != steps.OK {
					t.Errorf("%s %s is %s: %s (%s)", c.Step, c.Name, c.Verdict, c.Detail, c.Code)
				}
			}
			t.Logf("took %s\n%s", report.Took, text(report))
		})
	}
}

// startNginx runs nginx until the test ends, and returns when it takes connections.
func startNginx(t *testing.T, program string, at netip.AddrPort, config string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var said strings.Builder
	cmd := exec.CommandContext(ctx, program, "-e", "stderr", "-c", file)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if c, err := net.Dial("tcp", at.String()); err == nil {
			_ = c.Close()
			return
		}
		<-tick.C
	}
	cancel()
	_ = cmd.Wait()
	t.Fatalf("nginx does not listen: %s", said.String())
}
