package steps

import (
	"slices"
	"strings"
	"testing"
)

func TestClientAuthAnswers(t *testing.T) {
	t.Parallel()
	const ca = "clientCA: /etc/ssl/clients.pem"
	for ssl, want := range map[string]string{
		"{}":                                     "",
		"{clientAuth: none}":                     "",
		"{clientAuth: require, " + ca + "}":      "",
		"{clientAuth: optional, " + ca + "}":     "",
		"{clientAuth: require}":                  "ssl.clientCA: missing: the path",
		"{" + ca + "}":                           "ssl.clientCA: it is used only with",
		"{clientAuth: required, " + ca + "}":     `"required" is none of none, optional, require; did you mean "require"?`,
		"{clientAuth: require, clientCA: a.pem}": "ssl.clientCA: ",
	} {
		sites, err := Sites("a.yaml", []byte(over(minimal, "ssl: "+ssl)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", ssl, err, want)
			continue
		}
		if err != nil {
			continue
		}
		again, err := Sites("stored", Print(sites[0]))
		if err != nil || again[0].SSL != sites[0].SSL {
			t.Errorf("%s: stored and read again it is %+v, %v", ssl, again, err)
		}
	}
	_, err := Sites("a.yaml", []byte(over(minimal, "ssl: {clientAuth: require, "+ca+"}\nredirect: {enabled: false}")))
	if err == nil || !strings.Contains(err.Error(), "plain http") {
		t.Errorf("http is kept, and lets everybody in: %v", err)
	}
}

func TestClientCAsAreCopied(t *testing.T) {
	t.Parallel()
	const text = "-----BEGIN CERTIFICATE-----\n"
	asks := siteOf(t, over(minimal, "ssl: {clientAuth: require, clientCA: /etc/ssl/clients.pem}"))
	path := ClientCAFile(asks.Name)
	plan := func(s Site, f Facts) (Plan, []Finding) {
		t.Helper()
		p, found, err := Build([]Site{s}, f, renewUnits, fakeNative)
		if err != nil {
			t.Fatal(err)
		}
		return p, found
	}
	f := freshFacts()
	f.ClientCAs = map[string]ClientCA{asks.Name: {PEM: []byte(text), Expired: []string{"old CA"}}}
	p, found := plan(asks, f)
	copied := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Key() == FileKey(path) })
	site := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Key() == FileKey(SiteFile(asks.Name)) })
	if copied < 0 || copied > site {
		t.Fatalf("the copy is change %d, the site %d", copied, site)
	}
	if w := p.Changes[copied].(WriteFile); string(w.Content) != text || w.Mode != 0o640 || w.Group != ProxyUser {
		t.Errorf("copied as %+v", w)
	}
	said := ""
	for _, one := range found {
		said += one.Text + "\n"
	}
	if !strings.Contains(said, "old CA") || !strings.Contains(said, "will not get in") {
		t.Errorf("it says %s", said)
	}

	f.ClientCAs = nil // without root
	if p, _ := plan(asks, f); slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Key() == FileKey(path) }) {
		t.Error("a file that could not be read is copied")
	}
	f.Managed.Files = map[string]string{path: "0"}
	p, _ = plan(siteOf(t, minimal), f)
	if !slices.ContainsFunc(p.Changes, func(c Change) bool { r, ok := c.(RemoveFile); return ok && r.Path == path }) {
		t.Error("what no site reads any more stays")
	}
	f.Managed.Sites = []Site{asks}
	removal, _, err := BuildRemoval(asks.Name, f, fakeNative)
	if err != nil || !slices.ContainsFunc(removal.Changes, func(c Change) bool { r, ok := c.(RemoveFile); return ok && r.Path == path }) {
		t.Errorf("it stays when the site goes: %v", err)
	}
}
