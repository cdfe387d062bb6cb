package acme

import "context"

// Introduce has an account at the directory, a new one if there is none, and returns its URL with the names by which the DNS
// knows the CA (caaIdentities of RFC 8555 section 7.1.1): both stand in the record of steps.DNSPersist01. No order is made.
func (c *Client) Introduce(ctx context.Context, r Request) (account string, issuers []string, err error) {
	s, err := c.open(ctx, r)
	if err != nil {
		return "", nil, err
	}
	defer s.close()
	return s.account.URL, s.core.GetDirectory().Meta.CaaIdentities, nil
}
