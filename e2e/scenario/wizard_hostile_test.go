//go:build e2e

package scenario

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/c93d5bcb/sslwizard/steps"
)

// nasty is what nobody may send to the terminal of an administrator: it clears the screen, sets its title, turns the
// direction of writing, is wide, rings, and is long.
var nasty = "\x1b[2J\x1b]0;owned\x07\u202eevil\u200b漢字\u009b31m" + strings.Repeat("x", 10_000)

// aliens answers every request with a head and a body that are nasty.
const aliens = `use IO::Socket::INET; $0 = $ARGV[0];
my $l = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:3001", ReuseAddr => 1) or die;
while (my $c = $l->accept) { sysread $c, my $in, 65536; print $c "HTTP/1.1 200 OK $ARGV[0]\r\nServer: $ARGV[0]\r\nContent-Length: 0\r\n\r\n"; close $c }`

// TestWizardHostile: what an application, the system and a file of nginx's say is nasty. It is shown, on the screens and line
// by line, and no byte of it reaches the terminal as it is.
func TestWizardHostile(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("nginx")
	st.s.Write("/opt/aliens.pl", aliens, 0o644)
	st.s.Write("/etc/os-release", "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian "+nasty+"\"\n", 0o644)
	st.s.Must("systemd-run", "--unit=aliens", "perl", "/opt/aliens.pl", nasty)
	st.await(3001)
	st.s.Write("/etc/nginx/conf.d/theirs.conf", "server { listen 8443 "+nasty+"; server_name "+nasty+"; }\n", 0o644)
	st.answer("nginx", "3000", "3001")
	for _, flags := range [][]string{nil, {"--ascii"}} {
		u := st.sits(st.s.Terminal(append([]string{"/root/sslwizard", "--answers", answers}, flags...)...))
		u.sees("Begin", "application  app.service").presses("enter").sees(step(1))
		for n := 2; n <= 7; n++ {
			u.presses("enter").sees(step(n))
		}
		u.presses("enter").sees("invalid parameter")
		u.presses("ctrl+c").sees("Quit sslwizard?").presses("ctrl+c").leaves(steps.ExitCancelled)
		u.gotNothingRaw()
	}
	u := st.sits(st.s.Terminal("/root/sslwizard", "--plain", "--answers", answers))
	u.presses(strings.Repeat("\r", 40), "\x04")
	status, err := u.r.Wait()
	if err != nil || status == 0 {
		t.Errorf("exit status %d, %v", status, err)
	}
	if !strings.Contains(u.r.Raw(), "invalid parameter") {
		t.Errorf("nginx was not heard:\n%s", u.r.Raw())
	}
	u.gotNothingRaw()
}

// TestWizardHostileOutside: what the CA answers is nasty, and what the DNS calls this server. The first is shown where the
// run says why there is no trusted certificate, on the screens, in the log, in the report and line by line.
func TestWizardHostileOutside(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.w.CA.Stop()
	st.w.CA.Start("--refuse", nasty)
	st.trustPebble()
	st.w.CA.Reverse(st.s.Addr4(), `evil\027[2J\007\226\128\174.example.com`)
	st.answer("native")
	u := st.sits(st.s.Terminal("/root/sslwizard", "--answers", answers))
	u.begins().confirms().agrees().seesWithin(longRun, "r try again")
	u.presses("e").sees("> Back to the report", "owned").presses("esc").sees("r try again")
	u.presses("l").sees("line ", "owned").presses("esc").sees("r try again")
	u.presses("enter").leaves(steps.ExitUnverified)
	u.gotNothingRaw()

	u = st.sits(st.s.Terminal("/root/sslwizard", "--plain", "--answers", answers))
	u.sees("Number 1 to 2") // an Enter before the first question would be one ahead of them all
	for !strings.Contains(u.r.Raw(), "Show every change") {
		asked := len(prompts.FindAllString(u.r.Raw(), -1))
		u.presses("\r").waits("the next question", func(string) bool { return len(prompts.FindAllString(u.r.Raw(), -1)) > asked })
	}
	u.presses("\r").sees("Type yes").presses("yes\r", "\x04")
	if _, err := u.r.Wait(); err != nil {
		t.Error(err)
	}
	u.gotNothingRaw()
}

// prompts is how a question ends in plain mode: with its default. A finding ("ok: ") is not taken for one, for an Enter too
// many would be the answer to the next question.
var prompts = regexp.MustCompile(`(\]|\(or nothing\)): `)

// gotNothingRaw looks at every byte that went to the terminal.
func (u *user) gotNothingRaw() {
	u.Helper()
	raw := u.r.Raw()
	if !strings.Contains(raw, "owned") {
		u.Errorf("nothing nasty was shown at all:\n%s", raw)
	}
	for _, bad := range []string{"\x1b]", "\x07", "\u202e", "\u200b", "\u009b"} {
		if at := strings.Index(raw, bad); at >= 0 {
			u.Errorf("%q reached the terminal: %q", bad, raw[max(0, at-80):min(len(raw), at+80)])
		}
	}
	if !utf8.ValidString(raw) {
		u.Errorf("what reached the terminal is no UTF-8")
	}
	for _, r := range raw {
		if unicode.Is(unicode.Cf, r) || r >= 0x80 && r < 0xa0 {
			u.Errorf("%U reached the terminal", r)
		}
	}
}
