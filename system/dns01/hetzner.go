package dns01

import (
	"context"
	"net/http"
	"net/url"
)

// hetzner is the DNS of the Hetzner Cloud: https://docs.hetzner.cloud/reference/cloud#zone-rrset-actions. It adds and
// removes single values by itself.
type hetzner struct {
	*api
	zones
}

func newHetzner(s settings, m Means) (Provider, error) {
	h := &hetzner{api: newAPI("Hetzner", "https://api.hetzner.cloud/v1", m, bearer("Bearer", s["token"]), s["token"])}
	h.find = func(ctx context.Context, name string) (string, error) {
		return ifThere(name, h.call(ctx, http.MethodGet, "/zones/"+url.PathEscape(name), nil, nil))
	}
	return h, nil
}

// Add implements Provider.
func (h *hetzner) Add(ctx context.Context, r Record) error {
	return h.act(ctx, r, "add_records", map[string]any{"ttl": 60})
}

// Remove implements Provider.
func (h *hetzner) Remove(ctx context.Context, r Record) error {
	err := h.act(ctx, r, "remove_records", map[string]any{})
	if isStatus(err, http.StatusNotFound) {
		return nil // there is no such set any more
	}
	return err
}

func (h *hetzner) act(ctx context.Context, r Record, action string, body map[string]any) error {
	z, err := h.of(ctx, r.Name)
	if err != nil {
		return err
	}
	body["records"] = []any{map[string]string{"value": quoted(r.Value)}}
	path := "/zones/" + url.PathEscape(z.name) + "/rrsets/" + url.PathEscape(z.within(r.Name, "@")) + "/TXT/actions/" + action
	return h.call(ctx, http.MethodPost, path, body, nil)
}

// Ask implements Provider.
func (h *hetzner) Ask(ctx context.Context, name string) error {
	_, err := h.of(ctx, name)
	return err
}
