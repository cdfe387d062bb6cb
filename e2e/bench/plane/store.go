package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// store is a folder with sites and their certificates: as the installer stores them, and for the others as PEM files.
type store struct {
	dir       string
	host      host.Host
	authority *cert.Authority
}

// newStore makes one with a CA for the names in a domain.
func newStore(dir string, domain steps.Domain) (*store, error) {
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return nil, err
	}
	st := &store{dir: dir, host: host.New(dir)}
	if st.authority, err = cert.NewAuthority(key, "plane", []steps.Domain{domain}, time.Now()); err != nil {
		return nil, err
	}
	for _, part := range []string{steps.SitesDir, steps.CertsDir, steps.Webroot, "pem"} {
		if err := os.MkdirAll(filepath.Join(dir, part), 0o755); err != nil { //nolint:gosec // the workers of nginx have another user
			return nil, err
		}
	}
	return st, nil
}

// pem is the file with the chain and the key of a site; without a name it is the folder of them all.
func (st *store) pem(name string) string {
	if name == "" {
		return filepath.Join(st.dir, "pem") + "/"
	}
	return filepath.Join(st.dir, "pem", name+".pem")
}

// certify gives a site its next certificate.
func (st *store) certify(name string) error {
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return err
	}
	chain, err := st.authority.Issue(key.Public(), []steps.Domain{steps.Domain(name)}, 30, time.Now())
	if err != nil {
		return err
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return err
	}
	version, err := cert.Add(st.host, name, cert.Version{Key: text, Chain: cert.EncodeChain(chain), Meta: cert.Meta{Source: cert.SourceLocal}})
	if err != nil {
		return err
	}
	return errors.Join(cert.Switch(st.host, name, version), os.WriteFile(st.pem(name), append(cert.EncodeChain(chain), text...), 0o600))
}

// add stores a site with an application behind it, as the others have it: no limit, no log.
func (st *store) add(name, app string) error {
	a := steps.Defaults()
	a.Certs.Domains, a.Trusted.Source, a.Install.Executor = []string{name}, steps.SourceNone, steps.ExecutorNative
	a.Proxy.Upstream, a.Proxy.MaxBody, a.Proxy.AccessLog = "http://"+app, "0", steps.LogOff
	one, problems := a.Site()
	if len(problems) > 0 {
		return fmt.Errorf("the site is wrong: %v", problems)
	}
	return st.host.WriteFile(steps.SiteFile(one.Name), host.File{Data: steps.Print(one), Mode: 0o644})
}
