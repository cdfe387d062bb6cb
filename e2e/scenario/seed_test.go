//go:build e2e

package scenario

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// seedSite asks for what the document does by hand in its steps 1 to 6: nginx, RSA 2048, 365 days, a DH group, a
// redirect, a proxy with a read time-out, WebSockets.
const seedSite = `apiVersion: sslwizard/v1
kind: Answers
install: {executor: nginx, firewall: true}
certs: {domains: [shop.example.com, www.shop.example.com], key: rsa-2048, days: 365, dhGroup: ffdhe2048}
redirect: {enabled: true, status: 301}
proxy: {upstream: "http://127.0.0.1:3000", timeout: 2s}
websockets: {enabled: true, paths: [/]}
trusted: {source: none}
`

// TestSeed_Local keeps every line of steps 1 to 6 of the document (seed.txt), with its mistakes corrected.
func TestSeed_Local(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.raise(walls[3])
	st.s.Write(answers, seedSite, 0o644)
	st.must(st.apply())
	root := st.s.Copy(kept + "/ca/ca.pem")
	defer os.Remove(root)
	curl := func(args ...string) string {
		t.Helper()
		r := st.c.Exec(append([]string{"curl", "--silent", "--show-error", "--max-time", "10", "--cacert", root}, args...)...)
		if r.Status != 0 {
			t.Errorf("%s", r)
		}
		return r.Stdout
	}
	line := func(name string, test func(*story)) {
		t.Run(name, func(t *testing.T) {
			part := *st
			part.T = t
			test(&part)
		})
	}
	line("install nginx", func(st *story) {
		st.says("install ok installed", "dpkg-query", "-W", "-f", "${Status}", "nginx")
	})
	line("start", func(st *story) { st.says("active", "systemctl", "is-active", "nginx") })
	line("status", func(st *story) { st.ends(st.sslwizard("status"), 0, "nginx.service: runs, starts at boot", shop) })
	line("enable at boot", func(st *story) { st.says("enabled", "systemctl", "is-enabled", "nginx") })
	line("open ports 80 and 443", func(st *story) {
		st.reachable(true, 80, 443)
		st.says("--dport 443", "iptables", "-S", "INPUT")
		st.says("--dport 443", "ip6tables", "-S", "INPUT")                                        // the document forgot IPv6,
		st.says("--dport 443", "grep", "443", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6") // and the next restart
	})
	line("key directory with safe modes", func(st *story) {
		st.says("700 root root", "stat", "-c", "%a %U %G", kept+"/ca")
		for _, key := range []string{kept + "/certs/" + shop + "/current/key.pem", kept + "/ca/ca.key"} {
			if mode := st.s.Must("stat", "-L", "-c", "%a", key); mode != "600\n" && mode != "640\n" {
				st.Errorf("%s has mode %s", key, mode)
			}
		}
		st.ends(st.s.Exec("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "cat", kept+"/certs/"+shop+"/current/key.pem"), 1, "denied")
	})
	line("self-signed key and certificate, RSA 2048, 365 days", func(st *story) {
		text := st.leaf(root)
		for _, want := range []string{"Public-Key: (2048 bit)", "DNS:" + shop, "DNS:" + www, "CA:FALSE", "TLS Web Server Authentication"} {
			if !strings.Contains(text, want) {
				st.Errorf("the certificate has no %q:\n%s", want, text)
			}
		}
		if days := st.lifetime(root).Round(24*time.Hour) / (24 * time.Hour); days != 365 {
			st.Errorf("the certificate is good for %d days", days)
		}
	})
	line("DH group", func(st *story) {
		st.says("ssl_dhparam", "nginx", "-T")
		r := st.c.Exec("openssl", "s_client", "-connect", st.s.Addr4().String()+":443", "-servername", shop, "-CAfile", root, "-tls1_2", "-cipher", "DHE")
		st.ends(r, 0, "Server Temp Key: DH, 2048 bits")
	})
	line("ssl site", func(st *story) {
		if body := curl("--http2", "--write-out", "%{http_version}", "https://"+shop+"/"); !strings.HasSuffix(body, "2") {
			st.Errorf("no HTTP/2: %s", body)
		}
		r := st.c.Exec("curl", "--silent", "--cacert", root, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "https://"+shop+"/")
		if r.Status == 0 {
			st.Errorf("TLS 1.1 is spoken: %s", r)
		}
	})
	line("redirect of all HTTP", func(st *story) {
		for _, name := range []string{shop, www} {
			for _, path := range []string{"/a?b=1", "/", "/x//y/%2e?q=a%20b&c", "/login"} {
				if status, target := st.c.Redirects("http://" + name + path); status != "301" || target != "https://"+name+path {
					st.Errorf("http://%s%s: %s to %q", name, path, status, target)
				}
			}
		}
	})
	line("reverse proxy with its headers", func(st *story) {
		var answer struct {
			Host    string
			Headers http.Header
		}
		body := curl("-4", "-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Real-IP: 6.6.6.6", "-H", "X-Forwarded-Proto: gopher", "https://"+shop+"/")
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			st.Fatalf("%v: %s", err, body)
		}
		for header, want := range map[string]string{"X-Real-Ip": "203.0.113.3", "X-Forwarded-For": "203.0.113.3",
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": shop} {
			if got := strings.Join(answer.Headers[header], " and "); got != want {
				st.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		if answer.Host != shop {
			st.Errorf("Host is %q", answer.Host)
		}
	})
	line("read time-out", func(st *story) {
		if got := curl("--output", "/dev/null", "--write-out", "%{http_code}", "https://"+shop+"/.echo/wait/5s"); got != "504" {
			st.Errorf("an application that is silent for 5 s gives %s, want 504 after 2 s", got)
		}
	})
	line("upgrade support", func(st *story) {
		r := st.c.Exec(st.c.Program("wss", "--ca", root, "--hold", "4s", "wss://"+shop+"/chat")...)
		st.ends(r, 0, "echoed") // 4 s of silence: the time-out of plain requests is not that of a WebSocket
	})
}

// TestSeed_Trusted keeps step 7 of the document: a certificate by webroot with e-mail, agreed terms and two names, and
// a reload to reflect it; nothing is written over, and no restart.
func TestSeed_Trusted(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Write(answers, strings.NewReplacer("key: rsa-2048, days: 365, dhGroup: ffdhe2048", "key: ecdsa-p256", "timeout: 2s", "timeout: 90s").
		Replace(seedSite), 0o644)
	st.must(st.apply())
	nginx := st.s.Must("systemctl", "show", "-p", "MainPID,ActiveEnterTimestampMonotonic", "nginx")
	st.answer("nginx")
	st.ends(st.sslwizard("--dry-run", answers), 0, "acme.test")
	st.must(st.apply())
	st.live()
	if now := st.s.Must("systemctl", "show", "-p", "MainPID,ActiveEnterTimestampMonotonic", "nginx"); now != nginx {
		t.Errorf("nginx was restarted, not reloaded: %s, was %s", now, nginx)
	}
	if text := st.s.Must("grep", "-r", "ops@example.com", kept+"/acme"); text == "" {
		t.Error("the account has no e-mail address")
	}
	if log := st.w.CA.Log(); !strings.Contains(log, ".well-known/acme-challenge") && !strings.Contains(log, "http-01") {
		t.Errorf("the CA did not look for the proof under the webroot:\n%s", log)
	}
	st.says("sslwizard-renew.timer", "systemctl", "list-timers", "--all")
	// Let's Encrypt is rehearsed with its staging directory first; without it there is nobody here, so only shown.
	st.answer("nginx", "  directory: https://acme.test:14000/dir\n  caRoots: /root/ca.pem\n", "  directory: letsencrypt\n")
	st.ends(st.sslwizard("--dry-run", answers), 0, "staging")
}

// says checks that a command of the server prints a text.
func (st *story) says(want string, argv ...string) {
	st.Helper()
	if r := st.s.Exec(argv...); !strings.Contains(r.Stdout, want) {
		st.Errorf("want %q: %s", want, r)
	}
}

// leaf is the certificate that the client is shown, as text; root is the file to trust.
func (st *story) leaf(root string, show ...string) string {
	st.Helper()
	r := st.c.Exec("openssl", "s_client", "-connect", st.s.Addr4().String()+":443", "-servername", shop, "-CAfile", root, "-verify_return_error")
	st.ends(r, 0, "Verify return code: 0")
	file := st.w.Scratch(r.Stdout)
	if len(show) == 0 {
		show = []string{"-text"}
	}
	return st.c.Exec(append([]string{"openssl", "x509", "-noout", "-in", file}, show...)...).Stdout
}

func (st *story) lifetime(root string) time.Duration {
	st.Helper()
	times := map[string]time.Time{}
	for _, line := range strings.Split(st.leaf(root, "-dates"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		times[name], _ = time.Parse("Jan _2 15:04:05 2006 MST", value)
	}
	return times["notAfter"].Sub(times["notBefore"])
}
