package dns01

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/c93d5bcb/sslwizard/steps"
)

// httpReq is a small server of the user's own that writes records: POST /present and /cleanup with the name and the value.
type httpReq struct{ *api }

func newHTTPReq(s settings, m Means) (Provider, error) {
	if err := checkServer("endpoint", s["endpoint"]); err != nil {
		return nil, err
	}
	var sign func(*http.Request)
	if s["username"] != "" || s["password"] != "" {
		sign = func(r *http.Request) { r.SetBasicAuth(s["username"], s["password"]) }
	}
	return httpReq{newAPI("the server in endpoint", s["endpoint"], m, sign, s["password"])}, nil
}

// Add implements Provider.
func (h httpReq) Add(ctx context.Context, r Record) error { return h.tell(ctx, "/present", r) }

// Remove implements Provider.
func (h httpReq) Remove(ctx context.Context, r Record) error { return h.tell(ctx, "/cleanup", r) }

func (h httpReq) tell(ctx context.Context, path string, r Record) error {
	return h.call(ctx, http.MethodPost, path, map[string]string{"fqdn": r.Name + ".", "value": r.Value}, nil)
}

// Ask implements Provider.
func (httpReq) Ask(context.Context, string) error { return ErrUnasked }

// checkServer accepts https, and http where nobody can listen in: on this machine.
func checkServer(key, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%s is no address that begins with https://", key)
	}
	a, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && a.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s has to begin with https://, not %s: a password would pass through the network for all to see", key, steps.CleanLine(u.Scheme))
}
