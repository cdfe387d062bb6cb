//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// others are three sites that were on the server before: one in the clear, two with certificates of their own, and behind one
// of these an application with a WebSocket.
const others = `
server { listen 80; listen [::]:80; server_name blog.example.com; root /var/www/blog; }
server {
	listen 443 ssl; listen [::]:443 ssl; server_name mail.example.com; root /var/www/blog;
	ssl_certificate /root/mail.pem; ssl_certificate_key /root/mail.key;
}
server {
	listen 443 ssl; listen [::]:443 ssl; server_name docs.example.com;
	ssl_certificate /root/docs.pem; ssl_certificate_key /root/docs.key;
	location / {
		proxy_pass http://127.0.0.1:3001; proxy_http_version 1.1; proxy_read_timeout 1h;
		proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
	}
}
`

// zone has nginx refuse a reload when its key is changed, and only then; nginx -t is content.
const zone, zoneFile = "limit_req_zone $%s zone=visitors:1m rate=10r/s;\n", "/etc/nginx/conf.d/zone.conf"

// TestOtherSites: the sites that were there answer, each with its own certificate, while another comes, fails, is renewed, undone
// and removed; an open WebSocket of one of them stays open (P11).
func TestOtherSites(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie", world.With(application("docs", "--listen 127.0.0.1:3001")))
	st.s.Install("nginx")
	roots := st.others()
	flags := []string{"--ca", roots, "--for", "20m", "--pause", "20ms"}
	lasts, rounds := time.Duration(0), 0
	if *full {
		lasts, flags[5] = 5*time.Minute, "1ms"
	}
	st.answer("nginx")
	load := st.c.LoadWith(flags, "http://blog.example.com/", "https://mail.example.com/", "https://docs.example.com/a", "wss://docs.example.com/chat")
	for began := time.Now(); rounds == 0 || time.Since(began) < lasts && !t.Failed(); rounds++ {
		st.lifeBeside()
	}
	tally := load.StopClean()
	t.Logf("%d rounds: %d requests, %d failed; %d messages, %d sockets closed", rounds, tally.Requests, tally.Failed, tally.Sockets, tally.Closed)
	if tally.Closed > 0 {
		t.Errorf("%d open WebSockets were closed", tally.Closed)
	}
	if *full && *update && !t.Failed() {
		const command = "go test -tags e2e -timeout 30m -run 'TestOtherSites$' ./e2e/scenario -full -update"
		promises.Record(t,
			promises.Figure{Promise: 11, What: "requests to three sites of an nginx, two of them with certificates of their own", Target: "≥ 200,000", Measured: promises.Count(tally.Requests), Command: command},
			promises.Figure{Promise: 11, What: "of them failed, or answered with another certificate", Target: "0", Measured: promises.Count(tally.Failed), Command: command},
			promises.Figure{Promise: 11, What: "rounds of install, failed install, change, renewal, undo and uninstall meanwhile", Target: "", Measured: promises.Count(rounds), Command: command},
			promises.Figure{Promise: 11, What: "WebSockets that were closed", Target: "0", Measured: fmt.Sprintf("%d; %s messages", tally.Closed, promises.Count(tally.Sockets)), Command: command})
	}
}

// others makes the sites, and returns the roots that their certificates are signed by.
func (st *story) others() string {
	st.Helper()
	for _, name := range []string{"blog", "mail", "docs"} {
		st.w.CA.Name(name+".example.com", st.s.Addr4(), st.s.Addr6())
	}
	var pem string
	for _, name := range []string{"mail", "docs"} {
		own(st, "/root/"+name, name+".example.com")
		pem += st.s.Read("/root/" + name + "-ca.pem")
	}
	st.s.Write("/var/www/blog/index.html", "the blog\n", 0o644)
	st.s.Write(zoneFile, fmt.Sprintf(zone, "binary_remote_addr"), 0o644)
	st.s.Write("/etc/nginx/sites-enabled/others", others, 0o644)
	st.s.Must("nginx", "-t")
	st.reloadNginx()
	root, err := os.ReadFile(st.w.CA.Root())
	if err != nil {
		st.Fatal(err)
	}
	return st.w.Scratch(pem + string(root))
}

// lifeBeside is a whole life of a site beside the others.
func (st *story) lifeBeside() {
	st.Helper()
	before := st.s.Manifest()
	st.s.Write(zoneFile, fmt.Sprintf(zone, "server_name"), 0o644)
	st.ends(st.apply(), 4, "N05", "visitors", "everything was undone")
	st.s.Write(zoneFile, fmt.Sprintf(zone, "binary_remote_addr"), 0o644)
	st.must(st.apply())
	st.live()
	st.must(st.sslwizard("renew", "--force", shop))
	st.answer("nginx", `"http://127.0.0.1:3000"`, `"http://127.0.0.1:3000", timeout: 90s`)
	st.must(st.apply())
	st.ends(st.sslwizard("undo"), 0, "Undone: ")
	st.answer("nginx")
	st.ends(st.sslwizard("uninstall"), 0)
	st.restored(before)
}
