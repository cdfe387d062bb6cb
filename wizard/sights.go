package wizard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// sight is one thing that was looked at. What was seen to be well at several addresses, or under several names, is one
// sight; and so is a fault with one and the same reason.
type sight struct {
	steps.Check
	times int
	at    []string // addresses
}

type sights []sight

// take adds a check.
func (all *sights) take(c steps.Check) {
	n := slices.IndexFunc(*all, func(s sight) bool { return alike(s.Check, c) })
	if n < 0 {
		*all = append(*all, sight{Check: c})
		n = len(*all) - 1
	}
	s := &(*all)[n]
	s.times++
	if c.Address != "" && !slices.Contains(s.at, c.Address) {
		s.at = append(s.at, c.Address)
	}
}

func alike(a, b steps.Check) bool {
	switch {
	case a.Verdict != b.Verdict || a.Step != b.Step:
		return false
	case !bad(a):
		return a.Name == b.Name
	}
	return a.Code == b.Code && a.Detail == b.Detail && a.Browser == b.Browser && (a.Code != "" || a.Name == b.Name)
}

func bad(c steps.Check) bool { return c.Verdict == steps.Fail || c.Verdict == steps.Warn }

func sightsOf(checks []steps.Check) sights {
	var all sights
	for _, c := range checks {
		all.take(c)
	}
	return all
}

// labels are the checks in people's words, with room for the longest.
var labels = map[string]string{
	"dns.addresses": "DNS",
	"tcp.http":      "port for http", "tcp.https": "port for https",
	"certs.leaf": "certificate", "certs.names": "its names", "certs.dates": "its dates", "certs.key": "its key", "certs.order": "order of its chain",
	"certs.chain": "its chain", "certs.clock": "clock",
	"tls.handshake": "TLS handshake", "tls.versions": "TLS versions", "tls.ciphers": "TLS ciphers", "tls.groups": "key exchange", "tls.alpn": "HTTP versions",
	"tls.hsts": "HSTS", "tls.foreign": "a foreign name", "tls.clients": "unknown clients", "tls.unknown": "an unknown name",
	"redirect.reach": "answer on http", "redirect.location": "redirect", "redirect.loop": "no redirect loop", "redirect.canonical": "main name",
	"redirect.challenge": "question of a CA", "challenge.http": "question of a CA", "challenge.https": "the same on https",
	"proxy.answer": "answer", "proxy.application": "application", "proxy.headers": "forwarded headers",
	"ws.handshake": "wss:// open", "ws.headers": "wss:// headers", "ws.accept": "wss:// accept key", "ws.extensions": "wss:// extensions",
	"ws.protocol": "wss:// subprotocol", "ws.ping": "wss:// ping", "ws.echo": "wss:// echo", "ws.idle": "wss:// silence", "ws.close": "wss:// close",
	"ws.version": "old wss:// version", "ws.application": "application's own",
	"trusted.chain": "trusted chain", "trusted.days": "days left",
}

const labelWidth = 20

// called is what a check is called; one that is not known keeps its own name.
func called(c steps.Check) string {
	if said := labels[c.Name]; said != "" {
		return said
	}
	return steps.CleanLine(c.Name)
}

// says is what was seen, with the addresses where it matters which.
func (s sight) says() string {
	text := steps.CleanLine(s.Detail)
	if s.Browser != "" {
		text += " [" + steps.CleanLine(s.Browser) + "]"
	}
	if bad(s.Check) && len(s.at) > 0 {
		text += " (" + strings.Join(s.at, ", ") + ")"
	}
	return text
}

// line is a sight in one line; how often it was seen stands at the end.
func (s sight) line(t theme.Theme, width int) string {
	const margin, mark = 3, 7
	room := width - margin - mark - labelWidth - len("  x99")
	text := cut(t.Fold(s.says()), room, t)
	if s.times > 1 {
		text = pad(text, room) + times(s.times, t)
	}
	return pad("", margin) + t.Mark(s.Verdict) + " " + pad(cut(t.Fold(called(s.Check)), labelWidth-1, t), labelWidth) + text
}

// whole is a sight with all that is known of it.
func (s sight) whole(t theme.Theme, width int) []string {
	const margin = 3
	text := t.Fold(s.says())
	if !bad(s.Check) {
		text += times(s.times, t)
	}
	lines := wrap(text, width-margin-len("x fail ")-labelWidth)
	for n := range lines {
		if n == 0 {
			lines[n] = pad("", margin) + t.Mark(s.Verdict) + " " + pad(t.Fold(called(s.Check)), labelWidth) + lines[n]
			continue
		}
		lines[n] = pad("", margin+len("x fail ")+labelWidth) + lines[n]
	}
	for _, fix := range s.Fix {
		lines = append(lines, advice(fix, t, margin+len("x fail "), width)...)
	}
	return lines
}

// times says how often something was.
func times(n int, t theme.Theme) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("  %s%d", t.Shape("×", "x"), n)
}

// advice is a way on in full: what is to be typed with what it does, or what is to be done otherwise.
func advice(fix string, t theme.Theme, indent, width int) []string {
	command, comment := steps.SplitFix(fix)
	if comment != "" {
		command += "    # " + comment
	}
	return hung(t.Fold(command), indent, width)
}

// hung is a text that begins at a column, and goes on two columns further.
func hung(text string, indent, width int) []string {
	const further = 2
	lines := wrap(text, width-indent-further)
	for n := range lines {
		lines[n] = pad("", indent+map[bool]int{false: further}[n == 0]) + lines[n]
	}
	return lines
}

// bySteps are sights under the steps that they are about.
func (all sights) bySteps(t theme.Theme, width int) []string {
	var lines []string
	for _, id := range steps.IDs() {
		titled := false
		for _, s := range all {
			if s.Step != id {
				continue
			}
			if !titled {
				lines, titled = append(lines, "", "   "+t.Paint(theme.Bold, titleOf(id))), true
			}
			lines = append(lines, s.whole(t, width)...)
		}
	}
	return lines
}
