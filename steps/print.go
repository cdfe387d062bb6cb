package steps

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Answers returns the answers that give this site.
func (s Site) Answers() Answers {
	a := Defaults()
	a.Install = InstallAnswers{Executor: s.Install.Executor, Firewall: s.Install.Firewall}
	a.Certs = CertsAnswers{Domains: DomainTexts(s.Certs.Domains), Key: string(s.Certs.Key), Days: s.Certs.Days, DHGroup: s.Certs.DHGroup}
	a.SSL = SSLAnswers{Profile: string(s.SSL.Profile), HTTP2: s.SSL.HTTP2, HTTP3: s.SSL.HTTP3,
		HSTS:       HSTSAnswers{MaxAge: FormatDuration(s.SSL.HSTS.MaxAge), IncludeSubDomains: s.SSL.HSTS.IncludeSubDomains},
		ClientAuth: cmp.Or(s.SSL.ClientAuth, ClientNobody), ClientCA: s.SSL.ClientCA}
	a.Redirect = RedirectAnswers{Enabled: s.Redirect.Enabled, Status: s.Redirect.Status, Canonical: string(s.Redirect.Canonical)}
	a.Proxy = ProxyAnswers{Upstream: s.Proxy.Upstream.String(), MoreUpstreams: upstreamTexts(s.Proxy.More), Sticky: s.Proxy.Sticky,
		Timeout: FormatDuration(s.Proxy.Timeout), MaxBody: FormatSize(s.Proxy.MaxBody), Headers: headerTexts(s.Proxy.Headers),
		Trusted: peersTexts(s.Proxy.Trusted), ClientAddress: s.Proxy.ClientField(), AccessLog: s.Proxy.AccessLog}
	a.WebSockets = WebSocketsAnswers{Enabled: s.WebSockets.Enabled, Paths: s.WebSockets.Paths, Idle: FormatDuration(s.WebSockets.Idle)}
	a.Trusted = s.Trusted.answers(a.Trusted)
	return a
}

// answers lays what the source needs over the defaults.
func (t SiteTrusted) answers(a TrustedAnswers) TrustedAnswers {
	a.Source, a.CARoots, a.Certificate, a.Key = t.Source, t.CARoots, t.Certificate, t.Key
	a.TrustHere, a.CAPage, a.Notify = t.TrustHere, t.CAPage, NotifyAnswers(t.Notify)
	if t.Source != SourceACME {
		return a
	}
	a.Directory, a.Email, a.AcceptTerms, a.Challenge = t.Directory, t.Email, t.AcceptTerms, t.Challenge
	a.Profile, a.EAB, a.DNS = cmp.Or(t.Profile, ProfileAuto), EABAnswers(t.EAB), DNSAnswers(t.DNS)
	a.Fallback = t.Fallback.answers()
	if known, ok := aliasOf(t.Directory); ok {
		a.Directory = known.name
		a.Staging = t.Rehearsal != "" || known.rehearsal == ""
	}
	return a
}

// DomainTexts are domains as text.
func DomainTexts(domains []Domain) []string {
	texts := make([]string, len(domains))
	for i, d := range domains {
		texts[i] = string(d)
	}
	return texts
}

func upstreamTexts(all []Upstream) []string {
	var texts []string
	for _, u := range all {
		texts = append(texts, u.String())
	}
	return texts
}

func headerTexts(headers []Header) map[string]string {
	texts := make(map[string]string, len(headers))
	for _, h := range headers {
		texts[h.Name] = h.Value
	}
	return texts
}

// Print writes a site as its stored file: the answers in one fixed form. Equal sites give equal bytes, and Sites reads
// the site back.
func Print(s Site) []byte { return PrintAnswers(s.Answers()) }

// PrintAnswers writes answers as an answers file, without the keys that mean nothing beside the others.
func PrintAnswers(a Answers) []byte {
	p := &printer{answers: a, defaults: Defaults(), questions: questionsByKey()}
	p.section(reflect.ValueOf(a), "", 0)
	return p.out.Bytes()
}

