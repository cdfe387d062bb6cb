package nginx

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// words collects the first error of writing a site's values as words of nginx, so that the rendering reads straight.
// Sites are valid when they come here; this is the second lock on the same door.
type words struct{ err error }

// literal returns s as it is, and refuses what nginx would not take literally: it has no escape for "$".
func (w *words) literal(what, s string) string {
	if strings.ContainsRune(s, '$') || steps.CleanLine(s) != s {
		w.fail("%s %q has a character that nginx cannot take", what, s)
	}
	return s
}

// name returns a domain as server_name and map take it: an IPv6 literal in brackets, as it stands in a Host header.
func (w *words) name(d steps.Domain) string {
	if a, ok := d.IP(); ok {
		if a.Is6() {
			return "[" + a.String() + "]"
		}
		return a.String()
	}
	for i, r := range strings.TrimPrefix(string(d), "*.") {
		ok := 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || i > 0 && (r == '-' || r == '.') || r == '_'
		if !ok {
			w.fail("the domain %q has a character that no domain has", string(d))
			return "invalid"
		}
	}
	if d == "" || d == "*." {
		w.fail("a domain is empty")
	}
	return string(d)
}

// site returns the name of a site, which becomes part of names and paths.
func (w *words) site(name string) string {
	for _, r := range name {
		if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r)) {
			w.fail("the site name %q has a character that no site name has", name)
			return "invalid"
		}
	}
	if name == "" || strings.HasPrefix(name, ".") {
		w.fail("%q is no name of a site", name)
	}
	return name
}

// path returns a path prefix of requests.
func (w *words) path(p string) string {
	if !strings.HasPrefix(p, "/") {
		w.fail("the path %q does not begin with /", p)
	}
	return w.literal("the path", p)
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("cannot write the nginx configuration: "+format, args...)
	}
}

// duration writes a time as nginx reads it, exact to the millisecond.
func duration(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// size writes bytes as nginx reads them; 0 is no limit.
func size(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "m"
	case n > 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "k"
	}
	return strconv.FormatInt(n, 10)
}
