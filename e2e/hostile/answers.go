package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// ground is a good answers file, by key in the words of YAML, into which a bad value is put. There are several, so that each
// key is looked at in one where it counts.
type ground struct {
	name string
	said map[string]string
}

// grounds are a site proved over port 80, one proved by a record of the DNS with everything around it, one with files, and one
// that trusts this server's own CA.
func grounds() []ground {
	base := map[string]string{
		"certs.domains": `["shop.example.com", "www.shop.example.com"]`, "proxy.upstream": `"http://127.0.0.1:3000"`,
		"trusted.email": `"ops@example.com"`, "trusted.acceptTerms": "true",
	}
	return []ground{
		{"http-01", base},
		{"dns-01", over(base, map[string]string{
			"redirect.canonical": `"shop.example.com"`, "proxy.headers": `{"X-A": "good"}`, "proxy.trusted": `["203.0.113.0/24"]`,
			"proxy.clientAddress": `"Cf-Connecting-Ip"`, "proxy.moreUpstreams": `["http://127.0.0.1:3001"]`, "websockets.paths": `["/ws", "/live"]`,
			"ssl.clientAuth": `"require"`, "ssl.clientCA": `"/etc/ssl/clients.pem"`, "ssl.hsts.maxAge": `"365d"`,
			"trusted.directory": `"https://ca.internal:14000/dir"`, "trusted.staging": "false", "trusted.caRoots": `"/etc/ssl/ca.pem"`,
			"trusted.challenge": `"dns-01"`, "trusted.dns.provider": `"cloudflare"`, "trusted.dns.credentials": `"/etc/sslwizard-dns"`,
			"trusted.eab.keyID": `"kid-1"`, "trusted.eab.keyFile": `"/etc/eab.key"`, "trusted.profile": `"shortlived"`,
			"trusted.fallback.directory": `"https://other.internal/dir"`, "trusted.fallback.caRoots": `"/etc/ssl/other.pem"`,
			"trusted.fallback.profile": `"short"`, "trusted.fallback.eab.keyID": `"kid-2"`, "trusted.fallback.eab.keyFile": `"/etc/eab2.key"`,
			"trusted.notify.command": `"/usr/local/bin/tell"`, "trusted.notify.webhook": `"/etc/sslwizard-webhook"`, "trusted.notify.email": `"ops@example.com"`,
		})},
		{"files", over(base, map[string]string{
			"trusted.source": `"files"`, "trusted.certificate": `"/etc/ssl/a.pem"`, "trusted.key": `"/etc/ssl/a.key"`,
			"proxy.upstream": `"unix:/run/app/app.sock"`,
		})},
		{"own CA", over(base, map[string]string{"trusted.source": `"none"`, "trusted.trustHere": "true", "trusted.caPage": "true"})},
	}
}

func over(base, more map[string]string) map[string]string {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// groundsOf are those in which a key counts: the one that says most, and those that say something else for it.
func groundsOf(key string) []ground {
	all := grounds()
	chosen := []ground{all[1]}
	for _, g := range all {
		if said, ok := g.said[key]; ok && said != all[1].said[key] {
			chosen = append(chosen, g)
		}
	}
	return chosen
}

// file is the answers file with one more word said, or another one.
func (g ground) file(key, value, executor string) string {
	said := over(g.said, map[string]string{"install.executor": fmt.Sprintf("%q", executor)})
	said[key] = value
	var b strings.Builder
	var open []string
	for _, k := range steps.Keys() {
		v, ok := said[k]
		if !ok {
			continue
		}
		path := strings.Split(k, ".")
		sections := path[:len(path)-1]
		for depth, section := range sections {
			if len(open) <= depth || !slices.Equal(open[:depth+1], sections[:depth+1]) {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", depth), section)
				open = slices.Clone(sections[:depth+1])
			}
		}
		open = sections
		fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat("  ", len(sections)), path[len(path)-1], v)
	}
	return b.String()
}

// spellings are the ways in which a text is given as the value of a key: in quotes, as it is, and where the key has several
// values as one of them.
func (g ground) spellings(key string, kind steps.Kind, text string) []string {
	q := quoted(text)
	switch kind {
	case steps.KindList:
		ways := []string{"[" + q + "]", "[" + text + "]"}
		if there, ok := strings.CutSuffix(g.said[key], "]"); ok {
			ways = append(ways, there+", "+q+"]")
		}
		return ways
	case steps.KindHeaders:
		return []string{`{"X-A": ` + q + "}", "{" + q + `: "x"}`, `{"X-A": ` + text + "}"}
	}
	return []string{q, text}
}

// quoted is a text in the double quotes of YAML. Bytes that are no characters stay what they are.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteString("\\" + string(rune(c)))
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// around puts the text alone and around the good value that the key has here.
func (g ground) around(key string, kind steps.Kind, text string) []string {
	good := strings.Trim(g.said[key], `"`)
	if kind == steps.KindList || kind == steps.KindHeaders {
		_, good, _ = strings.Cut(good, `"`)
		good, _, _ = strings.Cut(strings.TrimPrefix(good, `X-A": "`), `"`)
	}
	if good == "" {
		good = steps.Defaults().Text(key)
	}
	if good == "" {
		return []string{text}
	}
	half := len(good) / 2
	return []string{text, good + text, text + good, good[:half] + text + good[half:]}
}
