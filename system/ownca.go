package system

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// OwnCA implements command.Observer.
func (i *Installer) OwnCA(ctx context.Context) (steps.OwnCA, error) {
	ca, err := cert.OwnCA(i.host)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ca, &steps.Failure{Text: "cannot show this server's own CA: there is none yet", Status: steps.ExitUsage,
			Fixes: []string{"sudo sslwizard    sets up a site, and makes one for it"}}
	case errors.Is(err, fs.ErrPermission):
		return ca, &steps.Failure{Text: "cannot show this server's own CA: only root can look into " + steps.CADir, Code: "H01",
			Status: steps.ExitNotRoot, Fixes: []string{"sudo sslwizard ca"}}
	case err != nil:
		return ca, err
	}
	sites, err := i.Stored(ctx)
	if err != nil {
		return ca, err
	}
	for _, s := range sites {
		if s.Trusted.CAPage && ca.Page == "" {
			ca.Page = s.CAPageURL()
		}
	}
	if _, err := i.host.ReadFile(path.Join(steps.Webroot, steps.CAPath, steps.CACertFile)); err != nil {
		ca.Page = ""
	}
	return ca, nil
}
