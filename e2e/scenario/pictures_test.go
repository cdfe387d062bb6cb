//go:build e2e

package scenario

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestPictures walks through the whole wizard over ssh on a fresh server and compares what is seen with the pictures of
// the README, so that they are what the wizard shows.
func TestPictures(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie", named("web1"))
	st.s.Account("ada")
	a := &album{user: st.logsIn("sudo ./sslwizard")}
	a.sees("Begin", "application  app.service at http")
	a.films(toRead)
	a.takes("welcome", "The first screen: what sslwizard found on this server before it asked anything")
	a.steps()
	a.reads()
	a.watches(st)
	a.presses("enter").leaves(0)
	st.c.Gets(200, "https://"+shop+"/")
}

// named gives a server a name.
func named(name string) world.Option {
	return world.With(func(s *world.Server) { s.Write("/etc/hostname", name+"\n", 0o644) })
}

// steps answers the seven steps.
func (a *album) steps() {
	a.Helper()
	a.presses("enter").sees(step(1))
	a.films(toSee)
	a.presses("enter").sees(step(2))
	a.films(toSee)
	a.types("", shop)
	a.sees("✓ leads here")
	a.films(toRead)
	a.takes("certs", "Step 2: the name is looked up while it is typed")
	for n := 3; n <= 5; n++ {
		a.presses("enter").sees(step(n))
		a.films(toSee)
	}
	a.sees("the application answers 200")
	a.films(toRead)
	a.takes("proxy", "Step 5: the application was found, and it was asked")
	a.presses("enter").sees(step(6))
	a.films(toSee)
	a.presses("enter").sees(step(7))
	a.films(toSee)
	a.trusts()
}

// trusts answers the last step: the CA of this world is one of one's own.
func (a *album) trusts() {
	a.Helper()
	for _, answer := range []string{world.Directory, "/root/ca.pem", "ops@example.com"} {
		a.presses("tab").sees("█")
		a.presses("ctrl+u", answer).sees(answer + "█")
		a.films(toSee)
	}
	a.presses("tab").sees("yes, I agree")
	a.films(toSee)
	a.presses("space").sees("[✓] yes, I agree")
	a.films(toRead)
	a.takes("trusted", "Step 7: where the trusted certificate comes from, and a consent that nobody assumes")
}

// reads looks at the plan and at one file of it.
func (a *album) reads() {
	a.Helper()
	a.presses("enter").sees(planScreen)
	a.films(toRead)
	a.takes("plan", "The plan: everything that would change, under the step that asks for it")
	a.moves("sslwizard-proxy.service")
	a.films(toSee)
	a.presses("enter").sees("line 1 to")
	a.films(toRead)
	a.takes("diff", "One file of the plan as a diff, line by line")
	a.presses("esc").sees(planScreen)
	a.films(toSee)
}

// watches types yes and watches the run to its end. The CA is held for a moment, so that there is one to be pictured.
func (a *album) watches(st *story) {
	a.Helper()
	a.presses("a").sees("Type  yes")
	a.films(toSee)
	a.types("enter:  ", "yes")
	a.films(toSee)
	a.takes("confirm", "The last question: only a typed yes starts the run")
	st.w.CA.Freeze()
	a.presses("enter")
	a.follows("can be proved from outside")
	a.sees("now   obtain")
	a.films(toRead)
	a.takes("apply", "The run: what is done, what is being done, what comes next")
	st.w.CA.Thaw()
	a.follows("Undo it any time")
	a.takes("done", "The report card: what is live, and how each of the seven steps was proven")
	a.films(atTheEnd)
	a.shows("wizard", "sslwizard from the first screen to the report card, on a fresh server over ssh")
}

// TestPicturesOfFailure has nginx refuse what would be written, because of a setting that somebody made before.
func TestPicturesOfFailure(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm", named("web2"))
	st.s.Account("ada")
	st.s.Install("nginx")
	st.s.Write("/etc/nginx/conf.d/cache.conf", "ssl_session_cache shared:sslwizard:2m;\n", 0o644)
	st.reloadNginx()
	st.answer("nginx")
	a := &album{user: st.logsIn("sudo ./sslwizard --answers " + answers)}
	a.sees("Begin", "application  app.service at http")
	for n := range 7 {
		a.presses("enter").sees(step(n + 1))
	}
	a.presses("enter").sees(planScreen)
	a.agrees()
	a.seesWithin(longRun, "Back to the plan")
	a.takes("failure", "A run that failed: the server's own words, what was put back, what stays")
	a.presses("q").leaves(steps.ExitReverted)
}
