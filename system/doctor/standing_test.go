package doctor

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestStandingCauses has every reason for which the record that stays does not prove a name.
func TestStandingCauses(t *testing.T) {
	t.Parallel()
	const (
		account = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
		record  = "_validation-persist.shop.example.com. 300 IN TXT "
		right   = record + `"letsencrypt.org; accounturi=` + account + `"`
	)
	for _, test := range []struct {
		name    string
		records []string
		domains []steps.Domain
		account string
		want    string
		says    string
	}{
		{"it is there", []string{right}, []steps.Domain{shop}, account, "", ""},
		{"at the end of an alias", []string{"_validation-persist.shop.example.com. 300 IN CNAME p.example.com.", `p.example.com. 300 IN TXT "letsencrypt.org; accounturi=` + account + `"`},
			[]steps.Domain{shop}, account, "", ""},
		{"no account yet", nil, []steps.Domain{shop}, "", "", ""},
		{"none", nil, []steps.Domain{shop}, account, "fail D47", "there is no TXT record of _validation-persist.shop.example.com"},
		{"another CA's", []string{record + `"other.example; accounturi=` + account + `"`}, []steps.Domain{shop}, account, "fail D47", "for letsencrypt.org"},
		{"another account's", []string{record + `"letsencrypt.org; accounturi=` + account + `2"`}, []steps.Domain{shop}, account, "fail D48", "for the account " + account + "2"},
		{"not for wildcards", []string{right}, []steps.Domain{"*.shop.example.com"}, account, "fail D48", "policy=wildcard"},
		{"for wildcards", []string{record + `"letsencrypt.org; accounturi=` + account + `; policy=wildcard"`}, []steps.Domain{"*.shop.example.com"}, account, "", ""},
		{"an alias to nowhere", []string{"_validation-persist.shop.example.com. 300 IN CNAME x.gone.com."}, []steps.Domain{shop}, account, "fail D44", "whose domain does not exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, serversZone(), example(test.records...))
			v := Visit{Domains: test.domains, Directory: letsEncrypt, Challenge: steps.DNSPersist01, Account: test.account}
			sees(t, n.doctor().Examine(t.Context(), v, nil), test.want, test.says)
		})
	}
}
