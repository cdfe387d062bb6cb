//go:build e2e

package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// second is another site for the same server, with an application of its own.
const second = "blog.example.com"

// TestLife is what happens to a server over time: a renewal by hand and by the timer, a second site, a site that is
// taken away, and everything undone.
func TestLife(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.w.CA.Name(second, st.s.Addr4(), st.s.Addr6())
		before := st.s.Manifest()
		st.answer(executor)
		st.must(st.apply())

		st.renews()
		st.secondSite(executor)
		st.removes()

		st.ends(st.sslwizard("uninstall"), 0)
		if t.Failed() {
			return
		}
		st.same("not as it was before", before.Restored(st.s.Manifest(), left, "/root"))
		st.ends(st.sslwizard("status"), 0, "No sites are managed here.")
		st.ends(st.sslwizard("uninstall"), 0)
	})
}

// renews has the unit of the timer look, which finds nothing due, and then renews by force: a new certificate is served,
// with the connection of a WebSocket unbroken meanwhile.
func (st *story) renews() {
	st.Helper()
	first := st.serial()
	st.s.Must("systemctl", "start", "sslwizard-renew.service")
	if now := st.serial(); now != first {
		st.Errorf("the timer renewed what was not due")
	}
	st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
	if now := st.serial(); now == first {
		st.Error("the renewed certificate is not served")
	}
	st.live()
	st.ends(st.sslwizard("renew", "nobody.example.com"), 64, "no such site")
}

// serial is the serial number of the certificate that the client is shown.
func (st *story) serial() string { return st.serialAt(st.s.Addr4().String()) }

func (st *story) serialAt(address string) string {
	st.Helper()
	r := st.c.Exec("openssl", "s_client", "-connect", address+":443", "-servername", shop)
	return st.c.Exec("openssl", "x509", "-noout", "-serial", "-in", st.w.Scratch(r.Stdout)).Stdout
}

// secondSite adds a site in a file of its own; the first one is not touched, and both answer.
func (st *story) secondSite(executor string) {
	st.Helper()
	st.s.Write("/root/blog.yaml", strings.NewReplacer("EXECUTOR", executor, "[shop.example.com, www.shop.example.com]", "["+second+"]").Replace(common), 0o644)
	first := st.serial()
	st.must(st.sslwizard("--non-interactive", "/root/blog.yaml"))
	if !strings.Contains(st.c.Gets(200, "https://"+second+"/a?b=1"), `"uri":"/a?b=1"`) {
		st.Error("the second site does not answer")
	}
	st.live()
	if st.serial() != first {
		st.Error("the first site has a new certificate")
	}
	st.ends(st.sslwizard("status"), 0, shop, second)
	st.ends(st.apply(), 0, "Nothing to do")
}

// removes takes the second site away; the first one goes on.
func (st *story) removes() {
	st.Helper()
	st.ends(st.sslwizard("remove", "nobody.example.com"), 64, "no such site")
	before := st.s.Manifest()
	st.ends(st.sslwizard("remove", second, "--dry-run"), 0, "Nothing was changed")
	st.untouched(before)
	st.must(st.sslwizard("remove", second))
	st.live()
	if r := st.c.Curl("https://" + second + "/"); r.Status == 0 && !strings.Contains(r.Stdout, "421") {
		st.Errorf("the removed site still answers: %s", r)
	}
	st.ends(st.apply(), 0, "Nothing to do")
}

// TestRenewalAfterABrokenRun has a run end in the middle as by a power cut, and nobody look after it: the timer's unit, for
// all its sandbox, takes the run back and looks after the certificates of the sites that are left.
func TestRenewalAfterABrokenRun(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.w.CA.Name(second, st.s.Addr4(), st.s.Addr6())
		st.answer(executor)
		st.must(st.apply())
		before := st.s.Manifest()
		for _, renewal := range [][]string{{"/root/sslwizard", "renew"}, {"systemctl", "start", "sslwizard-renew.service"}} {
			st.breaksOff(executor)
			st.ends(st.s.Exec(renewal...), 0)
			if t.Failed() {
				t.Fatal(st.s.Exec("journalctl", "-u", "sslwizard-renew.service", "--no-pager", "-n", "30"))
			}
			st.same("the broken run was not taken back", before.Restored(st.s.Manifest(), kept, "/root"))
			st.live()
		}
	})
}

// TestUndoAndAgain undoes a set-up and makes it again: what the CA gave was kept, and is used.
func TestUndoAndAgain(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		first := st.serial()
		st.must(st.sslwizard("undo"))
		st.ends(st.apply(), 0, "A certificate that was obtained before is still good")
		if st.serial() != first {
			t.Error("the CA was asked for another certificate")
		}
		st.live()
	})
}

