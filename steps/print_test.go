package steps

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// everything is a site with no default left.
const everything = `install: {executor: nginx, firewall: false}
certs: {domains: ["Bücher.example.com.", "WWW.bücher.example.com"], key: rsa-2048, days: 398, dhGroup: ffdhe3072}
ssl: {profile: intermediate, http2: false, hsts: {maxAge: 365d, includeSubDomains: true}}
redirect: {enabled: false, status: 308, canonical: www.bücher.example.com}
proxy: {upstream: "wss://[2001:db8:0::1]", timeout: 1h30m, maxBody: 0, headers: {x-b: "yes", X-A: "a, b=c"}, trusted: [203.0.113.0/24, 2001:DB8::/32, "::ffff:192.0.2.1"], clientAddress: cf-connecting-ip}
websockets: {enabled: true, paths: [/ws, /socket.io/], idle: 90s}
trusted: {source: acme, directory: "https://ca.internal:14000/dir", caRoots: /etc/ssl/ca.pem, email: a.b+c@example.com, acceptTerms: true, staging: false, profile: shortlived, eab: {keyID: kid-1, keyFile: /root/eab.key}, fallback: {directory: google, profile: short, eab: {keyID: kid-2, keyFile: /root/eab2.key}}}
`

func TestPrintReadsBack(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"minimal":    minimal,
		"designed":   designed,
		"everything": everything,
		"no staging": minimal + "--- \n" + strings.Replace(strings.Replace(minimal, "shop", "other", 1), "true", "true, staging: false", 1),
		"files":      "certs: {domains: [10.0.0.1, \"2001:db8::1\"]}\nproxy: {upstream: unix:/run/app.sock}\ntrusted: {source: files, certificate: /a.pem, key: /b.pem}\n",
		"none":       "certs: {domains: [\"*.example.com\", localhost]}\nproxy: {upstream: \"localhost:3000\"}\ntrusted: {source: none}\nwebsockets: {enabled: false}\n",
	} {
		for _, s := range sitesOf(t, text) {
			printed := Print(s)
			again := siteOf(t, string(printed))
			if !reflect.DeepEqual(again, s) {
				t.Errorf("%s: got  %+v\nwant %+v\nfrom\n%s", name, again, s, printed)
			}
			if !bytes.Equal(Print(again), printed) {
				t.Errorf("%s: printing is not stable", name)
			}
		}
	}
}

// The stored form is a promise: sites are compared byte by byte between versions.
func TestPrintedForm(t *testing.T) {
	t.Parallel()
	want := `apiVersion: sslwizard/v1
kind: Answers
install:
  executor: nginx
  firewall: false
certs:
  domains:
    - xn--bcher-kva.example.com
    - www.xn--bcher-kva.example.com
  key: rsa-2048
  days: 398
  dhGroup: ffdhe3072
ssl:
  profile: intermediate
  http2: false
  http3: false
  hsts:
    maxAge: 365d
    includeSubDomains: true
  clientAuth: none
redirect:
  enabled: false
  status: 308
  canonical: www.xn--bcher-kva.example.com
proxy:
  upstream: "https://[2001:db8::1]:443"
  moreUpstreams: []
  timeout: 90m
  maxBody: "0"
  headers:
    X-A: "a, b=c"
    X-B: "yes"
  trusted:
    - "203.0.113.0/24"
    - "2001:db8::/32"
    - "192.0.2.1"
  clientAddress: CF-Connecting-IP
websockets:
  enabled: true
  paths:
    - /ws
    - /socket.io/
  idle: 90s
trusted:
  source: acme
  directory: "https://ca.internal:14000/dir"
  caRoots: /etc/ssl/ca.pem
  email: "a.b+c@example.com"
  acceptTerms: true
  challenge: http-01
  profile: shortlived
  eab:
    keyID: kid-1
    keyFile: /root/eab.key
  fallback:
    directory: google
    caRoots: ""
    profile: short
    eab:
      keyID: kid-2
      keyFile: /root/eab2.key
  notify:
    command: ""
    webhook: ""
    email: ""
    login: true
`
	if got := string(Print(siteOf(t, everything))); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The template can be read as it is; only the three answers that nobody can guess are missing.
func TestTemplate(t *testing.T) {
	t.Parallel()
	text := string(Template())
	_, err := Sites("t.yaml", []byte(text))
	var parse *ParseError
	if !errors.As(err, &parse) || len(parse.Problems) != 3 {
		t.Fatalf("got %v", err)
	}
	for _, q := range Questions(Facts{}) {
		name := q.Key[strings.LastIndex(q.Key, ".")+1:]
		if !strings.Contains(text, " "+name+":") {
			t.Errorf("%s is not in the template", q.Key)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 120 {
			t.Errorf("this line is long: %s", line)
		}
	}
}

func TestYAMLText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "yes", "True", "null", "~", "1", "0x1f", "1e3", "20M", "1d", "60s", "2026-01-01", "a: b", "a #b", "- a",
		"*", "&a", "!a", "%a", "@a", "{a}", "a,b", "/a/b", "ü", "\u2028", "\U0001F600", "\a\x7f", "é\"\\", ".inf", ".5", "<<", "=", "Infinity", "a'b", "---"} {
		all, err := ParseAnswers("t.yaml", []byte("trusted: {email: "+yamlText(s)+"}\n"))
		if err != nil || all[0].Trusted.Email != s {
			t.Errorf("%q is written %s and read %v, %v", s, yamlText(s), all, err)
		}
	}
}
