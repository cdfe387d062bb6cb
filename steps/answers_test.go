package steps

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// minimal is the shortest answers file there is.
const minimal = `certs: {domains: [shop.example.com]}
proxy: {upstream: 3000}
trusted: {acceptTerms: true}
`

// designed is the file of design.md section 9, word for word.
const designed = `apiVersion: sslwizard/v1
kind: Answers
install:    {executor: native, firewall: true}          # native | nginx
certs:      {domains: [shop.example.com, www.shop.example.com], key: ecdsa-p256, days: 365, dhGroup: none}
ssl:        {profile: intermediate, http2: true, hsts: {maxAge: 0s}}
redirect:   {enabled: true, status: 301, canonical: ""}
proxy:      {upstream: "http://127.0.0.1:3000", timeout: 60s, maxBody: 20M, headers: {}}
websockets: {enabled: true, paths: [/], idle: 1h}
trusted:
  source: acme                                           # acme | files | none
  directory: letsencrypt                                 # or letsencrypt-staging, zerossl, google, or an https URL
  caRoots: ""                                            # PEM to trust for a private directory
  email: ops@example.com
  acceptTerms: true                                      # consent is never assumed
  challenge: http-01                                     # http-01 | tls-alpn-01 (native) | dns-01
  staging: true                                          # rehearse with the staging directory first, where there is one
`

func sitesOf(t *testing.T, text string) []Site {
	t.Helper()
	sites, err := Sites("answers.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func siteOf(t *testing.T, text string) Site {
	t.Helper()
	sites := sitesOf(t, text)
	if len(sites) != 1 {
		t.Fatalf("%d sites, want 1", len(sites))
	}
	return sites[0]
}

// Each case of testdata/answers is a wrong file with all that is said about it.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	golden(t, "answers", func(t *testing.T, name, input string) string {
		sites, err := Sites(name+".yaml", []byte(input))
		if err == nil {
			return fmt.Sprintf("no problem: %d sites\n", len(sites))
		}
		var parse *ParseError
		if !errors.As(err, &parse) || len(Fixes(err)) == 0 || ExitStatus("", err) != ExitAnswers {
			t.Errorf("the error is no *ParseError with a fix and status %d: %#v", ExitAnswers, err)
		}
		return err.Error() + "\n"
	})
}