// TestUndoLeavesWhatSomebodyUses: the nginx that sslwizard installed serves a site of the user's by now, or a package of the
// user's needs it. An undo takes our site away, and nothing of theirs.
func TestUndoLeavesWhatSomebodyUses(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*story){
		"a site": func(st *story) {
			st.s.Write("/etc/nginx/conf.d/theirs.conf", "server { listen 8080; return 200 theirs; }\n", 0o644)
			st.reloadNginx()
		},
		"a package": func(st *story) {
			st.s.Write("/root/theirs/DEBIAN/control", "Package: theirs\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: needs nginx\nDepends: nginx\n", 0o644)
			st.s.Must("dpkg-deb", "--build", "/root/theirs", "/root/theirs.deb")
			st.s.Must("dpkg", "-i", "/root/theirs.deb")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := begin(t, "bookworm")
			st.answer("nginx")
			st.must(st.apply())
			use(st)
			st.ends(st.sslwizard("undo"), 0, "nginx.service: it goes on", "you use them since")
			if name == "a site" && !strings.Contains(st.c.Gets(200, "http://"+shop+":8080/"), "theirs") {
				t.Error("their site is down")
			}
			if name == "a package" && !strings.Contains(st.s.Must("dpkg-query", "-W", "-f", "${db:Status-Status}", "theirs"), "installed") {
				t.Error("their package is gone")
			}
			st.s.Must("systemctl", "is-active", "nginx.service")
			if r := st.c.Curl("https://" + shop + "/"); r.Status == 0 {
				t.Errorf("our site is still served: %s", r)
			}
		})
	}
}

// TestRenewalThatIsNotServed has a renewal store a new certificate that the server then does not take, because of a file
// that somebody else left there. Nothing is due when the timer comes again, but the old certificate is still served: it is
// the new one as soon as the file is gone.
func TestRenewalThatIsNotServed(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		first := st.serial()
		bad := map[string]string{"native": "/etc/sslwizard/sites/bad.yaml", "nginx": "/etc/nginx/conf.d/bad.conf"}[executor]
		st.s.Write(bad, "nonsense 1;\n", 0o644)
		st.ends(st.sslwizard("renew", "--force", shop), 3, "cannot see the new certificate of "+shop+" in use")
		if st.serial() != first {
			t.Fatal("it is served all the same")
		}
		st.s.Must("rm", bad)
		st.s.Must("systemctl", "start", "sslwizard-renew.service")
		second := st.serial()
		if second == first {
			t.Error("the old certificate is still served")
		}
		st.s.Must("systemctl", "start", "sslwizard-renew.service")
		if st.serial() != second {
			t.Error("renewed what was not due")
		}
		st.live()
	})
}

// breaksOff kills a run that adds the second site, while it verifies: the application hangs, so it is at that long.
func (st *story) breaksOff(executor string) {
	st.Helper()
	st.s.Write("/root/blog.yaml", strings.NewReplacer("EXECUTOR", executor, "[shop.example.com, www.shop.example.com]", "["+second+"]").Replace(common), 0o644)
	st.s.Must("systemctl", "kill", "--signal=STOP", "app.service")
	run := st.s.Background("/root/sslwizard", "--non-interactive", "/root/blog.yaml")
	world.Eventually(st, "a run under way", func() bool {
		return st.s.Has("/etc/sslwizard/sites/"+second+".yaml") && st.s.Has("/var/lib/sslwizard/journal")
	})
	pid, _, _ := strings.Cut(strings.TrimPrefix(st.s.Read("/var/lib/sslwizard/lock"), "pid "), ",")
	st.s.Must("kill", "-KILL", pid)
	run()
	st.s.Must("systemctl", "kill", "--signal=CONT", "app.service")
	if !st.s.Has("/var/lib/sslwizard/journal") {
		st.Fatal("the run ended before it was killed")
	}
}

// TestProbeFromOutside probes the finished site from the client, without root, in text and JSON.
func TestProbeFromOutside(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	st.must(st.apply())
	binary := st.s.Copy("/root/sslwizard")
	roots := st.s.Copy("/root/ca.pem")
	st.c.Exec("chmod", "755", binary)
	probe := func(args ...string) []string {
		return append([]string{"setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", binary, "probe", "--ca", roots}, args...)
	}
	st.c.Exec("chmod", "644", roots)
	st.ends(st.c.Exec(probe("https://"+shop, "--ws", "/chat")...), 0, "7 Trusted certificate", "0 failed")
	r := st.c.Exec(probe("https://"+shop, "--ws", "/chat", "-o", "json")...)
	var kinds []string
	for _, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n") {
		var o struct{ Type string }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, o.Type)
	}
	if len(kinds) < 20 || kinds[0] != "version" || kinds[len(kinds)-1] != "report" {
		t.Errorf("JSON of the kinds %v", kinds)
	}
	st.ends(st.c.Exec(probe("https://nobody.example.com")...), 3, "ERR_NAME_NOT_RESOLVED")
}

// TestDemo runs the demo on a fresh server as a user who is not root: it proves itself and leaves nothing.
func TestDemo(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Must("cp", "/root/sslwizard", "/opt/sslwizard")
	st.s.Must("chmod", "755", "/opt/sslwizard")
	before := st.s.Manifest()
	st.ends(st.s.Exec("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "/opt/sslwizard", "demo", "--once"), 0,
		"exactly the intermediate profile", "101 on /", "messages of 0 to 65,536 bytes came back")
	st.untouched(before)
}
