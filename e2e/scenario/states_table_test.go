//go:build e2e

package scenario

import (
	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// hostState is how a server may be before anybody thinks of sslwizard.
type hostState struct {
	name     string // as the page says it
	executor string // "" alternates
	suite    string // "" alternates
	nginx    bool   // Debian's nginx runs already
	boot     func(*world.Server)
	shell    string       // makes the state, on the booted server
	more     func(*story) // makes what a shell cannot
	as       string       // a shell that sslwizard is started from; "$@" is the command
	also     string       // a shell whose output has to be the same at the end
	refused  string       // what a refusal says; empty when the site has to come up
	differs  []string     // expected to: logs, and what an older sslwizard left in its own folders
	spared   string       // a folder; the user edits nothing of what is called like it, so that the nginx that we brought goes in the end
	slice    bool         // in CI
}

const (
	native = steps.ExecutorNative
	nginx  = steps.ExecutorNginx
)

// certbots is certbot's whole layout, with a renewal by cron and a hook of the user's.
const certbots = `
mkdir -p /etc/letsencrypt/{archive,live,renewal,accounts/acme/directory/1}/ /etc/letsencrypt/archive/old.example.com /etc/letsencrypt/live/old.example.com \
	/etc/letsencrypt/renewal-hooks/{pre,deploy,post} /var/lib/letsencrypt /etc/cron.d
chmod 700 /etc/letsencrypt/archive /etc/letsencrypt/live /etc/letsencrypt/accounts
cd /etc/letsencrypt/archive/old.example.com
for n in 1 2; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=old.example.com -keyout privkey$n.pem -out cert$n.pem 2>/dev/null
	cp cert$n.pem fullchain$n.pem; cp cert$n.pem chain$n.pem; chmod 600 privkey$n.pem
done
for n in privkey cert chain fullchain; do ln -s ../../archive/old.example.com/${n}2.pem /etc/letsencrypt/live/old.example.com/$n.pem; done
printf '# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = /etc/letsencrypt/archive/old.example.com\n[renewalparams]\nauthenticator = webroot\n' >/etc/letsencrypt/renewal/old.example.com.conf
printf '#!/bin/sh\nsystemctl reload nginx\n' >/etc/letsencrypt/renewal-hooks/deploy/own; chmod 755 /etc/letsencrypt/renewal-hooks/deploy/own
printf '0 */12 * * * root test -x /usr/bin/certbot && certbot -q renew\n' >/etc/cron.d/certbot
`

// ownSite is a site of the user's with TLS, in nginx.
const ownSite = `
mkdir -p /etc/ssl/own
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=own.example.com -keyout /etc/ssl/own/key.pem -out /etc/ssl/own/cert.pem 2>/dev/null
chmod 600 /etc/ssl/own/key.pem
cat >/etc/nginx/sites-available/own <<'END'
server {
	listen 443 ssl;
	listen [::]:443 ssl;
	server_name own.example.com;
	ssl_certificate /etc/ssl/own/cert.pem;
	ssl_certificate_key /etc/ssl/own/key.pem;
	return 200 "own\n";
}
END
ln -s /etc/nginx/sites-available/own /etc/nginx/sites-enabled/own
systemctl reload nginx
`

// hostStates are told one by one; see docs/states.md.
var hostStates = []hostState{
	{name: "a fresh server", executor: native, slice: true},
	{name: "a fresh server, nginx asked for", executor: nginx, slice: true},
	{name: "nginx of Debian, untouched", executor: nginx, nginx: true},

	// nginx as people have it
	{name: "nginx.conf edited", executor: nginx, nginx: true, slice: true,
		shell: `sed -i 's/worker_connections .*/worker_connections 1234;/; 1i# tuned by hand' /etc/nginx/nginx.conf; systemctl reload nginx`},
	{name: "nginx.conf a link to elsewhere", executor: nginx, nginx: true,
		shell: `mkdir /srv/conf; mv /etc/nginx/nginx.conf /srv/conf/; ln -s /srv/conf/nginx.conf /etc/nginx/nginx.conf; systemctl reload nginx`},
	{name: "nginx.conf with CRLF", executor: nginx, nginx: true, shell: `sed -i 's/$/\r/' /etc/nginx/nginx.conf; systemctl reload nginx`},
	{name: "nginx's folder a link to elsewhere", executor: nginx, nginx: true, suite: "bookworm",
		shell: `mv /etc/nginx /srv/nginx; ln -s /srv/nginx /etc/nginx; systemctl reload nginx`},
	{name: "sites-enabled holds files, not links", executor: nginx, nginx: true,
		shell: `cd /etc/nginx/sites-enabled; rm default; cp ../sites-available/default default; sed -i 's/server_name _/server_name blog.example.com/' default; systemctl reload nginx`},
	{name: "a dangling link in sites-available", executor: nginx, nginx: true, shell: `ln -s /nowhere/at/all /etc/nginx/sites-available/old`},
	{name: "a dangling link in sites-enabled: nginx would not start again", executor: nginx, nginx: true,
		shell: `ln -s /nowhere/at/all /etc/nginx/sites-enabled/old`, refused: "nginx"},
	{name: "the user's own default_server", executor: nginx, nginx: true,
		shell: `rm /etc/nginx/sites-enabled/default; printf 'server { listen 80 default_server; listen [::]:80 default_server; server_name _; return 410; }\n' >/etc/nginx/conf.d/000-mine.conf; systemctl reload nginx`},
	{name: "the user's own site on 443", executor: nginx, nginx: true, slice: true, shell: ownSite},
	{name: "nginx's certificates from certbot", executor: nginx, nginx: true, shell: certbots + `
printf 'server { listen 443 ssl; listen [::]:443 ssl; server_name old.example.com; ssl_certificate /etc/letsencrypt/live/old.example.com/fullchain.pem; ssl_certificate_key /etc/letsencrypt/live/old.example.com/privkey.pem; }\n' >/etc/nginx/sites-available/old
ln -s ../sites-available/old /etc/nginx/sites-enabled/old; systemctl reload nginx`, also: `readlink /etc/letsencrypt/live/old.example.com/*`},
	{name: "nginx in nginx.org's layout: conf.d alone", executor: nginx, nginx: true,
		shell: `sed -i '/sites-enabled/d' /etc/nginx/nginx.conf; rm -r /etc/nginx/sites-enabled /etc/nginx/sites-available; printf 'server { listen 80; listen [::]:80; server_name localhost; }\n' >/etc/nginx/conf.d/default.conf; systemctl reload nginx`},
	{name: "nginx masked", executor: nginx, nginx: true, shell: `systemctl disable --quiet --now nginx; systemctl mask --quiet nginx`, refused: "mask"},
	{name: "nginx stopped and disabled", executor: nginx, nginx: true, shell: `systemctl disable --quiet --now nginx`},
	{name: "nginx stopped, and ours is native", executor: native, nginx: true, shell: `systemctl disable --quiet --now nginx`},
	{name: "nginx runs outside systemd", executor: nginx, nginx: true, shell: `systemctl disable --quiet --now nginx; nginx`, refused: "nginx.service"},
	{name: "nginx's configuration broken", executor: nginx, nginx: true, shell: `echo 'nonsense;' >/etc/nginx/conf.d/broken.conf`, refused: "nginx"},
	{name: "nginx runs, and ours is native", executor: native, nginx: true, refused: "nginx"},
	{name: "nginx.service with the user's drop-in", executor: nginx, nginx: true,
		shell: `mkdir -p /etc/systemd/system/nginx.service.d; printf '[Service]\nLimitNOFILE=65536\n' >/etc/systemd/system/nginx.service.d/limits.conf; systemctl daemon-reload`},
	{name: "nginx removed before, its configuration left and edited", executor: nginx, spared: "/etc/nginx", nginx: true,
		shell: `echo '# mine' >>/etc/nginx/nginx.conf; echo '# mine' >>/etc/nginx/mime.types; echo ULIMIT=1 >>/etc/default/nginx; DEBIAN_FRONTEND=noninteractive apt-get -qq -y remove nginx nginx-common >/dev/null 2>&1; true`,
		also:  `cat /etc/default/nginx`},
	{name: "nginx's folder of somebody else, without nginx", executor: nginx, spared: "/etc/nginx",
		shell: `mkdir -p /etc/nginx/conf.d; echo '# a copy from the old server' >/etc/nginx/conf.d/old.conf; echo key >/etc/nginx/secret.key; chmod 600 /etc/nginx/secret.key`},
	{name: "a default page of the user's in /var/www/html", executor: nginx, shell: `mkdir -p /var/www/html; echo hello >/var/www/html/index.html; chown -R www-data:www-data /var/www/html`,
		also: `stat -c '%U %a %y' /var/www/html/index.html; stat -c '%U %a' /var/www/html; cat /var/www/html/index.html`},
	{name: "the user's policy-rc.d", executor: nginx, shell: `printf '#!/bin/sh\n# mine\nexit 0\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d`},

	// certificates and tools of others
	{name: "certbot's whole layout", executor: native, slice: true, shell: certbots, also: `readlink /etc/letsencrypt/live/old.example.com/*`},
	{name: "certbot itself installed, with its timer", executor: native, shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install certbot >/dev/null 2>&1; systemctl is-enabled certbot.timer`,
		also: `systemctl is-enabled certbot.timer`},
	{name: "acme.sh's leftovers", shell: `mkdir -p /root/.acme.sh/shop.example.com_ecc; echo "SAVED_CF_Token='x'" >/root/.acme.sh/account.conf; echo key >/root/.acme.sh/shop.example.com_ecc/shop.example.com.key; mkdir -p /var/spool/cron/crontabs; echo '7 0 * * * "/root/.acme.sh"/acme.sh --cron' >/var/spool/cron/crontabs/root; chmod 600 /var/spool/cron/crontabs/root`,
		also: `find /root/.acme.sh -type f | sort | xargs sha256sum`},
	{name: "Caddy's files, stopped", shell: `mkdir -p /etc/caddy /var/lib/caddy/.local/share/caddy; echo ':80 { respond "x" }' >/etc/caddy/Caddyfile; printf '[Service]\nExecStart=/usr/bin/caddy run\n' >/etc/systemd/system/caddy.service; useradd -r -d /var/lib/caddy caddy; chown -R caddy: /var/lib/caddy; systemctl daemon-reload`},
	{name: "Apache installed, stopped", shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install apache2 >/dev/null 2>&1; systemctl disable --quiet --now apache2`},
	{name: "Apache serves another port", shell: `mkdir -p /etc/apache2; printf 'Listen 8081\n' >/etc/apache2/ports.conf; DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-confold install apache2 >/dev/null 2>&1; printf 'Listen 8081\n' >/etc/apache2/ports.conf; sed -i 's/:80>/:8081>/' /etc/apache2/sites-available/000-default.conf; systemctl restart apache2`,
		also: `systemctl is-active apache2`},
	{name: "Apache serves port 80", executor: native, shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install apache2 >/dev/null 2>&1`, refused: "apache2", also: `systemctl is-active apache2`},
	{name: "own certificates in /etc/ssl", shell: `mkdir -p /etc/ssl/private; chmod 710 /etc/ssl/private; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=shop.example.com -keyout /etc/ssl/private/shop.key -out /etc/ssl/certs/shop.crt 2>/dev/null`},
	{name: "the snakeoil certificate", shell: `mkdir -p /etc/ssl/private; groupadd -r ssl-cert; openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=server -keyout /etc/ssl/private/ssl-cert-snakeoil.key -out /etc/ssl/certs/ssl-cert-snakeoil.pem 2>/dev/null; chgrp ssl-cert /etc/ssl/private /etc/ssl/private/*; chmod 640 /etc/ssl/private/*; ln -s ssl-cert-snakeoil.pem /etc/ssl/certs/0123abcd.0`},
	{name: "CAs that the user added to the system", shell: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj '/CN=Own CA' -keyout /root/ca.key -out /usr/local/share/ca-certificates/own.crt 2>/dev/null; update-ca-certificates >/dev/null 2>&1`},
	{name: "an own DH group", executor: nginx, nginx: true, shell: `openssl dhparam -dsaparam -out /etc/ssl/dhparam.pem 1024 2>/dev/null; cp /etc/ssl/dhparam.pem /etc/nginx/dhparam.pem`},

	// what a file can be
	{name: "immutable: the user's own site", executor: nginx, nginx: true,
		shell: `printf 'server { listen 8080; }\n' >/etc/nginx/conf.d/mine.conf; systemctl reload nginx`, more: flagged(world.Immutable, "/etc/nginx/conf.d/mine.conf")},
	{name: "immutable: /etc/hosts and resolv.conf", more: flagged(world.Immutable, "/etc/hosts", "/etc/resolv.conf")},
	{name: "immutable: /etc/passwd", executor: native, more: flagged(world.Immutable, "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"), refused: "/etc/passwd"},
	{name: "append-only: a log and a history", shell: `echo x >/etc/history.log; echo y >/srv/log`, more: flagged(world.AppendOnly, "/etc/history.log", "/srv/log")},
	{name: "ACLs on folders that we write in", executor: native, slice: true, more: listed("/etc/systemd/system", "/usr/local/bin", "/var/lib", "/etc/profile.d")},
	{name: "ACLs on folders that nginx reads", executor: nginx, nginx: true, more: listed("/etc/nginx/conf.d", "/etc/nginx", "/etc/systemd/system", "/var/lib")},
	{name: "ACLs on files", executor: nginx, nginx: true, more: listed("/etc/nginx/nginx.conf", "/etc/hosts", "/etc/passwd", "/etc/group")},
	{name: "an ACL on /etc/nginx, without nginx", executor: nginx, spared: "/etc/nginx", shell: `mkdir -p /etc/nginx/conf.d; echo '# old' >/etc/nginx/conf.d/old.conf`, more: listed("/etc/nginx", "/etc/nginx/conf.d", "/etc/nginx/conf.d/old.conf")},
	{name: "extended attributes on files", executor: nginx, nginx: true, more: func(st *story) {
		for _, name := range []string{"/etc/nginx/nginx.conf", "/etc/nginx", "/etc/hosts", "/etc/systemd/system"} {
			st.s.Attribute(name, "user.owner", []byte("the boss\x00\xff"))
		}
	}},
	{name: "capabilities on programs", shell: `cp /bin/sleep /usr/local/bin/own; cp /bin/sleep /srv/own`, more: func(st *story) {
		netBind := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		st.s.Attribute("/usr/local/bin/own", "security.capability", netBind)
		st.s.Attribute("/srv/own", "security.capability", netBind)
	}},
	{name: "files with CRLF, a BOM, and none at all", shell: `printf 'a\r\nb\r\n' >/etc/crlf.conf; printf '\357\273\277a: b\n' >/etc/bom.yaml; : >/etc/empty.conf; printf '# x\r\n' >>/etc/hosts`},
	{name: "nginx files with a BOM and of no size", executor: nginx, nginx: true, shell: `printf '\357\273\277# mine\n' >/etc/nginx/snippets/bom.conf; : >/etc/nginx/conf.d/empty.conf; systemctl reload nginx`},
	{name: "a configuration of 10 MB", executor: nginx, nginx: true, shell: `{ echo 'geo $far {'; perl -e 'for (1..400000) { printf "  10.%d.%d.%d/32 1;\n", $_/65536, $_/256%256, $_%256 }'; echo '}'; } >/etc/nginx/conf.d/geo.conf; systemctl reload nginx`},
	{name: "names that are not UTF-8", executor: nginx, nginx: true, shell: `d=$(printf '/etc/nginx/snippets/caf\351'); mkdir "$d"; printf 'caf\351 \000\377' >"$d/$(printf '\377\376')"; printf '# caf\351\n' >/etc/nginx/conf.d/latin.conf; systemctl reload nginx`},
	{name: "names with blanks and line ends", executor: nginx, nginx: true, shell: `echo '# x' >"/etc/nginx/conf.d/my site.conf"; printf '# y\n' >"$(printf '/etc/nginx/conf.d/two\nlines.conf')"; mkdir "/etc/systemd/system/a b.d"; systemctl reload nginx`},
	{name: "hard links", executor: nginx, nginx: true, shell: `ln /etc/nginx/nginx.conf /srv/nginx.conf; echo x >/etc/one; ln /etc/one /etc/two; cp /etc/hosts /etc/h; mv /etc/h /etc/hosts; ln /etc/hosts /srv/hosts`,
		also: `stat -c '%n %h' /etc/nginx/nginx.conf /srv/nginx.conf /etc/one /etc/two /etc/hosts; stat -c %i /etc/one /etc/two | uniq | wc -l; stat -c %i /etc/hosts /srv/hosts | uniq | wc -l`},
	{name: "a sparse file of 1 GB", shell: `truncate -s 1G /etc/sparse.img`, also: `stat -c '%s %b' /etc/sparse.img`},
	{name: "setgid folders of another owner", shell: `groupadd -g 1500 staff2; useradd -m -u 1500 -g 1500 jo; mkdir /etc/shared; chown root:staff2 /etc/shared; chmod 2775 /etc/shared; echo x >/etc/shared/x; chown jo: /etc/shared/x; chmod 4750 /etc/shared/x`},
	{name: "files of other owners in nginx's folders", executor: nginx, nginx: true, shell: `useradd -m -u 1500 jo; echo '# jo' >/etc/nginx/conf.d/jo.conf; chown jo: /etc/nginx/conf.d/jo.conf; chmod 604 /etc/nginx/conf.d/jo.conf`},
	{name: "nginx's conf.d belongs to a user", executor: nginx, nginx: true, shell: `useradd -m -u 1500 jo; chown jo: /etc/nginx/conf.d`, refused: "not safe"},
	{name: "device, pipe and socket in /etc", executor: nginx, nginx: true, shell: `mkfifo /etc/nginx/pipe; mknod /etc/nginx/null c 1 3; perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local=>"/etc/nginx/sock",Listen=>1)'`},

	// how it is called
	{name: "umask 077", as: `umask 077; exec "$@"`},
	{name: "umask 000", executor: nginx, as: `umask 000; exec "$@"`},
	{name: "no sbin in PATH", executor: nginx, as: `PATH=/usr/bin:/bin exec "$@"`},
	{name: "sudo with secure_path", shell: `printf 'Defaults secure_path="/usr/bin:/bin"\nDefaults umask=0027\nDefaults use_pty\n' >/etc/sudoers.d/own; chmod 440 /etc/sudoers.d/own`, as: `exec sudo -n "$@"`},
	{name: "another locale and time zone", shell: `ln -sf /usr/share/zoneinfo/Pacific/Chatham /etc/localtime; echo Pacific/Chatham >/etc/timezone; echo LANG=tr_TR.UTF-8 >/etc/default/locale`, as: `LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 TZ=Pacific/Chatham exec "$@"`},
	{name: "a host name with dots and capitals", boot: func(s *world.Server) { s.Write("/etc/hostname", "Server.Example.COM\n", 0o644) }, shell: `hostname Server.Example.COM`},

	// package managers in trouble
	{name: "a package half configured", executor: native, shell: halfConfigured},
	{name: "a package half configured, and nginx is wanted", executor: nginx, shell: halfConfigured, refused: "dpkg"},
	{name: "apt cut off in the middle", executor: nginx, shell: `touch /var/lib/dpkg/lock /var/lib/dpkg/lock-frontend /var/cache/apt/archives/lock; echo junk >/var/cache/apt/archives/partial/nginx_1.deb; mkdir -p /var/lib/dpkg/tmp.ci`, also: `ls /var/cache/apt/archives/partial`},
	{name: "packages on hold", executor: nginx, nginx: true, shell: `apt-mark -q hold nginx nginx-common systemd`, also: `apt-mark showhold`},
	{name: "etckeeper", executor: nginx, suite: "bookworm", more: etckeeper},

	// names that we use too
	{name: "/var/lib/sslwizard of an older one, half removed", shell: `mkdir -p /var/lib/sslwizard/certs/old.example.com/v0001 /var/lib/sslwizard/done; echo old >/var/lib/sslwizard/certs/old.example.com/v0001/key.pem; ln -s v0001 /var/lib/sslwizard/certs/old.example.com/current; echo mine >/var/lib/sslwizard/notes.txt; chmod 711 /var/lib/sslwizard`, differs: []string{kept + "/certs/old.example.com", kept + "/done"}},
	{name: "a user and a group of our name", executor: native, shell: `groupadd -g 1700 sslwizard; useradd -m -u 1700 -g 1700 -s /bin/bash sslwizard`, refused: "sslwizard"},
	{name: "a unit of our name", executor: native, shell: `printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/sslwizard-proxy.service; systemctl daemon-reload`, refused: "/etc/systemd/system/sslwizard-proxy.service"},
	{name: "a program of our name in /usr/local/bin", shell: `printf '#!/bin/sh\necho mine\n' >/usr/local/bin/sslwizard; chmod 755 /usr/local/bin/sslwizard`, refused: "/usr/local/bin/sslwizard"},
	{name: "a link of our name in /usr/local/bin", shell: `ln -s /opt/app /usr/local/bin/sslwizard`, refused: "/usr/local/bin/sslwizard"},
	{name: "a site file of our name in nginx", executor: nginx, nginx: true, shell: `echo '# mine' >/etc/nginx/conf.d/sslwizard.conf; systemctl reload nginx`, refused: "sslwizard.conf"},
	{name: "a site of ours with files of the user's in our folders", shell: `mkdir -p /etc/sslwizard/sites; echo mine >/etc/sslwizard/README; echo mine >/etc/sslwizard/sites/notes.txt`},

	// firewalls and network
	{name: "ufw on, with rules of the user's", shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install ufw >/dev/null 2>&1; ufw allow 22/tcp >/dev/null; ufw limit 2222/tcp comment mine >/dev/null; ufw --force enable >/dev/null`, also: `ufw status numbered`},
	{name: "an nftables table of the user's", shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install nftables >/dev/null 2>&1; printf '#!/usr/sbin/nft -f\nflush ruleset\ntable inet mine {\n\tchain in { type filter hook input priority 0; policy accept; tcp dport 23 drop; }\n}\n' >/etc/nftables.conf; systemctl enable --quiet --now nftables`, also: `nft list ruleset`},
	{name: "iptables, saved", shell: `DEBIAN_FRONTEND=noninteractive apt-get -qq -y install iptables iptables-persistent >/dev/null 2>&1; iptables -A INPUT -p tcp --dport 23 -j DROP; iptables-save >/etc/iptables/rules.v4; ip6tables-save >/etc/iptables/rules.v6`,
		also: `iptables -S; ip6tables -S`},
	{name: "no IPv6", shell: `printf 'net.ipv6.conf.all.disable_ipv6 = 1\n' >/etc/sysctl.d/no6.conf; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6`, more: func(st *story) {
		st.w.CA.Name(shop, st.s.Addr4())
		st.w.CA.Name(www, st.s.Addr4())
	}},
	{name: "/etc/hosts names the site", shell: `printf '127.0.0.1 shop.example.com www.shop.example.com # dev\n' >>/etc/hosts`},

	// the tree
	{name: "/usr cannot be written", executor: native, shell: `mount --bind /usr /usr; mount -o remount,bind,ro /usr`, refused: "read-only"},
	{name: "/etc on a mount of its own", shell: `cp -a /etc /srv/etc; mount --bind /srv/etc /etc; systemctl daemon-reload`, also: `find /etc -type f | sort | xargs -d '\n' sha256sum | grep -v ' /etc/ld.so.cache'`},
	{name: "/etc/nginx on a tmpfs of its own", executor: nginx, nginx: true, shell: `cp -a /etc/nginx /srv/n; mount -t tmpfs none /etc/nginx; cp -a /srv/n/. /etc/nginx/; systemctl reload nginx`, also: `find /etc/nginx -printf '%p %m %u %g %l\n' | sort; find /etc/nginx -type f | sort | xargs -d '\n' sha256sum`},
	{name: "/var/log a link", shell: `mkdir /srv/log; cp -a /var/log/. /srv/log/; rm -r /var/log; ln -s /srv/log /var/log`, differs: []string{"/srv/log"}},
	{name: "/var/lib/sslwizard a link to a larger disk", executor: native, shell: `mkdir -m 711 /srv/sslwizard; ln -s /srv/sslwizard /var/lib/sslwizard`, refused: "/var/lib/sslwizard"},
	{name: "/tmp small and noexec", executor: nginx, shell: `mount -t tmpfs -o size=64k,noexec,nosuid tmp /tmp`},
	{name: "login notices of the user's own", shell: `mkdir -p /etc/update-motd.d; printf '#!/bin/sh\necho mine\n' >/etc/update-motd.d/99-mine; chmod 755 /etc/update-motd.d/99-mine; echo mine >/etc/motd; rm -f /etc/profile.d/sslwizard.sh; echo 'export MINE=1' >/etc/profile.d/mine.sh`},
	{name: "logrotate, cron and timers of the user's own", shell: `mkdir -p /etc/logrotate.d /etc/cron.d; printf '/var/log/nginx/*.log { daily }\n' >/etc/logrotate.d/nginx; echo '0 4 * * * root nginx -s reload' >/etc/cron.d/mine; printf '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n' >/etc/systemd/system/mine.timer; printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/mine.service; systemctl daemon-reload; systemctl enable --quiet mine.timer`, executor: nginx, spared: "/etc/nginx"},
	{name: "SSH configured in fragments", shell: `mkdir -p /etc/ssh/sshd_config.d; printf 'Port 22\nPort 2222\nPermitRootLogin no\n' >/etc/ssh/sshd_config.d/own.conf; chmod 600 /etc/ssh/sshd_config.d/own.conf; systemctl restart ssh`, also: `ss -Hltn sport = :2222 | wc -l`},
}

// halfConfigured leaves a package whose configuration failed, as dpkg does.
const halfConfigured = `mkdir -p /run/broken/DEBIAN; printf 'Package: broken\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: x\n' >/run/broken/DEBIAN/control
printf '#!/bin/sh\nexit 1\n' >/run/broken/DEBIAN/postinst; chmod 755 /run/broken/DEBIAN/postinst
dpkg-deb --build /run/broken /run/broken.deb >/dev/null; dpkg -i /run/broken.deb >/dev/null 2>&1; rm -r /run/broken /run/broken.deb`

func flagged(flag int, names ...string) func(*story) {
	return func(st *story) {
		for _, name := range names {
			st.s.Flag(name, flag)
		}
	}
}

// listed gives files and folders an ACL, folders a default one too.
func listed(names ...string) func(*story) {
	return func(st *story) {
		for _, name := range names {
			st.s.ACL(name, 65534, st.s.Exec("test", "-d", name).Status == 0)
		}
	}
}

// etckeeper is /etc in git, with a commit before and after each run of apt: this machine's git stands in for the server's.
func etckeeper(st *story) {
	st.s.Write("/etc/apt/apt.conf.d/05etckeeper", `DPkg::Pre-Invoke { "date >>/var/log/etckeeper"; };`+"\n", 0o644)
	st.s.Write("/etc/.etckeeper", "maybe chmod 0644 'hosts'\n", 0o600)
	st.s.Write("/etc/.gitignore", "*-\n", 0o600)
	st.s.Git("/etc", "init", "-q")
	st.s.Git("/etc", "add", "-A")
	st.s.Git("/etc", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "as it is")
}
