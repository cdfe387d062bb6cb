package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// table is what came of the suites on all proxies.
type table struct{ columns []column }

// rows are the table in Markdown.
func (t table) rows() string {
	var b strings.Builder
	b.WriteString("| suite |")
	rule := "| --- |"
	for _, c := range t.columns {
		b.WriteString(" " + c.name + " |")
		rule += " --- |"
	}
	b.WriteString("\n" + rule + "\n")
	for _, u := range suites() {
		if !slices.ContainsFunc(t.columns, func(c column) bool { _, tried := c.scores[u.name]; return tried }) {
			continue
		}
		b.WriteString("| " + u.name + " |")
		for _, c := range t.columns {
			cell := "—"
			if s, tried := c.scores[u.name]; tried {
				cell = s.String()
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const introduction = `# Conformance

Written by ` + "`go run ./e2e/conform --write`" + ` on %s. Every cell says how many cases went as they should.

%s
%s
What is tried, in short: raw bytes over TLS that two readers could understand differently, with an application behind the
proxy that is strict (net/http), one that makes every mistake in reading that is known, and a strict one behind an nginx
that takes what it can take; requests of HTTP/2 that are one there and two in HTTP/1.1; what a client may not say about
itself; answers of an application, right in every form and wrong; a connection to one name and a request for another;
upgrades to what nobody asked for; frames of WebSockets, right and wrong, byte for byte both ways, and with a library behind
them that many use; errands to elsewhere. Each application records what it saw, and another client of the
same site asks after every case whether it still gets its own answers. The cases are in e2e/conform, in the words of who
found them where there are some.

A case that does not go as it should is a deviation when nobody is deceived by it: a request that the standard says to
refuse is passed on, but as one and in a form that cannot be misread; or a right one is refused. It **deceives** when an
application saw something that the proxy knew nothing of, believed what only a proxy may say, or got bytes that can be read
in two ways; or when a client got somebody else's answer. Each case counts once, by the worst of its back ends. Some
outcomes hang on which of two things a proxy does first, so a few cases differ from one run to the next; those of native
do not, and CI fails when one does.

nginx is set up by the files of sslwizard's nginx executor, word for word; Caddy and HAProxy by what their documentation
gives for such sites, without hardening: a comparison of what one gets, not of what they can be made to do. In HAProxy and
Caddy no path is kept from WebSockets, and no name from redirects, because nothing in their documentation's examples does.
`

// write writes docs/conformance.md.
func (t table) write(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("cannot find the tree: %w", err)
	}
	text := fmt.Sprintf(introduction, time.Now().UTC().Format(time.DateOnly), t.rows(), t.versions()) + t.deviations()
	return os.WriteFile(filepath.Join(strings.TrimSpace(string(root)), "docs", "conformance.md"), []byte(text), 0o644)
}

func (t table) versions() string {
	var b strings.Builder
	for _, c := range t.columns {
		switch {
		case c.missing != nil:
			fmt.Fprintf(&b, "- %s: not to be had on that machine\n", c.name)
		default:
			fmt.Fprintf(&b, "- %s: %s\n", c.name, c.version)
		}
	}
	return b.String()
}

// deviations are the cases, class by class, that did not go as they should.
func (t table) deviations() string {
	var b strings.Builder
	for _, c := range t.columns {
		fmt.Fprintf(&b, "\n## %s: what does not go as it should\n\n", c.name)
		none := true
		for _, u := range suites() {
			for _, line := range listed(c.scores[u.name].bad, c.name == drivers[0].name) {
				none = false
				fmt.Fprintf(&b, "- %s, %s\n", u.name, line)
			}
		}
		if none {
			b.WriteString("Nothing.\n")
		}
	}
	return b.String()
}

// listed are the classes with their cases; those that deceive stand out. Of our own the reasons are given, where there
// are some.
func listed(bad []outcome, own bool) []string {
	worst := map[string]grade{}
	byClass := map[string][]string{}
	for _, o := range bad {
		key := o.testCase.String()
		if _, seen := worst[key]; !seen {
			byClass[o.class] = append(byClass[o.class], o.name)
		}
		worst[key] = max(worst[key], o.grade)
	}
	var lines []string
	for class, names := range byClass {
		slices.Sort(names)
		for i, name := range names {
			key := testCase{class: class, name: name}.String()
			names[i] = "`" + strings.ReplaceAll(name, "`", "'") + "`"
			if worst[key] == broken {
				names[i] = "**" + names[i] + "**"
			}
			if reason := known[key]; own && reason != "" {
				names[i] += " (" + reason + ")"
			}
		}
		lines = append(lines, class+": "+strings.Join(names, "; "))
	}
	slices.Sort(lines)
	return lines
}
