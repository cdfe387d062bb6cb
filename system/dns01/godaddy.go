package dns01

import (
	"context"
	"net/http"
	"net/url"
)

// newGoDaddy speaks to https://developer.godaddy.com/doc/endpoint/domains.
func newGoDaddy(s settings, m Means) (Provider, error) {
	a := newAPI("GoDaddy", "https://api.godaddy.com/v1", m, bearer("sso-key", s["key"]+":"+s["secret"]), s["key"], s["secret"])
	set := func(z zone, name string) string {
		return "/domains/" + url.PathEscape(z.name) + "/records/TXT/" + url.PathEscape(z.within(name, "@"))
	}
	type record struct {
		Data string `json:"data"`
		TTL  int    `json:"ttl"`
	}
	return &bySet{
		zones: zones{find: func(ctx context.Context, name string) (string, error) {
			return ifThere(name, a.call(ctx, http.MethodGet, "/domains/"+url.PathEscape(name), nil, nil))
		}},
		form: func(value string) string { return value },
		values: func(ctx context.Context, z zone, name string) ([]string, error) {
			var found []record
			err := a.call(ctx, http.MethodGet, set(z, name), nil, &found)
			if isStatus(err, http.StatusNotFound) {
				return nil, nil
			}
			var values []string
			for _, r := range found {
				values = append(values, r.Data)
			}
			return values, err
		},
		replace: func(ctx context.Context, z zone, name string, values []string) error {
			if len(values) == 0 {
				return a.call(ctx, http.MethodDelete, set(z, name), nil, nil)
			}
			var records []record
			for _, v := range values {
				records = append(records, record{v, 600})
			}
			return a.call(ctx, http.MethodPut, set(z, name), records, nil)
		},
	}, nil
}
