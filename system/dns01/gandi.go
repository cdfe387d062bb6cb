package dns01

import (
	"context"
	"net/http"
	"net/url"
)

// newGandi speaks to LiveDNS: https://api.gandi.net/docs/livedns/.
func newGandi(s settings, m Means) (Provider, error) {
	a := newAPI("Gandi", "https://api.gandi.net/v5/livedns", m, bearer("Bearer", s["token"]), s["token"])
	set := func(z zone, name string) string {
		return "/domains/" + url.PathEscape(z.name) + "/records/" + url.PathEscape(z.within(name, "@")) + "/TXT"
	}
	return &bySet{
		zones: zones{find: func(ctx context.Context, name string) (string, error) {
			return ifThere(name, a.call(ctx, http.MethodGet, "/domains/"+url.PathEscape(name), nil, nil))
		}},
		form: quoted,
		values: func(ctx context.Context, z zone, name string) ([]string, error) {
			var found struct {
				Values []string `json:"rrset_values"`
			}
			err := a.call(ctx, http.MethodGet, set(z, name), nil, &found)
			if isStatus(err, http.StatusNotFound) {
				return nil, nil
			}
			return found.Values, err
		},
		replace: func(ctx context.Context, z zone, name string, values []string) error {
			if len(values) == 0 {
				return a.call(ctx, http.MethodDelete, set(z, name), nil, nil)
			}
			return a.call(ctx, http.MethodPut, set(z, name), map[string]any{"rrset_ttl": 300, "rrset_values": values}, nil)
		},
	}, nil
}
