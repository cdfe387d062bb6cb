package dns01

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// porkbun has its keys in the body of every question: https://porkbun.com/api/json/v3/documentation.
type porkbun struct {
	*api
	keys map[string]any
}

func newPorkbun(s settings, m Means) (Provider, error) {
	p := porkbun{
		api:  newAPI("Porkbun", "https://api.porkbun.com/api/json/v3", m, nil, s["key"], s["secret"]),
		keys: map[string]any{"apikey": s["key"], "secretapikey": s["secret"]},
	}
	return &byRecord{
		zones: zones{find: p.find},
		list: func(ctx context.Context, z zone, name string) ([]entry, error) {
			var found struct {
				Records []struct {
					ID      json.Number `json:"id"` // once a number, once a text
					Content string      `json:"content"`
				} `json:"records"`
			}
			path := "/dns/retrieveByNameType/" + url.PathEscape(z.name) + "/TXT"
			if sub := z.within(name, ""); sub != "" {
				path += "/" + url.PathEscape(sub)
			}
			err := p.tell(ctx, path, nil, &found)
			var all []entry
			for _, r := range found.Records {
				all = append(all, entry{r.ID.String(), r.Content})
			}
			return all, err
		},
		create: func(ctx context.Context, z zone, r Record) error {
			return p.tell(ctx, "/dns/create/"+url.PathEscape(z.name), map[string]any{"name": z.within(r.Name, ""), "type": "TXT", "content": r.Value, "ttl": "600"}, nil)
		},
		drop: func(ctx context.Context, z zone, id string) error {
			return p.tell(ctx, "/dns/delete/"+url.PathEscape(z.name)+"/"+url.PathEscape(id), nil, nil)
		},
	}, nil
}

// tell asks one question. Porkbun says 200 to some of what it refuses.
func (p porkbun) tell(ctx context.Context, path string, more map[string]any, out any) error {
	body := maps.Clone(p.keys)
	maps.Copy(body, more)
	var reply json.RawMessage
	err := p.call(ctx, http.MethodPost, path, body, &reply)
	var refused *apiError
	if errors.As(err, &refused) && refused.status == http.StatusBadRequest {
		return p.refused(refused.said)
	}
	if err != nil {
		return err
	}
	var verdict struct{ Status, Message string }
	if json.Unmarshal(reply, &verdict) != nil || verdict.Status != "SUCCESS" {
		return p.refused(p.clean(verdict.Message))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply, out)
}

// refused tells keys that are not taken from other mistakes: Porkbun has one status for all of them.
func (p porkbun) refused(said string) error {
	if strings.Contains(said, "API key") || strings.Contains(said, "API access") {
		return &apiError{p.who, http.StatusUnauthorized, said}
	}
	return &apiError{p.who, http.StatusBadRequest, said}
}

// find looks the zone up among all domains of the account, which come a thousand at a time.
func (p porkbun) find(ctx context.Context, name string) (string, error) {
	const page = 1000
	for start := 0; ; start += page {
		var found struct {
			Domains []struct {
				Domain string `json:"domain"`
			} `json:"domains"`
		}
		if err := p.tell(ctx, "/domain/listAll", map[string]any{"start": strconv.Itoa(start)}, &found); err != nil {
			return "", err
		}
		for _, d := range found.Domains {
			if d.Domain == name {
				return name, nil
			}
		}
		if len(found.Domains) < page {
			return "", nil
		}
	}
}
