//go:build e2e

package scenario

import (
	"testing"
)

// TestPortTaken (N01): Apache holds port 80. It is named with its unit and package, and the ways on are given; it is
// never stopped by us.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("apache2")
	st.await(80)
	for _, executor := range []string{"native", "nginx"} {
		st.answer(executor)
		st.refuses(1, "N01", "port 80", "apache2.service", "package apache2", "systemctl disable --now apache2")
	}
	st.c.Gets(200, "http://"+shop+"/")
}

// TestNginxInTheWay (N01): the native executor is asked for where nginx serves somebody else's site.
func TestNginxInTheWay(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Install("nginx")
	st.s.Write("/etc/nginx/conf.d/blog.conf", blog, 0o644)
	st.reloadNginx()
	st.answer("native")
	st.refuses(1, "N01", "port 80", "nginx", "blog.example.com", "install.executor: nginx")
}

// TestBrokenNginx (N03): a configuration that was broken before us is not ours to build on.
func TestBrokenNginx(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Install("nginx")
	st.s.Write("/etc/nginx/conf.d/broken.conf", "no_such_directive on;\n", 0o644)
	st.answer("nginx")
	st.refuses(78, "N03", "no_such_directive", "broken.conf")
}

// TestOursBreaksIt (N04): together with a setting of the user's our configuration is refused by nginx -t. Nothing was
// switched, and the message is nginx's own.
func TestOursBreaksIt(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("nginx")
	st.s.Write("/etc/nginx/conf.d/cache.conf", "ssl_session_cache shared:sslwizard:2m;\n", 0o644)
	st.s.Must("nginx", "-t")
	st.reloadNginx()
	st.answer("nginx")
	before, processes := st.s.Manifest(), st.processes()
	st.ends(st.apply(), 4, "N04", "sslwizard", "size", "everything was undone")
	st.restored(before)
	if now := st.processes(); now != processes {
		t.Errorf("nginx was touched:\n%s\nwas\n%s", now, processes)
	}
	st.s.Must("nginx", "-t")
}

// TestReloadRefused (N05): nginx -t is content, but the running nginx refuses the change of a zone's key that the user
// made before us. We see that it kept its old configuration, say why, and put everything back.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Install("nginx")
	const zone = "/etc/nginx/conf.d/zone.conf"
	st.s.Write(zone, "limit_req_zone $binary_remote_addr zone=visitors:1m rate=10r/s;\n", 0o644)
	st.reloadNginx()
	st.s.Write(zone, "limit_req_zone $server_name zone=visitors:1m rate=10r/s;\n", 0o644)
	st.s.Must("nginx", "-t")
	st.answer("nginx")
	before := st.s.Manifest()
	st.ends(st.apply(), 4, "N05", "visitors", "everything was undone")
	st.restored(before)
	st.c.Gets(200, "http://"+shop+"/") // the old nginx is there as ever
}

// TestNameTaken (N08): another file serves the name already.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("nginx")
	st.s.Write("/etc/nginx/sites-enabled/old-shop", `server { listen 80; server_name shop.example.com; }`+"\n", 0o644)
	st.reloadNginx()
	st.answer("nginx")
	st.refuses(1, "N08", shop, "/etc/nginx/sites-enabled/old-shop")
}
