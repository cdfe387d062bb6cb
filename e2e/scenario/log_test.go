//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestAccessLogInAFile is a site whose requests are wanted in a file, in the form that other programs read: the sandbox
// lets that one folder be written, a file that logrotate has moved is followed by another, and an undo leaves nothing but
// what was logged.
func TestAccessLogInAFile(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		const file, rotation = "/var/log/sslwizard/shop.example.com.log", "/etc/logrotate.d/sslwizard"
		st := begin(t, suite)
		st.answer("native")
		st.must(st.apply())
		if st.s.Has(rotation) || st.s.Has("/var/log/sslwizard") {
			t.Error("a log that is in no file is rotated")
		}
		before := st.s.Manifest()
		st.answer("native", `"http://127.0.0.1:3000"`, `"http://127.0.0.1:3000", accessLog: combined`)
		st.must(st.apply())
		st.ends(st.apply(), 0, "Nothing to do")
		st.c.Gets(200, "https://"+shop+"/seen?secret=1", "--user-agent", "robot", "--referer", "https://example.org/from?secret=2")
		world.Eventually(t, "the request in the log", func() bool { return strings.Contains(st.s.Read(file), "/seen") })
		if text := st.s.Read(file); !strings.Contains(text, `] "GET /seen HTTP/2.0" 200 `) || !strings.Contains(text, ` "https://example.org/from" "robot"`+"\n") ||
			strings.Contains(text, "secret") {
			t.Errorf("the log has\n%s", text)
		}
		if mode := st.s.Must("stat", "-c", "%a %U", file, "/var/log/sslwizard", rotation); mode != "600 sslwizard\n750 sslwizard\n644 root\n" {
			t.Errorf("who may read it: %s", mode)
		}

		st.s.Must("mv", file, file+".1")
		st.c.Gets(200, "https://"+shop+"/later")
		world.Eventually(t, "another file", func() bool { return st.s.Has(file) && strings.Contains(st.s.Read(file), "/later") })
		st.live()

		st.ends(st.sslwizard("undo"), 0, "Undone: ")
		st.same("not as it was before", before.Restored(st.s.Manifest(), kept, answers, "/var/log/sslwizard"))
		st.live()
	})
}
