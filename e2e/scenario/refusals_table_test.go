//go:build e2e

package scenario

import (
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// grounds are the servers, and what is found on them; see docs/refusals.md.
var grounds = []ground{
	{name: "a system that is not known", suite: "bookworm", rows: systems},
	{name: "a panel", suite: "trixie", rows: panels()},
	{name: "a port that is taken", suite: "bookworm", rows: takenPorts},
	{name: "Apache", suite: "trixie", make: func(st *story) { st.s.Install("apache2"); st.await(80) }, rows: []refusal{
		{name: "Apache has port 80", code: "N01", status: 1, says: []string{"apache2.service", "package apache2", "ProxyPass"}},
		{name: "Apache has port 80, and nginx is asked for", executor: nginx, code: "N01", status: 1, says: []string{"apache2.service"}},
	}},
	{name: "a disk", suite: "trixie", rows: disks},
	{name: "names that are ours", suite: "bookworm", rows: ourNames},
	{name: "an nginx", suite: "bookworm", make: func(st *story) { st.s.Install("nginx") }, rows: nginxes},
	{name: "a site of ours", suite: "trixie", make: func(st *story) { st.answer(native); st.must(st.apply()) }, rows: records},
	{name: "a site of ours in nginx", suite: "bookworm", make: func(st *story) {
		st.s.Install("nginx")
		st.answer(nginx)
		st.must(st.apply())
		st.s.Must("cp", "-p", ourConf, "/root/ours")
	}, rows: drifted},
}

// system is what /etc/os-release says, and how it is taken back.
func system(id, pretty string) (shell, back string) {
	return "cp -P /etc/os-release /root/; rm /etc/os-release; printf 'ID=" + id + "\nPRETTY_NAME=\"" + pretty + "\"\n' >/etc/os-release",
		"rm /etc/os-release; mv /root/os-release /etc/"
}

func unknown(name, id, pretty, executor string, more ...string) refusal {
	shell, back := system(id, pretty)
	return refusal{name: name, shell: strings.Join(append([]string{shell}, more...), "\n"), back: back, executor: executor, code: "H10", status: 1, says: []string{"by hand", pretty}}
}

const (
	noSystemd   = `mv /run/systemd/system /run/systemd/system.away`
	withSystemd = `mv /run/systemd/system.away /run/systemd/system`
)

var systems = []refusal{
	unknown("a distribution that nobody knows", "plan9", "Plan 9 from Bell Labs", native),
	unknown("a distribution that nobody knows, and nginx is asked for", "plan9", "Plan 9 from Bell Labs", nginx),
	unknown("Fedora, by its os-release", "fedora", "Fedora Linux 42", native),
	unknown("Arch, by its os-release", "arch", "Arch Linux", nginx),
	unknown("NixOS, by its os-release", "nixos", "NixOS 25.05", native),
	{name: "no os-release", shell: "mkdir /root/os; mv /etc/os-release /root/os/link; mv /usr/lib/os-release /root/os/file", back: "mv /root/os/link /etc/os-release; mv /root/os/file /usr/lib/os-release; rmdir /root/os", code: "H10", status: 1, says: []string{"this system"}},
	{name: "no systemd, as in a container of Docker", shell: noSystemd, back: withSystemd, code: "H10", status: 1, says: []string{"systemd"}},
	{name: "no systemd, and nginx is asked for", executor: nginx, shell: noSystemd, back: withSystemd, code: "H10", status: 1, says: []string{"systemd"}},
	{name: "no apt-get", shell: "mv /usr/bin/apt-get /root/", back: "mv /root/apt-get /usr/bin/", code: "H10", status: 1},
	{name: "not root", shell: "cp /root/sslwizard /root/answers.yaml /root/ca.pem /srv/", back: "rm /srv/sslwizard /srv/answers.yaml /srv/ca.pem", edits: []string{"/root/ca.pem", "/srv/ca.pem"},
		as: `shift; exec setpriv --reuid=1000 --regid=1000 --clear-groups /srv/sslwizard "$@"`, typed: []string{"--non-interactive", "/srv/answers.yaml"}, code: "H01", status: 77, says: []string{"sudo"}},
	{name: "a package half configured, and nginx is asked for", executor: nginx, shell: "{ " + halfConfigured + "; } || true", back: "dpkg --purge --force-all broken >/dev/null 2>&1", code: "H12", status: 78, says: []string{"dpkg"}},
}

// panels are one for each panel that is known and is in the way, by what its installer leaves, and what is left of two.
func panels() []refusal {
	var all []refusal
	for i, p := range steps.Panels {
		leaf := p.Leaves[len(p.Leaves)-1]
		if p.Tool {
			continue
		}
		top := topmost(leaf)
		all = append(all, refusal{name: p.Name, shell: fmt.Sprintf("mkdir -p $(dirname %[1]s); touch %[1]s", leaf), back: "rm -r " + top,
			executor: []string{native, nginx}[i%2], code: "H25", status: 1, says: []string{p.Name, leaf, p.Instead}, slice: i == 0})
	}
	return append(all, refusal{name: "Plesk, and Webmin beside it", shell: "mkdir -p /etc/psa /etc/webmin; touch /etc/webmin/miniserv.conf", back: "rm -r /etc/psa /etc/webmin", code: "H25", status: 1, says: []string{"Plesk", "Webmin administers"}})
}

// topmost is the highest folder of a path that no fresh server has.
func topmost(leaf string) string {
	for _, known := range []string{"/usr/local/", "/var/", "/etc/", "/usr/bin/", "/home/", "/opt/", "/root/", "/data/", "/"} {
		if below, ok := strings.CutPrefix(leaf, known); ok {
			first, _, _ := strings.Cut(below, "/")
			return known + first
		}
	}
	return leaf
}

// listens has the application of the scenarios stand for another program: under its name, in a unit of that name.
func listens(name, unit string, ports ...string) (shell, back string) {
	shell = "cp /opt/app /usr/local/sbin/" + name + "\n"
	for _, port := range ports {
		shell += fmt.Sprintf("systemd-run --quiet --collect --unit=%s --slice=system.slice /usr/local/sbin/%s --listen %s\n", unit, name, port)
		unit += "2"
	}
	for _, port := range ports {
		number := port[strings.LastIndex(port, ":")+1:]
		shell += "for n in $(seq 100); do ss -Hltn sport = :" + number + " | grep -q . && break; sleep 0.05; done\n"
	}
	return shell, fmt.Sprintf("systemctl stop '%[1]s*'; rm /usr/local/sbin/%[1]s", name)
}

func taken(name, program, port, instead string) refusal {
	shell, back := listens(program, program, port)
	number := port[strings.LastIndex(port, ":")+1:]
	says := []string{"port " + number, program + ".service"}
	if instead != "" {
		says = append(says, instead)
	}
	return refusal{name: name, shell: shell, back: back, code: "N01", status: 1, says: says}
}

// dockers has Docker's client say that a container has these ports, and its daemon run.
func dockers(line string) string {
	return "printf '#!/bin/sh\\nprintf \"" + line + "\\\\n\"\\n' >/usr/bin/docker; chmod 755 /usr/bin/docker; echo 1 >/run/docker.pid"
}

const (
	managerPorts = `npm\\\\tjc21/nginx-proxy-manager:2\\\\t0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp, 0.0.0.0:443->443/tcp, [::]:443->443/tcp`
	noDocker     = "rm /usr/bin/docker /run/docker.pid"
)

var takenPorts = append([]refusal{
	taken("Caddy has port 443", "caddy", ":443", "reverse_proxy"),
	taken("HAProxy has port 80", "haproxy", ":80", "bind"),
	taken("Traefik has port 443", "traefik", ":443", "Traefik"),
	taken("LiteSpeed has port 443", "litespeed", ":443", "LiteSpeed"),
	taken("a program of one's own has port 443, on one address", "shop-api", "203.0.113.10:443", ""),
	taken("a program of one's own has port 80, for IPv6 alone", "shop-api", "[::1]:80", ""),
	{name: "a socket of systemd has port 80", shell: "printf '[Socket]\nListenStream=80\n' >/run/systemd/system/web.socket; printf '[Service]\nExecStart=/opt/app\n' >/run/systemd/system/web.service; systemctl daemon-reload; systemctl start web.socket",
		back: "systemctl stop web.socket; rm /run/systemd/system/web.*; systemctl daemon-reload", code: "N01", status: 1, says: []string{"web.socket"}},
	{name: "SSH has port 443", shell: "printf 'Port 22\nPort 443\n' >/etc/ssh/sshd_config.d/far.conf; systemctl restart ssh; for n in $(seq 100); do ss -Hltn sport = :443 | grep -q . && break; sleep 0.05; done",
		back: "rm /etc/ssh/sshd_config.d/far.conf; systemctl restart ssh", code: "N01", status: 1, says: []string{"ssh.service", "log in on another one"}},
}, containers()...)

// containers are those of Docker, whose client is not to be had here: what it prints was written down from its documentation.
func containers() []refusal {
	shell, back := listens("docker-proxy", "docker-proxy", ":80", ":443")
	return []refusal{
		{name: "Nginx Proxy Manager in Docker has both ports", shell: shell + dockers(managerPorts), back: back + "\n" + noDocker, code: "N01", status: 1, says: []string{"npm (jc21/nginx-proxy-manager:2)", "proxy host"}, slice: true},
		{name: "Nginx Proxy Manager in Docker, which has no program on the ports (userland-proxy: false)", shell: dockers(managerPorts), back: noDocker, code: "N01", status: 1, says: []string{"npm (jc21/nginx-proxy-manager:2)", "proxy host"}},
		{name: "a container of Docker has port 443, and nginx is asked for", executor: nginx, shell: dockers(`shop\\\\tshop:latest\\\\t0.0.0.0:443->3000/tcp`), back: noDocker, code: "N01", status: 1, says: []string{"shop (shop:latest)", "docker ps"}},
	}
}

var disks = []refusal{
	{name: "/etc can only be read", shell: "mount --bind /etc /etc; mount -o remount,bind,ro /etc", back: "umount -l /etc", code: "H07", status: 1},
	{name: "/usr can only be read", shell: "mount --bind /usr /usr; mount -o remount,bind,ro /usr", back: "umount -l /usr", code: "H07", status: 1},
	{name: "/var can only be read", shell: "mount --bind /var /var; mount -o remount,bind,ro /var", back: "umount -l /var", code: "H07", status: 1, says: []string{"remount"}},
	{name: "12 MiB are free", shell: "mkdir -m 711 /var/lib/sslwizard; mount -t tmpfs -o size=12m,mode=711 none /var/lib/sslwizard", back: "umount -l /var/lib/sslwizard; rmdir /var/lib/sslwizard", code: "H06", status: 1, says: []string{"MiB free"}},
	{name: "no file can be made any more", shell: "mkdir -m 711 /var/lib/sslwizard; mount -t tmpfs -o size=200m,nr_inodes=2,mode=711 none /var/lib/sslwizard", back: "umount -l /var/lib/sslwizard; rmdir /var/lib/sslwizard", code: "D32", status: 1, says: []string{"inodes"}},
	{name: "a folder of units that nothing can be put in (chattr +i)", shell: ":", flag: "/etc/systemd/system", code: "H20", status: 1},
	{name: "/var/lib/sslwizard is a link", shell: "mkdir -m 711 /srv/state; ln -s /srv/state /var/lib/sslwizard", back: "rm -r /var/lib/sslwizard /srv/state", code: "H19", status: 1},
}

var ourNames = []refusal{
	{name: "a user of our name", shell: "useradd -m -s /bin/bash sslwizard", back: "userdel -r sslwizard 2>/dev/null", code: "account", status: 1, says: []string{"sslwizard"}},
	{name: "a unit of our name", shell: `printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/sslwizard-proxy.service; systemctl daemon-reload`, back: "rm /etc/systemd/system/sslwizard-proxy.service; systemctl daemon-reload", code: "drift", status: 1},
	{name: "a program of our name", shell: `printf '#!/bin/sh\necho mine\n' >/usr/local/bin/sslwizard; chmod 755 /usr/local/bin/sslwizard`, back: "rm /usr/local/bin/sslwizard", code: "drift", status: 1},
}

// reloads has nginx take what was written.
const reloads = "\nsystemctl reload nginx"

var nginxes = []refusal{
	{name: "nginx's configuration was broken before", executor: nginx, shell: "echo 'no_such_directive on;' >/etc/nginx/conf.d/broken.conf", back: "rm /etc/nginx/conf.d/broken.conf", code: "N03", status: 78, says: []string{"no_such_directive", "broken.conf"}, slice: true},
	{name: "a certificate that nginx's configuration names is not there", executor: nginx, shell: "echo 'server { listen 443 ssl; server_name half.example.com; ssl_certificate /etc/letsencrypt/live/half.example.com/fullchain.pem; ssl_certificate_key /etc/letsencrypt/live/half.example.com/privkey.pem; }' >/etc/nginx/conf.d/half.conf", back: "rm /etc/nginx/conf.d/half.conf", code: "N03", status: 78},
	{name: "a dangling link in sites-enabled", executor: nginx, shell: "ln -s /nowhere/at/all /etc/nginx/sites-enabled/old", back: "rm /etc/nginx/sites-enabled/old", code: "N03", status: 78},
	{name: "nginx runs outside of systemd", executor: nginx, shell: "systemctl disable --quiet --now nginx; nginx", back: "nginx -s quit; while pgrep -x nginx >/dev/null; do sleep 0.05; done; systemctl enable --quiet --now nginx", code: "N02", status: 78, says: []string{"kill -QUIT"}},
	{name: "nginx is masked", executor: nginx, shell: "systemctl disable --quiet --now nginx; systemctl mask --quiet nginx", back: "systemctl unmask --quiet nginx; systemctl enable --quiet --now nginx", code: "N14", status: 1},
	{name: "nginx reads no folder that a site could be put in", executor: nginx, shell: "cp -p /etc/nginx/nginx.conf /root/; sed -i '/include.*\\(conf.d\\|sites-enabled\\)/d' /etc/nginx/nginx.conf" + reloads, back: "cp -p /root/nginx.conf /etc/nginx/" + reloads, code: "N07", status: 1},
	{name: "a build of one's own nginx", executor: nginx, shell: "mkdir /root/dpkg; mv /var/lib/dpkg/info/nginx*.list /root/dpkg/", back: "mv /root/dpkg/*.list /var/lib/dpkg/info/; rmdir /root/dpkg", code: "unpackaged", status: 1},
	{name: "another file serves the name", executor: nginx, shell: "echo 'server { listen 80; server_name shop.example.com; }' >/etc/nginx/sites-enabled/old-shop" + reloads, back: "rm /etc/nginx/sites-enabled/old-shop" + reloads, code: "N08", status: 1},
	{name: "a site without a name, that is the default by its place alone", executor: nginx, shell: "rm /etc/nginx/sites-enabled/default; echo 'server { listen 80; return 200 mine; }' >/etc/nginx/conf.d/zz.conf" + reloads, back: "rm /etc/nginx/conf.d/zz.conf; ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default" + reloads, code: "N08", status: 1, says: []string{"default_server"}},
	{name: "a site has IPv4 and IPv6 in one socket", executor: nginx, shell: "rm /etc/nginx/sites-enabled/default; echo 'server { listen [::]:80 ipv6only=off; server_name both.example.com; }' >/etc/nginx/conf.d/both.conf; systemctl restart nginx", back: "rm /etc/nginx/conf.d/both.conf; ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default; systemctl restart nginx", code: "N08", status: 1, says: []string{"ipv6only=off"}},
	{name: "a file of our name that we did not write", executor: nginx, shell: "echo '# mine' >/etc/nginx/conf.d/sslwizard.conf" + reloads, back: "rm /etc/nginx/conf.d/sslwizard.conf" + reloads, code: "drift", status: 1},
	{name: "nginx's folder can be written by everybody", executor: nginx, shell: "chmod 777 /etc/nginx/conf.d", back: "chmod 755 /etc/nginx/conf.d", code: "H18", status: 1},
	{name: "nginx's folder belongs to a user", executor: nginx, shell: "useradd -m jo; chown jo: /etc/nginx/conf.d", back: "chown root: /etc/nginx/conf.d; userdel -r jo 2>/dev/null", code: "H18", status: 1},
	{name: "nginx's folder has a flag that binds even root (chattr +i)", executor: nginx, shell: ":", flag: "/etc/nginx/conf.d", code: "H20", status: 1},
	{name: "nginx serves, and native is asked for", code: "N01", status: 1, says: []string{"install.executor: nginx"}},
}

// halfRun kills an apply in its middle, so that its journal is open.
const halfRun = `sed 's/127.0.0.1:3000"/127.0.0.1:3000", timeout: 90s/' /root/answers.yaml >/root/other.yaml
cp -a /var/lib/sslwizard /root/state; cp -a /etc/sslwizard /root/etc
/opt/traced -kill 60 /run/half /root/sslwizard --non-interactive /root/other.yaml >/dev/null || test $? = 137
test -L /var/lib/sslwizard/journal
`

// halfRunBack takes all of it back, by the whole record.
const halfRunBack = `rm -r /var/lib/sslwizard/done; cp -a /root/done /var/lib/sslwizard/; rm -r /root/done /root/state /root/etc; /root/sslwizard undo >/dev/null || true`

var records = []refusal{
	{name: "another run is active", shell: "(exec 9<>/var/lib/sslwizard/lock; exec perl -e 'use Fcntl; open(F,\"+<\",\"/var/lib/sslwizard/lock\"); $f=pack(\"s s x4 q q l x4\",F_WRLCK,0,0,0,0); fcntl(F,37,$f) or die; sleep 600') >/dev/null 2>&1 & echo $! >/run/locker; sleep 0.3",
		back: "kill $(cat /run/locker)", edits: another, code: "H02", status: 75},
	{name: "the run before never ended, and a newer version began it", shell: halfRun + `cp -a /var/lib/sslwizard/done /root/done; m=$(readlink -f /var/lib/sslwizard/journal)/manifest.json; sed -i 's/"version": *1/"version": 2/' $m; grep -q '"version": 2' $m`, back: halfRunBack, code: "H04", status: 1},
	{name: "the run before never ended, and its record is damaged", shell: halfRun + `cp -a /var/lib/sslwizard/done /root/done; truncate -s -20 $(readlink -f /var/lib/sslwizard/journal)/manifest.json`, back: halfRunBack, code: "H05", status: 1, says: []string{"backups"}},
	{name: "a stored site of a newer version", shell: "sed -i.old 's,sslwizard/v1,sslwizard/v2,' /etc/sslwizard/sites/shop.example.com.yaml; mv /etc/sslwizard/sites/*.old /root/", back: "mv /root/shop.example.com.yaml.old /etc/sslwizard/sites/shop.example.com.yaml", code: "stored-site", status: 1},
	{name: "a second site asks for the other executor", executor: nginx, edits: []string{"[shop.example.com, www.shop.example.com]", "[www.example.net]"}, code: "executor-mix", status: 1},
	{name: "the upstream is a site of ours", edits: []string{"[shop.example.com, www.shop.example.com]", "[www.example.net]", "http://127.0.0.1:3000", "https://shop.example.com"}, code: "W09", status: 1},
}

var drifted = []refusal{
	{name: "a file of ours was edited", executor: nginx, shell: "echo '# mine' >>" + ourConf, back: "cp -p /root/ours " + ourConf, edits: another, code: "N13", status: 1},
	{name: "a file of ours was deleted", executor: nginx, shell: "rm " + ourConf, back: "cp -p /root/ours " + ourConf, edits: another, code: "N12", status: 1},
	{name: "a file of ours is a link now", executor: nginx, shell: "mv " + ourConf + " /root/theirs; ln -s /root/theirs " + ourConf, back: "rm " + ourConf + " /root/theirs; cp -p /root/ours " + ourConf, edits: another, code: "H19", status: 1},
	{name: "an undo, and the record of the run is damaged", executor: nginx, shell: lastRun + "cp -a $last /root/run; truncate -s -20 $last/manifest.json", back: lastRun + "rm -r $last; mv /root/run $last", typed: []string{"undo"}, code: "H05", status: 1},
	{name: "an undo, and a newer version made the run", executor: nginx, shell: lastRun + `cp -a $last /root/run; sed -i 's/"version": *1/"version": 2/' $last/manifest.json`, back: lastRun + "rm -r $last; mv /root/run $last", typed: []string{"undo"}, code: "H04", status: 1},
}

// another is a change of the answers.
var another = []string{"127.0.0.1:3000\"", "127.0.0.1:3000\", timeout: 90s"}

const lastRun = "last=/var/lib/sslwizard/done/$(ls /var/lib/sslwizard/done | tail -n 1)\n"
