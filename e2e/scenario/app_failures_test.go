//go:build e2e

package scenario

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestAppWithoutWebSockets (W03): the application answers a WebSocket handshake with a page. The verdict says that it
// is the application, for the same handshake fails without the proxy.
func TestAppWithoutWebSockets(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie", world.With(application("app", "--listen 127.0.0.1:3000 --no-websocket")))
	st.answer("native")
	r := st.apply()
	st.ends(r, r.Status, "W03", "200", "websockets.enabled: false")
	if r.Status != 0 && r.Status != 3 {
		t.Errorf("a site without WebSockets is a site: exit status %d", r.Status)
	}
	st.c.Gets(200, "https://"+shop+"/a?b=1")
	st.answer("native", "proxy:", "websockets: {enabled: false}\nproxy:")
	st.ends(st.apply(), 0)
}

// TestAppSpeaksTLS (W11): the upstream is said to be http, and port 3000 speaks TLS.
func TestAppSpeaksTLS(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm", world.With(application("app", "--listen 127.0.0.1:3000 --tls")))
	st.answer("native")
	st.ends(st.sslwizard("--dry-run", answers), 0)
	r := st.apply()
	st.ends(r, r.Status, "W11", "https://127.0.0.1:3000")
	st.answer("native", "http://127.0.0.1:3000", "https://127.0.0.1:3000")
	st.ends(st.apply(), 0)
	st.live()
}

// TestUpstreamIsOurselves (W09): requests would run in a circle.
func TestUpstreamIsOurselves(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	for _, upstream := range []string{"http://127.0.0.1:80", "https://127.0.0.1:443", "https://" + shop, "http://203.0.113.10"} {
		st.answer("native", "http://127.0.0.1:3000", upstream)
		before := st.s.Manifest()
		r := st.apply()
		st.ends(r, r.Status, "itself")
		if r.Status != 65 && r.Status != 1 { // 65 when the answers alone show it, 1 when it takes a look at the server
			t.Errorf("%s: exit status %d", upstream, r.Status)
		}
		st.untouched(before)
	}
}

// TestNothingListens: the application is not there yet. That is said, and the site is set up around it.
func TestNothingListens(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie", world.With(application("stand-in-for-ssh", "--listen :22")))
	st.answer("native")
	st.s.Must("systemctl", "stop", "app")
	st.ends(st.sslwizard("--dry-run", answers), 0, "nothing listens on 127.0.0.1:3000")
}
