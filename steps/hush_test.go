package steps

import (
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
