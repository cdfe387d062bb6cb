package command

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	one := steps.ACMEAccount{Directory: "https://acme-v02.api.letsencrypt.org/directory", URL: "https://acme-v02.api.letsencrypt.org/acct/1", Key: "ab12",
		KeyFile: "/k.pem", Since: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), Sites: []string{"shop.example.com"}}
	r := invoke(&machine{t: t, accounts: []steps.ACMEAccount{one}}, "account")
	if r.status != 0 || !strings.Contains(r.out, "/acct/1") || !strings.Contains(r.out, "shop.example.com") || !strings.Contains(r.out, "since 2026-11-26") {
		t.Errorf("%+v", r)
	}
	if r := invoke(&machine{t: t}, "account", "-o", "json"); !strings.Contains(r.out, `"accounts":[]`) {
		t.Errorf("%+v", r)
	}
	for _, test := range []struct {
		args string
		want steps.AccountRequest
		says string
	}{
		{"rollover", steps.AccountRequest{Directory: one.Directory}, ""},
		{"rollover --directory zerossl", steps.AccountRequest{Directory: "https://acme.zerossl.com/v2/DV90"}, ""},
		{"import /root/key.json", steps.AccountRequest{Directory: one.Directory, KeyFile: "/root/key.json"}, ""},
		{"import /root/key.json --replace --ca /root/ca.pem --directory https://ca.internal/dir", steps.AccountRequest{Directory: "https://ca.internal/dir", KeyFile: "/root/key.json", CARoots: "/root/ca.pem", Replace: true}, ""},
		{"rollover --directory http://x", steps.AccountRequest{}, "https"},
		{"import", steps.AccountRequest{}, "name the file"},
	} {
		m := &machine{t: t, accounts: []steps.ACMEAccount{one}}
		r := invoke(m, append([]string{"account"}, strings.Fields(test.args)...)...)
		if test.says != "" {
			if r.status != steps.ExitUsage || !strings.Contains(r.err, test.says) || len(m.moved) > 0 {
				t.Errorf("%s: %+v", test.args, r)
			}
			continue
		}
		if r.status != 0 || !slices.Equal(m.moved, []steps.AccountRequest{test.want}) {
			t.Errorf("%s: %+v, %+v", test.args, m.moved, r)
		}
	}
	if r := invoke(&machine{t: t, accounts: []steps.ACMEAccount{one, one}}, "account", "rollover"); r.status != steps.ExitUsage || !strings.Contains(r.err, "--directory") {
		t.Errorf("%+v", r)
	}
}

func TestRevokeCommand(t *testing.T) {
	t.Parallel()
	m := &machine{t: t}
	for args, says := range map[string]string{"shop": "--yes", "shop --yes --reason lost": "--reason", "--yes": "name the site"} {
		if r := invoke(m, append([]string{"revoke"}, strings.Fields(args)...)...); r.status != steps.ExitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	if r := invoke(m, "revoke", "shop", "--dry-run", "--again"); r.status != 0 || !strings.Contains(r.out+r.err, "nothing was changed") {
		t.Errorf("%+v", r)
	}
	if want := []steps.RevokeRequest{{Site: "shop", Reason: steps.Unspecified, Again: true, DryRun: true}}; !slices.Equal(m.revoked, want) {
		t.Errorf("%+v", m.revoked)
	}
	m.revoked = nil
	r := invoke(m, "revoke", "shop", "--yes", "--reason", "keyCompromise", "--only")
	if want := []steps.RevokeRequest{{Site: "shop", Reason: steps.KeyCompromise, Only: true}}; r.status != 0 || !slices.Equal(m.revoked, want) {
		t.Errorf("%+v, %+v", m.revoked, r)
	}
}