func TestDesignedAnswers(t *testing.T) {
	t.Parallel()
	s := siteOf(t, designed)
	want := Site{
		Name:       "shop.example.com",
		Install:    SiteInstall{Executor: ExecutorNative, Firewall: true},
		Certs:      SiteCerts{Domains: []Domain{"shop.example.com", "www.shop.example.com"}, Key: ECDSAP256, Days: 365, DHGroup: "none"},
		SSL:        SiteSSL{Profile: Intermediate, HTTP2: true},
		Redirect:   SiteRedirect{Enabled: true, Status: 301},
		Proxy:      SiteProxy{Upstream: Upstream{Scheme: "http", Host: "127.0.0.1", Port: 3000}, Timeout: 60e9, MaxBody: 20 << 20, ClientAddress: ForwardedFor, AccessLog: LogJournal},
		WebSockets: SiteWebSockets{Enabled: true, Paths: []string{"/"}, Idle: 3600e9},
		Trusted: SiteTrusted{Source: SourceACME, Directory: "https://acme-v02.api.letsencrypt.org/directory",
			Rehearsal: "https://acme-staging-v02.api.letsencrypt.org/directory", Email: "ops@example.com", AcceptTerms: true, Challenge: HTTP01, Notify: SiteNotify{Login: true}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// What a file does not say is what design.md says, except for names and e-mail.
func TestDefaultsAreTheDesigned(t *testing.T) {
	t.Parallel()
	short, full := siteOf(t, minimal), siteOf(t, designed)
	full.Certs.Domains, full.Trusted.Email = full.Certs.Domains[:1], ""
	if !reflect.DeepEqual(short, full) {
		t.Errorf("got  %+v\nwant %+v", short, full)
	}
}

func TestFormsOfAFile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"byte order mark":     "\xef\xbb\xbf" + minimal,
		"CRLF":                strings.ReplaceAll(minimal, "\n", "\r\n"),
		"document marks":      "---\n" + minimal + "...\n---\n# nothing\n",
		"directive":           "%YAML 1.2\n---\n" + minimal,
		"no final newline":    strings.TrimSpace(minimal),
		"nothing said":        minimal + "ssl:\nredirect: {canonical: }\nwebsockets: {paths: ~}\n",
		"JSON":                `{"certs": {"domains": ["shop.example.com"]}, "proxy": {"upstream": "3000"}, "trusted": {"acceptTerms": true}}`,
		"blank lines, spaces": "\n\n   \n" + minimal + "\t\n",
	} {
		if got, want := siteOf(t, text), siteOf(t, minimal); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestFilesThatAreNoText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ data, want string }{
		"too large":        {minimal + strings.Repeat("# filler\n", 1<<17), "the file is larger than 1M"},
		"UTF-16":           {"\xff\xfec\x00e\x00", "the file is UTF-16"},
		"Latin-1":          {"certs: {domains: [caf\xe9.example.com]}\n", ":1:22: this is not UTF-8"},
		"escape":           {"certs:\n  key: \x1b[31mred\n", ":2:8: the control character U+001B"},
		"NUL":              {"\x00", ":1:1: this is no text file"},
		"a program":        {"\x7fELF\x02\x01\n\x01\xe9\x00\x02", "1 problem:\nf.yaml:2:1: this is no text file"},
		"a bare wildcard":  {"certs: {domains: [*.example.com]}\n", ":1:19: what begins with * has to stand in quotes"},
		"C1":               {"a: \u0085b\n", ":1:4: the control character U+0085"},
		"deep":             {strings.Repeat("[", 1<<19), ":1:10001: this is not YAML"},
		"deep mappings":    {strings.Repeat("{a: ", 1<<17), "this is not YAML"},
		"billion laughs":   {"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ncerts: *c\n", ":4:8: certs: anchors and aliases"},
		"a cycle":          {"certs: &a {domains: *a}\n", "certs: anchors and aliases"},
		"bidi in the name": {"certs: {domains: [\"a\u202egro.elpmaxe\"]}\n", `"a\u202egro.elpmaxe" is not a domain name`},
	} {
		_, err := Sites("f.yaml", []byte(c.data))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.300v, want …%s…", name, err, c.want)
		} else if Clean(err.Error()) != err.Error() {
			t.Errorf("%s: the message has control characters: %q", name, err)
		}
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	t.Parallel()
	_, err := Sites("f.yaml", []byte(strings.Repeat("kind: Answers\n", 5001)))
	var parse *ParseError
	if !errors.As(err, &parse) || len(parse.Problems) < 5000 {
		t.Fatalf("not every problem is there: %.200v", err)
	}
	if text := err.Error(); len(text) > 20_000 || !strings.Contains(text, "more") {
		t.Errorf("the message has %d bytes", len(text))
	}
}

// Large files, wrong in the most places: whoever reads them must not work for minutes.
func TestLargestFiles(t *testing.T) {
	t.Parallel()
	const large = MaxAnswers / 8 // enough to notice what is quadratic
	lines := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < large-100; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"unknown keys":    lines("k%d: 1\n"),
		"duplicate keys":  strings.Repeat("kind: Answers\n", large/15),
		"wrong names":     "certs: {domains: [" + strings.Repeat("_,", large/2-50) + "]}\n",
		"names":           "certs: {domains: [" + lines("n%d,") + "]}\n",
		"paths":           "websockets: {paths: [" + lines("/%d,") + "]}\n",
		"headers":         "proxy: {headers: {" + lines("H%d: x,") + "}}\n",
		"sites":           lines("---\ncerts: {domains: [n%d]}\n"),
		"tabs":            strings.Repeat("\ta\n", large/3-50),
		"one long word":   strings.Repeat("a", large-10),
		"a long document": "certs: {domains: [\"" + strings.Repeat("a.", large/2-50) + "\"]}\n",
		"an idna label":   "certs: {domains: [\"" + strings.Repeat("ü", large/2-50) + "\"]}\n",
	} {
		if _, err := Sites("f.yaml", []byte(text)); err == nil {
			t.Errorf("%s: no problem", name)
		}
	}
}

// TestLongWordsAreCut: what is said of a file of one line is shorter than the file.
func TestLongWordsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", MaxAnswers/4)
	for name, text := range map[string]string{
		"a key":          long + ": 1",
		"two of a key":   long + ": 1\n" + long + ": 1",
		"a key of a key": "proxy: {" + long + ": 1}",
		"a header":       "proxy: {headers: {" + long + ": [1]}}",
		"for a list":     "certs: {domains: " + long + "}",
		"a tag":          "certs: !" + long + " 1",
	} {
		if _, err := Sites("x.yaml", []byte(text)); err == nil || len(err.Error()) > 10_000 {
			t.Errorf("%s: %d bytes: %.300s", name, len(err.Error()), err)
		}
	}
}

