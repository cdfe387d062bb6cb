//go:build e2e

package scenario

import (
	"testing"
)

// TestSwitch changes the executor there and back, and takes both switches back, while strangers keep asking: no request
// fails, and key, certificate and account are the same afterwards.
func TestSwitch(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.answer("native")
		st.must(st.apply())
		key, orders, accounts := st.key(), st.w.CA.Orders(), st.w.CA.Accounts()

		load := st.c.Load("https://"+shop+"/a?b=1", "http://"+www+"/a?b=1", "wss://"+shop+"/chat")
		for _, executor := range []string{"nginx", "native"} {
			st.answer(executor)
			st.must(st.apply())
			st.live()
			st.ends(st.sslwizard("status"), 0, executor)
		}
		for _, executor := range []string{"nginx", "native"} {
			st.ends(st.sslwizard("undo"), 0)
			st.live()
			st.ends(st.sslwizard("status"), 0, executor)
		}
		tally := load.StopClean()
		t.Logf("%d requests, %d messages, %d failed", tally.Requests, tally.Sockets, tally.Failed)

		if st.key() != key {
			t.Error("the key changed")
		}
		if st.w.CA.Orders() != orders || st.w.CA.Accounts() != accounts {
			t.Errorf("the CA was asked again: %d orders, were %d; %d accounts, were %d",
				st.w.CA.Orders(), orders, st.w.CA.Accounts(), accounts)
		}
	})
}

func (st *story) key() string {
	st.Helper()
	return st.s.Must("sha256sum", kept+"/certs/"+shop+"/current/key.pem")
}

// TestExistingSite has a server whose nginx serves a blog already. It keeps answering, and its files stay as they are,
// through a dry run, the set-up and the undo.
func TestExistingSite(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.s.Install("nginx")
		st.w.CA.Name("blog.example.com", st.s.Addr4(), st.s.Addr6())
		st.s.Write("/var/www/blog/index.html", "the blog\n", 0o644)
		st.s.Write("/etc/nginx/sites-available/blog", blog, 0o644)
		st.s.Link("/etc/nginx/sites-enabled/blog", "/etc/nginx/sites-available/blog")
		st.reloadNginx()
		before := st.s.Manifest()

		load := st.c.Load("http://blog.example.com/")
		st.answer("nginx")
		mine := st.s.Manifest() // with the answers
		st.ends(st.sslwizard("--dry-run", answers), 0)
		st.untouched(mine)
		st.must(st.apply())
		st.live()
		for name, entry := range before {
			if now := st.s.Manifest()[name]; now != entry {
				t.Errorf("%s changed: %s → %s", name, entry, now)
			}
		}
		st.ends(st.sslwizard("undo"), 0)
		tally := load.StopClean()
		t.Logf("%d requests to the blog, %d failed", tally.Requests, tally.Failed)
		st.restored(mine)
	})
}

const blog = `server {
	listen 80;
	listen [::]:80;
	server_name blog.example.com;
	root /var/www/blog;
}
`
