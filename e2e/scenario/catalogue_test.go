//go:build e2e

package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// wrong is one row of the catalogue of failures on a server: how it comes to be there, what is typed, what comes of it, and how it
// is put right.
type wrong struct {
	row    string
	shell  string
	flag   string // a folder that is made immutable
	typed  []string
	status int
	right  string
}

// meet goes through each: the row's code is said, which the register (e2e/failures) writes down.
func (st *story) meet(rows []wrong) {
	st.Helper()
	for _, w := range rows {
		st.s.Must("sh", "-c", w.shell+"\ntrue")
		if w.flag != "" {
			st.s.Flag(w.flag, world.Immutable)
		}
		typed := w.typed
		if typed == nil {
			typed = []string{"--non-interactive", answers}
		}
		st.ends(st.sslwizard(typed...), w.status, w.row+":")
		if w.flag != "" {
			st.s.Flag(w.flag, 0)
		}
		st.s.Must("sh", "-ec", w.right)
	}
}

const ourConf = "/etc/nginx/conf.d/sslwizard-" + shop + ".conf"

// TestCatalogueBefore has what stands in the way of a set-up be there, one after the other.
func TestCatalogueBefore(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.answer("nginx")
	st.meet([]wrong{
		{row: "H12", shell: halfConfigured, status: 78, right: "dpkg --purge --force-all broken >/dev/null 2>&1"},
		{row: "H14", shell: "mkdir /root/apt; mv /etc/apt/sources.list* /root/apt/; mv /var/lib/apt/lists /root/apt/; mkdir -p /etc/apt/sources.list.d; echo 'deb http://192.0.2.1/debian bookworm main' >/etc/apt/sources.list",
			status: 4, right: "rm -rf /etc/apt/sources.list* /var/lib/apt/lists; mv /root/apt/sources.list* /etc/apt/; mv /root/apt/lists /var/lib/apt/"},
	})
	st.s.Install("nginx")
	st.meet([]wrong{
		{row: "N07", shell: "cp -p /etc/nginx/nginx.conf /root/; sed -i '/include.*\\(conf.d\\|sites-enabled\\)/d' /etc/nginx/nginx.conf; nginx -s reload", status: 1, right: "cp -p /root/nginx.conf /etc/nginx/; nginx -s reload"},
		{row: "N14", shell: "systemctl disable --quiet --now nginx; systemctl mask --quiet nginx", status: 1, right: "systemctl unmask --quiet nginx; systemctl enable --quiet --now nginx"},
		{row: "H18", shell: "chmod 777 /etc/nginx/conf.d", status: 1, right: "chmod 755 /etc/nginx/conf.d"},
		{row: "H20", shell: ":", flag: "/etc/nginx/conf.d", status: 1, right: ":"},
	})
	st.s.Must("sh", "-c", "echo 127.0.0.1 app.internal >>/etc/hosts")
	st.answer("nginx", "127.0.0.1:3000", "app.internal:3000")
	st.meet([]wrong{{row: "N11", shell: ":", typed: []string{"--dry-run", answers}, status: 0, right: ":"}})
}

// TestCatalogueAfter has what comes between two runs happen, and the records be damaged.
func TestCatalogueAfter(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Install("nginx")
	st.answer("nginx")
	st.must(st.apply())
	st.answer("nginx", `"http://127.0.0.1:3000"`, `"http://127.0.0.1:3000", timeout: 90s`)
	st.s.Must("cp", "-p", ourConf, "/root/ours")
	st.meet([]wrong{
		{row: "N13", shell: "echo '# mine' >>" + ourConf, status: 1, right: "cp -p /root/ours " + ourConf},
		{row: "N12", shell: "rm " + ourConf, status: 1, right: "cp -p /root/ours " + ourConf},
		{row: "H19", shell: "mv " + ourConf + " /root/theirs; ln -s /root/theirs " + ourConf, status: 1, right: "rm " + ourConf + "; cp -p /root/ours " + ourConf},
	})
	if r := st.must(st.apply()); strings.Contains(r.Text(), "R01:") { // the renewal is rehearsed after a change of the other steps, too
		st.Errorf("%s", r)
	}
	st.s.Must("cp", "-p", ourConf, "/root/later")
	st.answer("nginx", `"http://127.0.0.1:3000"`, `"http://127.0.0.1:3000", timeout: 80s`)
	st.meet([]wrong{
		{row: "N13", shell: "cp -p /root/ours " + ourConf, status: 1, right: "cp -p /root/later " + ourConf}, // an older state of it, as a backup has it
		{row: "N09", shell: ": >/run/nginx.pid", status: 4, right: "systemctl restart nginx"},
	})
	st.broken("grep -q 'read_timeout 80s' -r /etc/nginx/conf.d")
	st.ends(st.sslwizard("undo", "--unended"), 0, "H03:")
	st.must(st.apply())
	last := "/var/lib/sslwizard/done/" + strings.TrimSpace(st.s.Must("sh", "-c", "ls /var/lib/sslwizard/done | tail -n 1"))
	st.s.Must("cp", "-a", last, "/root/run")
	back := "rm -r " + last + "; cp -a /root/run " + last
	st.meet([]wrong{
		{row: "H05", shell: "truncate -s -20 " + last + "/manifest.json", typed: []string{"undo"}, status: 1, right: back},
		{row: "X07", shell: "for f in " + last + "/bk/*; do echo evil >$f; done", typed: []string{"undo"}, status: 5, right: ":"},
	})
}

