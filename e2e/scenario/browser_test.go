//go:build e2e

package scenario

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// inBrowser is what the page of the application says of a browser, and of the way to it.
type inBrowser struct {
	URL    string `json:"url"`
	Secure bool   `json:"secure"`
	HTTP   string `json:"http"`
	Bytes  int    `json:"bytes"`
	Posted int    `json:"posted"`
	Events int    `json:"events"`
	Echoed []any  `json:"echoed"`
	Closed int    `json:"closed"`
	Error  string `json:"error"`
}

// TestBrowser is the site in a stranger's Chromium, which types the name without https: a page, fetch both ways,
// server-sent events and a WebSocket, over HTTP/2 and trusted.
func TestBrowser(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		st.c.Browse("http://" + shop + "/.page")

		var said inBrowser
		world.Within(t, "what the browser says", 2*time.Minute, func() bool {
			r := st.c.Curl("--fail", "https://"+shop+"/.page/said")
			return r.Status == 0 && json.Unmarshal([]byte(r.Stdout), &said) == nil
		})
		want := inBrowser{URL: "https://" + shop + "/.page", Secure: true, HTTP: "h2", Bytes: 100000, Posted: 50000, Events: 5,
			Echoed: []any{"hello", 70000.0}, Closed: 1000}
		if !reflect.DeepEqual(said, want) {
			t.Errorf("the browser says\n%+v, want\n%+v", said, want)
		}
	})
}
