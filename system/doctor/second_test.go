package doctor

import (
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestSecondCA has a second CA stand by that could not issue (D46): the records let the first one in alone, or it wants what it was
// not given. Nothing else is told of it, and it keeps nothing from going on.
func TestSecondCA(t *testing.T) {
	t.Parallel()
	const zeroSSL = "https://acme.zerossl.com/v2/DV90"
	for _, test := range []struct {
		name string
		caa  []string
		want string
	}{
		{"no records", nil, ""},
		{"both may", []string{`0 issue "letsencrypt.org"`, `0 issue "sectigo.com"`}, ""},
		{"only the first may", []string{`0 issue "letsencrypt.org"`}, "warn D46"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			records := append([]string{}, both...)
			for _, c := range test.caa {
				records = append(records, "example.com. 300 IN CAA "+c)
			}
			n, web := newInternet(t, serversZone(), example(records...)), newWebroot()
			n.hosts[here4], n.hosts[here6] = web, web
			v := Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: web, Second: &Visit{Domains: []steps.Domain{shop}, Directory: zeroSSL}}
			sees(t, n.doctor().Examine(t.Context(), v, nil), test.want, "do not let sectigo.com issue")
		})
	}
	s, root := theCA(t, directoryWith(map[string]any{"externalAccountRequired": true}))
	d := &Doctor{Resolver: newInternet(t).resolver, Patience: 5 * time.Second}
	v := Visit{Directory: s.URL + "/dir", Roots: root, AskCA: true}
	sees(t, d.second(t.Context(), v), "warn D46", "website")
	v.Bound = true
	sees(t, d.second(t.Context(), v), "", "")
}
