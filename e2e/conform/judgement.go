package main

import (
	"fmt"
	"slices"
	"strings"
)

// judgement is a payload with what came of it.
type judgement struct {
	p       payload
	sees    []string
	body    string
	seen    []request
	answers []answer
}

// verdict compares what the back end saw with what was in the payload.
func (j judgement) verdict() verdict {
	var whole []string
	for _, r := range j.seen {
		if !j.expects(r.line()) {
			return surprise(r)
		}
		if r.whole {
			whole = append(whole, r.line())
		}
	}
	for _, a := range j.answers {
		if a.seen != "" && !j.expects(a.seen) {
			return breach("the client got the answer to %q", a.seen)
		}
	}
	if !within(whole, j.sees) {
		return breach("the back end saw %q", whole)
	}
	if len(whole) > 0 && sameLine(whole[0], j.sees[0]) && j.body != "" && j.first().body != j.body {
		return breach("the back end saw the body %.60q", j.first().body)
	}
	return j.manner(whole)
}

// surprise is a request that nobody should have seen. Every proxy here sets X-Forwarded-For: with it, the proxy took the
// request for one and let it by; without, the application alone did, and that is smuggling.
func surprise(r request) verdict {
	if r.header.Get("X-Forwarded-For") == "" {
		return breach("the back end saw %q, of which the proxy knew nothing", r.line())
	}
	return odd("the proxy passed on %q", r.line())
}

func (j judgement) expects(line string) bool {
	return slices.ContainsFunc(j.sees, func(other string) bool { return sameLine(line, other) })
}

// sameLine compares two request lines. A proxy may encode what no target may have as it is (RFC 3986 section 2.1).
func sameLine(a, b string) bool { return encoded(a) == encoded(b) }

func encoded(line string) string {
	var b strings.Builder
	for i := range len(line) {
		if c := line[i]; c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// within reports whether some are among all, in their order: an application may refuse one itself.
func within(some, all []string) bool {
	for _, one := range all {
		if len(some) > 0 && sameLine(some[0], one) {
			some = some[1:]
		}
	}
	return len(some) == 0
}

func (j judgement) first() request {
	return j.seen[slices.IndexFunc(j.seen, func(r request) bool { return r.whole })]
}

// manner says whether the proxy did as it should where it did no harm.
func (j judgement) manner(whole []string) verdict {
	outer := len(whole) > 0 && sameLine(whole[0], j.sees[0])
	switch {
	case j.p.want == refuse && outer:
		return odd("passed on, answered %v", j.answers)
	case j.p.want == refuse && len(whole) > 0:
		return odd("refused, but the connection goes on")
	case j.p.want == refuse && len(j.answers) > 0 && j.answers[0].status < 400:
		return odd("answered %v", j.answers)
	case j.p.want == pass && !j.p.closes && !j.p.mayClose && len(whole) != len(j.sees):
		return odd("not passed on: %v", j.answers)
	case j.p.want == pass && !outer:
		return odd("not passed on: %v", j.answers)
	case j.p.closes && len(whole) > 1:
		return odd("the connection goes on")
	}
	return fine()
}