// broken has a run killed when a condition of the shell comes true.
func (st *story) broken(when string) {
	st.Helper()
	killed := st.s.Background("bash", "-c", strings.Replace(freeze, "-STOP", "-KILL", 1), "kill", when)
	ended := st.s.Background("/root/sslwizard", "--non-interactive", answers)
	st.must(killed())
	ended()
}

// TestCatalogueStanding has what a plan tells although nothing stands in its way, and what is told of a server that was set up.
func TestCatalogueStanding(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	st.meet([]wrong{
		{row: "X02", shell: "sed 's/www.shop.example.com/bücher.example.com/' " + answers + " >/root/other.yaml", typed: []string{"--dry-run", "/root/other.yaml"}, status: 0, right: "rm /root/other.yaml"},
		{row: "H21", shell: "mkdir -p /etc/nginx/conf.d; echo '# Ansible managed' >/etc/nginx/conf.d/shop.conf", typed: []string{"--dry-run", answers}, status: 0, right: "rm -r /etc/nginx"},
	})
	st.own("expired", -80*24*time.Hour, -time.Hour)
	st.own("soon", -80*24*time.Hour, 5*24*time.Hour)
	st.must(st.apply())
	status, last := []string{"status"}, "/var/lib/sslwizard/done/"+strings.TrimSpace(st.s.Must("sh", "-c", "ls /var/lib/sslwizard/done | tail -n 1"))
	current := "/var/lib/sslwizard/certs/" + shop + "/current"
	st.meet([]wrong{
		{row: "R07", shell: "cd " + current + "; cp -p fullchain.pem key.pem /root/; cat /root/expired.pem >fullchain.pem; cat /root/expired.key >key.pem", typed: status, status: 0,
			right: "cp -p /root/fullchain.pem /root/key.pem " + current + "/"},
		{row: "H04", shell: "cp -a " + last + " /root/run; sed -i 's/\"version\": *1,/\"version\": 99,/' " + last + "/manifest.json", typed: []string{"undo"}, status: 1, right: "rm -r " + last + "; cp -a /root/run " + last},
		{row: "R01", shell: "systemctl disable --quiet --now sslwizard-renew.timer", typed: status, status: 0, right: "systemctl enable --quiet --now sslwizard-renew.timer"},
	})
	st.answer("native", `"http://127.0.0.1:3000"`, `"http://127.0.0.1:3000", timeout: 90s`)
	mended := "rm -r /etc/systemd/system/sslwizard-proxy.service.d; systemctl daemon-reload; systemctl reset-failed; systemctl restart sslwizard-proxy"
	st.meet([]wrong{
		{row: "N18", shell: brokenProxy, status: 4, right: ":"},
		{row: "N18", shell: "sleep 5", typed: status, status: 0, right: ":"},
		{row: "N18", shell: ":", typed: []string{"doctor", shop}, status: 3, right: mended},
	})
	st.live()
	st.s.Write(answers, strings.Replace(common[:strings.Index(common, "trusted:")], "EXECUTOR", "native", 1)+
		"trusted: {source: files, caRoots: /root/soon.pem, certificate: /root/soon.pem, key: /root/soon.key}\n", 0o644)
	st.must(st.apply())
	st.meet([]wrong{{row: "R10", shell: ":", typed: status, status: 0, right: ":"}})
}

// brokenProxy has the native proxy end whenever it is started.
const brokenProxy = `mkdir -p /etc/systemd/system/sslwizard-proxy.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >/etc/systemd/system/sslwizard-proxy.service.d/broken.conf
systemctl daemon-reload; systemctl restart sslwizard-proxy || :; sleep 4`

// own makes a certificate and a key of the user's, for a time that is told from now.
func (st *story) own(name string, from, to time.Duration) {
	st.Helper()
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("20060102150405Z") }
	st.s.Must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/root/"+name+".key", "-out", "/root/"+name+".pem",
		"-subj", "/CN="+shop, "-addext", "subjectAltName=DNS:"+shop+",DNS:"+www, "-addext", "basicConstraints=critical,CA:FALSE", "-not_before", at(from), "-not_after", at(to))
}