// Template is an answers file to fill in: every key with its default and what it means.
func Template() []byte {
	p := &printer{answers: Defaults(), questions: questionsByKey(), comments: true}
	p.out.WriteString("# yaml-language-server: $schema=sslwizard.schema.json\n" +
		"# An answers file for sslwizard. Editors check it if you run: sslwizard answers schema > sslwizard.schema.json\n" +
		"# Only certs.domains, proxy.upstream and trusted.acceptTerms have no default; every other line may go.\n" +
		"# Several sites: one document each, with a line --- between them.\n" +
		"#\n" +
		"#   sslwizard answers validate FILE                        is it complete and right?\n" +
		"#   sslwizard --dry-run FILE                               what would change?\n" +
		"#   sudo sslwizard --non-interactive FILE                  do it\n\n")
	p.section(reflect.ValueOf(p.answers), "", 0)
	return p.out.Bytes()
}

func questionsByKey() map[string]Question {
	all := map[string]Question{}
	for _, q := range Questions(Facts{}) {
		all[q.Key] = q
	}
	return all
}

// printer writes Answers as YAML. It does not use the library's emitter, so that the form is ours for ever: stored
// sites are compared byte by byte.
type printer struct {
	out               bytes.Buffer
	answers, defaults Answers
	questions         map[string]Question
	comments          bool
}

func (p *printer) section(v reflect.Value, path string, depth int) {
	indent := strings.Repeat("  ", depth)
	for i, name := range keysOf(v.Type()) {
		key := join(path, name)
		field := v.Field(i)
		if field.Kind() == reflect.Struct {
			if p.comments && depth == 0 {
				p.out.WriteString("\n")
			}
			before := p.out.Len()
			fmt.Fprintf(&p.out, "%s%s:\n", indent, name)
			within := p.out.Len()
			if p.section(field, key, depth+1); p.out.Len() == within {
				p.out.Truncate(before) // all of it is left out
			}
			continue
		}
		if p.comments {
			p.comment(p.questions[key], indent)
		} else if p.omitted(key) {
			continue
		}
		fmt.Fprintf(&p.out, "%s%s:%s\n", indent, name, yamlValue(field.Interface(), "\n"+indent+"  "))
	}
}

// omitted leaves out defaults of what is not asked after these answers.
func (p *printer) omitted(key string) bool {
	q, ok := p.questions[key]
	return ok && !q.Relevant(p.answers) && p.answers.Text(key) == p.defaults.Text(key)
}

func (p *printer) comment(q Question, indent string) {
	if q.Key == "" {
		return
	}
	text := q.Help
	if q.Kind == KindChoice {
		text += " One of " + strings.Join(q.values(), ", ") + "."
	}
	if q.Required {
		text = "REQUIRED. " + text
	}
	for _, line := range wrap(text, 110-len(indent)) {
		fmt.Fprintf(&p.out, "%s# %s\n", indent, line)
	}
}

func (q Question) values() []string {
	var all []string
	for _, o := range q.Options {
		all = append(all, o.Value)
	}
	return all
}

// yamlValue writes what follows the colon; items of lists and maps are on lines of their own.
func yamlValue(v any, newline string) string {
	var b strings.Builder
	switch x := v.(type) {
	case []string:
		if len(x) == 0 {
			return " []"
		}
		for _, item := range x {
			b.WriteString(newline + "- " + yamlText(item))
		}
	case map[string]string:
		if len(x) == 0 {
			return " {}"
		}
		for _, name := range slices.Sorted(maps.Keys(x)) {
			b.WriteString(newline + yamlText(name) + ": " + yamlText(x[name]))
		}
	case string:
		return " " + yamlText(x)
	default:
		fmt.Fprintf(&b, " %v", v)
	}
	return b.String()
}

// yamlText writes text plain if no YAML reader can take it for anything else, and in double quotes if not.
func yamlText(s string) string {
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
	number := strings.TrimRight(s, "smhdKMG")
	switch {
	case isDigits(number) && len(s)-len(number) == 1:
		return s
	case s != "" && strings.Trim(s[:1], alphanum[:52]+"/") == "" && strings.Trim(s, alphanum+"/._+-") == "" && !slices.Contains(words, strings.ToLower(s)):
		return s
	}
	return strconv.QuoteToASCII(s)
}

// wrap breaks text at spaces into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
