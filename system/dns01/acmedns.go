package dns01

import (
	"context"
	"fmt"
	"net/http"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// acmeDNS is a server whose only zone is for such records: https://github.com/joohoi/acme-dns. The name to be proved is an
// alias of one there. It keeps the two newest values, and has nothing to take one away with.
type acmeDNS struct {
	*api
	domain, subdomain string
}

func newACMEDNS(s settings, m Means) (Provider, error) {
	if err := checkServer("server", s["server"]); err != nil {
		return nil, err
	}
	sign := func(r *http.Request) {
		r.Header.Set("X-Api-User", s["username"])
		r.Header.Set("X-Api-Key", s["password"])
	}
	return &acmeDNS{newAPI("the acme-dns server", s["server"], m, sign, s["username"], s["password"]), s["fulldomain"], s["subdomain"]}, nil
}

// Add implements Provider.
func (a *acmeDNS) Add(ctx context.Context, r Record) error {
	if err := a.leads(r.Name); err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, "/update", map[string]string{"subdomain": a.subdomain, "txt": r.Value}, nil)
}

// Remove implements Provider.
func (a *acmeDNS) Remove(context.Context, Record) error { return nil }

// Ask implements Provider. Whether the password is right, only an update shows.
func (a *acmeDNS) Ask(ctx context.Context, name string) error {
	if err := a.leads(name); err != nil {
		return err
	}
	_, err := a.ask(ctx, http.MethodGet, "/health", "", nil)
	return err
}

// leads reports an error unless the name, aliases followed, is the one that this account can write.
func (a *acmeDNS) leads(name string) error {
	if resolve.Same(name, a.domain) {
		return nil
	}
	return fmt.Errorf("the record has to be an alias (CNAME) of %s, and it is %s itself", steps.CleanLine(resolve.Plain(a.domain)), steps.CleanLine(name))
}
