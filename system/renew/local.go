package renew

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// local is a certificate of this server's own CA.
type local steps.IssueLocal

func (l local) site() string  { return l.Site }
func (l local) group() string { return l.Group }

func (l local) pending(r host.Reader, p *present, now time.Time) (steps.Action, string, error) {
	if p == nil {
		return steps.Create, "a new key and a certificate of this server's own CA", nil
	}
	f := p.facts
	life := lifetime(f) + time.Second
	switch {
	case f.Source != cert.SourceLocal && !l.Force:
		return steps.Nothing, "a trusted certificate is there already", nil
	case f.Source != cert.SourceLocal:
		return steps.Modify, "the trusted certificate is replaced by one of this server's own CA, as asked", nil
	case !cert.SameDomains(f.Domains, l.Domains):
		return steps.Modify, "the names changed", nil
	case f.Key != l.KeyType:
		return steps.Modify, "another type of key was asked for", nil
	case life != time.Duration(l.Days)*24*time.Hour:
		return steps.Modify, "another lifetime was asked for", nil
	case due(f, now):
		return steps.Modify, left(f, now), nil
	case !signedByOurs(r, p):
		return steps.Modify, "this server's own CA is another one now", nil
	}
	return steps.Nothing, left(f, now), nil
}

// signedByOurs reports whether the certificate still belongs to the local CA, as far as that can be read.
func signedByOurs(r host.Reader, p *present) bool {
	f, err := r.ReadFile(cert.CAFile)
	if err != nil {
		return false
	}
	ca, err := cert.ParseChain(f.Data)
	if err != nil {
		return false
	}
	chain, err := cert.ParseChain(p.Chain)
	return err == nil && chain[0].CheckSignatureFrom(ca[0]) == nil
}

func (l local) make(_ context.Context, j *job) (string, error) {
	ca, err := cert.EnsureAuthority(j.host, l.Domains, j.now())
	if err != nil {
		return "", err
	}
	key, err := cert.GenerateKey(l.KeyType)
	if err != nil {
		return "", err
	}
	chain, err := ca.Issue(key.Public(), l.Domains, l.Days, j.now())
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	want := cert.Expected{Key: key.Public(), Domains: l.Domains, Exact: true, Roots: roots, Now: j.now()}
	if err := cert.Check(chain, want); err != nil {
		return "", broken("cannot use the certificate that was just made", err)
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return "", err
	}
	return cert.Add(j.host, l.Site, cert.Version{
		Key: text, Chain: cert.EncodeChain(chain),
		Meta: cert.Meta{Source: cert.SourceLocal, Group: l.Group, Made: j.now().UTC()},
	})
}
