package dns01

import (
	"context"
	"net/http"
	"net/url"
)

// newDeSEC speaks to https://desec.readthedocs.io/en/latest/dns/rrsets.html.
func newDeSEC(s settings, m Means) (Provider, error) {
	a := newAPI("deSEC", "https://desec.io/api/v1", m, bearer("Token", s["token"]), s["token"])
	return &bySet{
		zones: zones{find: func(ctx context.Context, name string) (string, error) {
			return ifThere(name, a.call(ctx, http.MethodGet, "/domains/"+url.PathEscape(name)+"/", nil, nil))
		}},
		form: quoted,
		values: func(ctx context.Context, z zone, name string) ([]string, error) {
			var set struct {
				Records []string `json:"records"`
			}
			err := a.call(ctx, http.MethodGet, "/domains/"+url.PathEscape(z.name)+"/rrsets/"+url.PathEscape(z.within(name, "@"))+"/TXT/", nil, &set)
			if isStatus(err, http.StatusNotFound) {
				return nil, nil
			}
			return set.Records, err
		},
		replace: func(ctx context.Context, z zone, name string, values []string) error {
			if values == nil {
				values = []string{} // no records: the set goes
			}
			set := map[string]any{"subname": z.within(name, ""), "type": "TXT", "ttl": 3600, "records": values}
			return a.call(ctx, http.MethodPut, "/domains/"+url.PathEscape(z.name)+"/rrsets/", []any{set}, nil)
		},
	}, nil
}
