package steps

import (
	"bytes"
	"strings"
	"testing"
)

// TestNoSecretInProblems: what is wrong with answers is said without what may be a secret in them, in the sentence and in the line
// that is drawn below it, whatever else is wrong on that line.
func TestNoSecretInProblems(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: sslwizard/v1\nkind: Answers\ncerts: {domains: [shop.acme-corp.com]}\n"
	const fine = "proxy: {upstream: \"http://127.0.0.1:3000\"}\n"
	for _, text := range []string{
		"proxy: {upstream: \"http://user:CANARY@127.0.0.1:3000\"}\n",
		"proxy: {upstream: \"http://CANARY@127.0.0.1:3000\"}\n",
		"proxy: {upstream: 'user:CANARY@127.0.0.1:3000'}\n",
		"proxy: {upstream: \"http://127.0.0.1:3000\", moreUpstreams: [\"http://user:CANARY@127.0.0.1:3001\"]}\n",
		"proxy: {upstream: \"http://127.0.0.1:3000/\u00fc\", headers: {Authorization: \"Bearer \\\"CANARY\"}}\n",
		"proxy: {upstream: \"http://127.0.0.1:3000\", headers: {Authorization: \"Bearer CANARY\u00fc\"}, nothing: 1}\n",
		"proxy:\n  upstream: \"http://127.0.0.1:3000\"\n  headers:\n    Authorization: Bearer CANARY \u00fc\n",
		"proxy: {upstream: \"http://127.0.0.1:3000\", headers: {Authorization: \"Bearer CANARY\" \"}}\n",
		"proxy:\n  headers:\n    Authorization: Bearer: CANARY\n",
		"proxy:\n  headers:\n\tAuthorization: Bearer CANARY\n",
		"proxy:\n  headers: \"Authorization: CANARY\"\n",
		"proxy:\n  headers: Authorization: CANARY\n",
		"proxy:\n  headers: [Authorization, CANARY]\n",
		"proxy:\n  header: {Authorization: CANARY}\n",
		"proxy:\n  headers: {\"X-A\": &a CANARY, X-B: *a}\n",
		"proxy:\n  headers:\n    Authorization: &a CANARY\n",
		"proxy:\n  headers:\n    Authorization: !!str CANARY\n",
		"proxy:\n  headers:\n    Authorization: [CANARY]\n",
		"proxy:\n  headers:\n    Authorization:\n      - CANARY\n",
		"proxy:\n  headers:\n    Authorization: {x: CANARY}\n",
		"proxy:\n  headers:\n    Authorization: |\n      CANARY;x\n",
		"proxy:\n  headers: {X-A: a,\n    Authorization: 'CANARY'\u00fc}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\": {\n\"Authorization\": \"Bearer CANARY;x\"\n}\n}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\": {\n\"Author ization\": \"Bearer CANARY\"\n}\n}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\": {\n\"Authorization\": \"a}CANARY\", \"Authorization\": \"CANARY\"\n}\n}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\":\n{\n\"Authorization\": \"Bearer CANARY\" x\n}\n}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\"\n:\n{\n\"Authorization\": \"Bearer CANARY\" x\n}\n}\n",
		"\"proxy\": {\"upstream\": \"3000\",\n\"headers\": [\n\"Authorization: CANARY\"\n, CANARY x]\n}\n",
		"proxy: {\nheaders: {Authorization: \"Bearer\nCANARY;x\"}}\n",
		"proxy: {headers: {A: b}, headers: {Authorization: CANARY}}\n",
		"proxy: {headers: {A: it's, B: 'x}CANARY' y}\n",
		"proxy:\n  ? headers\n  : Authorization: Bearer CANARY;x\n",
		"proxy:\n  ? headers\n  : Authorization: Bearer CANARY: x\n",
		"proxy:\n  \"head\\x65rs\":\n    Authorization: \"Bearer CANARY;x\"\n",
		"proxy: {\"head\\x65rs\": {Authorization: \"Bearer CANARY\" x}}\n",
		"proxy:\n  headers:\n    Authorization: \"Bearer\n      CANARY:x;\"\n",
		fine + "trusted: {directory: \"https://user:CANARY@ca.test/dir\"}\n",
		fine + "trusted: {notify: {webhook: \"https://hooks.test/CANARY\"}}\n",
		fine + "trusted: {notify: {webhook: https://hooks.test/CANARY, nothing: 1}}\n",
		fine + "trusted: {notify: {webhook: \"https://hooks.test/CANARY}}\n",
		fine + "trusted: {challenge: dns-01, dns: {provider: cloudflare, credentials: CANARY}}\n",
		fine + "trusted: {eab: {keyID: a, keyFile: CANARY}}\n",
		fine + "trusted: {eab: {keyID: a, keyFile: \"CANARY\"}, fallback: {directory: https://b.test/dir, eab: {keyID: b, keyFile: 'CANARY'}}}\n",
	} {
		_, err := Sites("answers.yaml", []byte(head+text+"\n"))
		if err == nil || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "ANAR") {
			t.Errorf("%s gives\n%v", text, err)
		}
	}
	_, err := Sites("answers.yaml", []byte(head+"proxy: {upstream: \"http://user:CANARY@127.0.0.1:3000\"}\n"))
	const drawn = "    4 | proxy: {upstream: \"http://***********@127.0.0.1:3000\"}\n      |                   ^~~~~"
	if err == nil || !strings.Contains(err.Error(), drawn) {
		t.Errorf("the caret stands elsewhere:\n%v", err)
	}
}