// TestTooManySites: a file of nothing but sites that are wrong is refused at once.
func TestTooManySites(t *testing.T) {
	t.Parallel()
	_, err := Sites("x.yaml", []byte(strings.Repeat("---\na: 1\n", maxDocuments+1)))
	if err == nil || !strings.Contains(err.Error(), "x.yaml:2001:1: the file has 1001 sites; one file can have 1000") {
		t.Errorf("%.300v", err)
	}
}

func TestParseAnswersLooksAtTheFormOnly(t *testing.T) {
	t.Parallel()
	all, err := ParseAnswers("f.yaml", []byte("certs: {domains: [not_a_name]}\n---\nproxy: {upstream: nowhere}\n"))
	if err != nil || len(all) != 2 || all[0].Certs.Domains[0] != "not_a_name" || all[1].Proxy.Upstream != "nowhere" {
		t.Errorf("got %+v, %v", all, err)
	}
	if _, err := ParseAnswers("f.yaml", []byte("certs: 1\n")); err == nil {
		t.Error("a wrong type passes")
	}
}

// Answers that were typed rather than read have problems without a place.
func TestSiteOfTypedAnswers(t *testing.T) {
	t.Parallel()
	_, problems := Defaults().Site()
	var paths []string
	for _, p := range problems {
		if p.Line != 0 || p.Excerpt != "" {
			t.Errorf("%+v has a place", p)
		}
		paths = append(paths, p.Path)
	}
	if want := []string{"certs.domains", "proxy.upstream", "trusted.acceptTerms"}; !reflect.DeepEqual(paths, want) {
		t.Errorf("missing are %q, want %q", paths, want)
	}
}

func TestSetAndText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, text, back string }{
		{"certs.domains", "a.example.com  b.example.com,c.example.com", "a.example.com, b.example.com, c.example.com"},
		{"certs.days", " 90 ", "90"},
		{"ssl.http2", "N", "no"},
		{"ssl.hsts.maxAge", "1d", "1d"},
		{"proxy.headers", "X-B: 2; x-a: http://x ;", "X-B: 2; x-a: http://x"},
		{"trusted.acceptTerms", "yes", "yes"},
	} {
		a := Defaults()
		if err := a.Set(c.key, c.text); err != nil {
			t.Errorf("Set(%q, %q): %v", c.key, c.text, err)
		} else if got := a.Text(c.key); got != c.back {
			t.Errorf("Text(%q) = %q, want %q", c.key, got, c.back)
		}
	}
	for _, c := range [][2]string{{"certs.days", "many"}, {"ssl.http2", "perhaps"}, {"proxy.headers", "nonsense"}, {"certs", "x"}, {"certs.nokey", "x"}, {"origin", "x"}, {"certs.days.x", "x"}} {
		a := Defaults()
		if err := a.Set(c[0], c[1]); err == nil {
			t.Errorf("Set(%q, %q) passes", c[0], c[1])
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	all := []string{"email", "source", "directory", "key", "domains"}
	for word, want := range map[string]string{"emial": "email", "domain": "domains", "Directry": "directory", "kye": "key", "sauce": "", "x": "", "": "", strings.Repeat("e", 100): ""} {
		if got := nearest(word, all); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// What is wrong is followed by where to read what it means: of the first key that there is.
func TestProblemsLeadToAnExplanation(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cert: {}\ncerts: {domains: [http://x.test]}\nproxy: {upstream: '3000'}\ntrusted: {acceptTerms: true}\n": "sslwizard answers explain certs.domains  ",
		"hello\n": "sslwizard answers init  ",
	} {
		_, err := Sites("f.yaml", []byte(text))
		fixes := Fixes(err)
		if len(fixes) != 1 || !strings.HasPrefix(fixes[0], want) {
			t.Errorf("%q: %q", text, fixes)
		}
		if command, _ := SplitFix(fixes[0]); strings.Contains(command, "explain") {
			if _, err := Explain(command[strings.LastIndex(command, " ")+1:]); err != nil {
				t.Errorf("%q is advised: %v", command, err)
			}
		}
	}
}
