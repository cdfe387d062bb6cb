package dns01

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// duckDNS has one TXT value for a domain and everything below it: https://www.duckdns.org/spec.jsp.
type duckDNS struct {
	*api
	token string
}

func newDuckDNS(s settings, m Means) (Provider, error) {
	return &duckDNS{newAPI("DuckDNS", "https://www.duckdns.org", m, nil, s["token"]), s["token"]}, nil
}

// Add implements Provider.
func (d *duckDNS) Add(ctx context.Context, r Record) error {
	return d.tell(ctx, r.Name, url.Values{"txt": {r.Value}})
}

// Remove implements Provider.
func (d *duckDNS) Remove(ctx context.Context, r Record) error {
	return d.tell(ctx, r.Name, url.Values{"txt": {r.Value}, "clear": {"true"}})
}

// Ask implements Provider.
func (d *duckDNS) Ask(_ context.Context, name string) error {
	if _, err := domainAt(name); err != nil {
		return err
	}
	return ErrUnasked
}

func (d *duckDNS) tell(ctx context.Context, name string, query url.Values) error {
	domain, err := domainAt(name)
	if err != nil {
		return err
	}
	query.Set("domains", domain)
	query.Set("token", d.token)
	reply, err := d.ask(ctx, http.MethodGet, "/update?"+query.Encode(), "", nil)
	if err == nil && !strings.HasPrefix(strings.TrimSpace(string(reply)), "OK") {
		err = errors.Join(ErrDenied, errors.New("DuckDNS answers KO: the domain or the token is not one of its own"))
	}
	return err
}

// domainAt is the domain there that a name belongs to: _acme-challenge.www.mine.duckdns.org is of "mine".
func domainAt(name string) (string, error) {
	rest, ok := strings.CutSuffix(name, ".duckdns.org")
	if !ok {
		return "", fmt.Errorf("%s is not below duckdns.org: %w", steps.CleanLine(name), ErrNoZone)
	}
	return rest[strings.LastIndex(rest, ".")+1:], nil
}