// TestHushedFile: the values of headers are not shown, all else is, and what was said where stays readable.
func TestHushedFile(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"proxy:\n  headers:\n    Authorization: \"Bearer CANARY\"\n    X-Zone: blue\n  timeout: 60s\n", "proxy:\n  headers:\n    Authorization: \"*************\"\n    X-Zone: ****\n  timeout: 60s\n"},
		{"proxy: {headers: {A: b, \"C\": 'd}' }, timeout: 60s}", "proxy: {headers: {A: *, \"C\": '**' }, timeout: 60s}"},
		{"proxy: {headers: {}, timeout: 60s}\n  paths: [/a]", "proxy: {headers: {}, timeout: 60s}\n  paths: [/a]"},
		{"proxy: {\"headers\": {\n\"A\": \"b \\\" c\", # d\n\"B\" :'e''f', C: [g, {h: i}]\n}, timeout: 60s\n}\n", "proxy: {\"headers\": {\n\"A\": \"******\", ***\n\"B\" :'****', C: [*, {** *}]\n}, timeout: 60s\n}\n"},
		{"proxy:\n  ? headers\n  : A: b\n    C: d # e\nx: y\n", "proxy:\n  ? headers\n  ******\n    ********\nx: y\n"},
		{"proxy: {headers: {A: b}, paths: [/a], headers: {C: d}}", "proxy: {headers: {A: *}, paths: [/a], headers: {C: *}}"},
		{"proxy:\n  headers:\n    A: |\n      B: c\n    D: e\n  # more\n  timeout: 60s", "proxy:\n  headers:\n    A: *\n      ****\n    D: *\n  # more\n  timeout: 60s"},
		{"# headers: those of the application\ncerts: {days: 90}", "# headers: those of the application\ncerts: {days: 90}"},
		{"\tproxy_set_header Authorization \"Bearer CANARY\";\n\tproxy_set_header X-Zone blue;\n", "\tproxy_set_header Authorization \"*************\";\n\tproxy_set_header X-Zone ****;\n"},
		{"proxy_set_header Cookie \"a=1; token=CANARY\";\nproxy_pass http://a;\n", "proxy_set_header Cookie \"*****************\";\nproxy_pass http://a;\n"},
		{"proxy_set_header A ;CANARY;", "proxy_set_header A ;CANARY;"}, // which nginx does not take
		{"proxy_set_header A 'CANARY\\'x;' ;\nproxy_set_header B '$host';", "proxy_set_header A '**********' ;\nproxy_set_header B '$host';"},
		{"proxy_set_header A \"$hostCANARY x\";\nproxy_set_header B $host-CANARY;\nproxy_set_header C ${host};\n", "proxy_set_header A \"*************\";\nproxy_set_header B ************;\nproxy_set_header C ${host};\n"},
		{"proxy_set_header A\n  CAN\\;ARY;\nproxy_set_header \"B\" \"\";\nproxy_set_header C 'CAN\nARY", "proxy_set_header A\n  ********;\nproxy_set_header \"B\" \"\";\nproxy_set_header C '***\n***"},
		{"grpc_set_header X-Zone blue;", "grpc_set_header X-Zone ****;"},
		{"proxy_set_header Host $host;\nproxy_set_header Connection \"\";\nproxy_set_header Upgrade $sslwizard_upgrade;\n", "proxy_set_header Host $host;\nproxy_set_header Connection \"\";\nproxy_set_header Upgrade $sslwizard_upgrade;\n"},
	} {
		if got := HushedFile(c[0]); got != c[1] {
			t.Errorf("%q is shown as\n%q, not\n%q", c[0], got, c[1])
		}
	}
}

// FuzzHushedFile: whatever an answers file looks like, a value that is a header's is not shown.
func FuzzHushedFile(f *testing.F) {
	for _, text := range []string{
		"proxy:\n  headers:\n    A: CANARY\n", "proxy: {headers: {A: \"CANARY\", B: 'x}'}}\n", "proxy: {\"headers\": {\"A\" : 'CANARY''s'},\n timeout: 60s}\n",
		"proxy:\n  headers: # none\n    A: >\n      CANARY\n\n      CANARY\n", "proxy:\n  headers:\n    ? A\n    : CANARY\n", "proxy:\n  headers:\n    {A: b,\n    B: CANARY}\n",
		"proxy: {headers: {A: b, B: CANARY\n c}}\n", "{\n\"proxy\": {\n\"headers\": {\n\"A\": \"CANARY;x\"\n}\n}\n}\n",
		"proxy:\n  ? headers\n  : A: CANARY\n", "proxy: {\"head\\x65rs\": {\nA: CANARY, B:\n  \"CANARY\nCANARY\"}}\n", "proxy:\n  headers:\n    A: \"b\n      CANARY:\n      CANARY\"\n  timeout: 60s\n",
		"proxy:\n  headers: {A: b}\n---\nproxy:\r\n  headers:\r\n    A: CANARY\r\n", "\ufeffproxy: {headers: {A:\n\n  CANARY}}\n", "# \u2028proxy: {headers: {A: CANARY}}\n",
		"proxy:\n  'headers' :\n    \"A\": \"x\\\"}CANARY\"\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, _ := parseAnswers("f", data)
		hidden := 0
		for _, a := range all {
			for _, value := range a.Proxy.Headers {
				hidden += strings.Count(value, "CANARY")
			}
		}
		if hidden == 0 || bytes.Count(data, []byte("CANARY")) != hidden {
			return
		}
		if shown := HushedFile(string(data)); strings.Contains(shown, "CANARY") || strings.Count(shown, "\n") != bytes.Count(data, []byte("\n")) {
			t.Errorf("%q is shown as\n%q", data, shown)
		}
	})
}
