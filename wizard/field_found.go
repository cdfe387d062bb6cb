package wizard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// found is something on this server that could be the answer.
type found struct{ value, about string }

// found are the answers that were seen around this server: applications that listen, names that lead here.
func (f *field) found() []found {
	var all []found
	switch f.q.Key {
	case "proxy.upstream":
		for _, a := range f.talk.facts.Nearby.Apps {
			all = append(all, found{a.Upstream, aboutApp(a)})
		}
	case "certs.domains":
		for _, n := range f.talk.facts.Nearby.Names {
			about := "leads elsewhere, " + n.Source
			if n.Here {
				about = "leads here, " + n.Source
			}
			all = append(all, found{string(n.Domain), about})
		}
	case "websockets.paths":
		for _, a := range f.talk.facts.Nearby.Apps {
			for _, path := range a.WebSockets {
				if a.Upstream == f.talk.value("proxy.upstream") {
					all = append(all, found{path, "took a WebSocket"})
				}
			}
		}
	}
	return all
}

// aboutApp is "node, shop.service, answers 200, Express".
func aboutApp(a steps.App) string {
	var parts []string
	for _, part := range []string{a.Process, a.Unit, a.Server} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if a.Status > 0 {
		parts = append(parts, fmt.Sprintf("answers %d", a.Status))
	}
	return strings.Join(parts, ", ")
}

// fill takes the next thing that was found; it reports whether there was one.
func (f *field) fill() bool {
	all := f.found()
	if len(all) == 0 {
		return false
	}
	if f.listed() {
		before := f.text()
		for _, one := range all {
			if !slices.Contains(f.list.items(), one.value) {
				f.list.add(one.value)
				break
			}
		}
		return f.text() != before
	}
	n := slices.IndexFunc(all, func(one found) bool { return one.value == f.text() })
	f.input.refresh(all[(n+1)%len(all)].value)
	return true
}

// origin is where the answer comes from, and what else was found.
func (f *field) origin(width int) []string {
	var lines []string
	say := func(text string) {
		lines = append(lines, cut(pad("", inset)+f.theme.Fold(steps.CleanLine(text)), width, f.theme))
	}
	if f.q.From != "" && f.text() == f.q.Default {
		for _, line := range wrap("Filled in from "+steps.CleanLine(f.q.From)+".", width-inset) {
			say(line)
		}
	}
	const most = 3
	others := slices.DeleteFunc(f.found(), func(one found) bool {
		return one.value == f.text() || f.listed() && slices.Contains(f.list.items(), one.value)
	})
	if len(others) == 0 {
		return lines
	}
	say("Found here, ctrl+n takes it:")
	for _, one := range others[:min(most, len(others))] {
		lines = append(lines, cut(pad("", inset+2)+f.theme.Fold(steps.CleanLine(one.value)+"  "+steps.CleanLine(one.about)), width, f.theme))
	}
	return lines
}
