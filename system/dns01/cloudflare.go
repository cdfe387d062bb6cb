package dns01

import (
	"context"
	"net/http"
	"net/url"
)

// newCloudflare speaks to https://developers.cloudflare.com/api/resources/dns/.
func newCloudflare(s settings, m Means) (Provider, error) {
	a := newAPI("Cloudflare", "https://api.cloudflare.com/client/v4", m, bearer("Bearer", s["token"]), s["token"])
	type item struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Content string `json:"content"`
	}
	type list struct {
		Result []item `json:"result"`
	}
	records := func(z zone) string { return "/zones/" + url.PathEscape(z.handle) + "/dns_records" }
	return &byRecord{
		zones: zones{find: func(ctx context.Context, name string) (string, error) {
			var found list
			if err := a.call(ctx, http.MethodGet, "/zones?"+url.Values{"name": {name}}.Encode(), nil, &found); err != nil {
				return "", err
			}
			for _, z := range found.Result {
				if z.Name == name {
					return z.ID, nil
				}
			}
			return "", nil
		}},
		list: func(ctx context.Context, z zone, name string) ([]entry, error) {
			var found list
			err := a.call(ctx, http.MethodGet, records(z)+"?"+url.Values{"type": {"TXT"}, "name": {name}, "per_page": {"100"}}.Encode(), nil, &found)
			var all []entry
			for _, r := range found.Result {
				if r.Name == name {
					all = append(all, entry{r.ID, r.Content})
				}
			}
			return all, err
		},
		create: func(ctx context.Context, z zone, r Record) error {
			return a.call(ctx, http.MethodPost, records(z), map[string]any{"type": "TXT", "name": r.Name, "content": quoted(r.Value), "ttl": 60}, nil)
		},
		drop: func(ctx context.Context, z zone, id string) error {
			return a.call(ctx, http.MethodDelete, records(z)+"/"+url.PathEscape(id), nil, nil)
		},
	}, nil
}
