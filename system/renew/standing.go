package renew

import (
	"context"

	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/doctor"
)

// standing answers challenges of steps.DNSPersist01: the record is there, since the user made it.
type standing struct{}

// Present implements acme.Presenter.
func (standing) Present(acme.Proof) error { return nil }

// CleanUp implements acme.Presenter: the record stays.
func (standing) CleanUp(acme.Proof) error { return nil }

// introduce makes our account at the CA, before any order: the record names it, so the user can be told it only then.
func (o obtain) introduce(ctx context.Context, j *job, v *doctor.Visit) error {
	request, err := o.request(j, o.Trusted.Directory, nil)
	if err != nil {
		return err
	}
	v.Account, v.Issuers, err = j.client().Introduce(ctx, request)
	v.Present = nil
	return err
}
