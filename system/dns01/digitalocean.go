package dns01

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// newDigitalOcean speaks to https://docs.digitalocean.com/reference/api/ ("Domain Records").
func newDigitalOcean(s settings, m Means) (Provider, error) {
	a := newAPI("DigitalOcean", "https://api.digitalocean.com/v2", m, bearer("Bearer", s["token"]), s["token"])
	records := func(z zone) string { return "/domains/" + url.PathEscape(z.name) + "/records" }
	return &byRecord{
		zones: zones{find: func(ctx context.Context, name string) (string, error) {
			return ifThere(name, a.call(ctx, http.MethodGet, "/domains/"+url.PathEscape(name), nil, nil))
		}},
		list: func(ctx context.Context, z zone, name string) ([]entry, error) {
			var found struct {
				Records []struct {
					ID   int64  `json:"id"`
					Data string `json:"data"`
				} `json:"domain_records"`
			}
			err := a.call(ctx, http.MethodGet, records(z)+"?"+url.Values{"type": {"TXT"}, "name": {name}, "per_page": {"200"}}.Encode(), nil, &found)
			var all []entry
			for _, r := range found.Records {
				all = append(all, entry{strconv.FormatInt(r.ID, 10), r.Data})
			}
			return all, err
		},
		create: func(ctx context.Context, z zone, r Record) error {
			return a.call(ctx, http.MethodPost, records(z), map[string]any{"type": "TXT", "name": z.within(r.Name, "@"), "data": r.Value, "ttl": 30}, nil)
		},
		drop: func(ctx context.Context, z zone, id string) error {
			return a.call(ctx, http.MethodDelete, records(z)+"/"+id, nil, nil)
		},
	}, nil
}
