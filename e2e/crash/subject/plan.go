package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
)

var executors = []steps.Executor{native.Executor{}, nginx.Executor{}}

func (m *machine) plan(answers string) (steps.Plan, error) {
	text, err := os.ReadFile(answers)
	if err != nil {
		return steps.Plan{}, err
	}
	sites, err := steps.Sites(answers, text)
	if err != nil {
		return steps.Plan{}, err
	}
	f, err := m.facts()
	if err != nil {
		return steps.Plan{}, err
	}
	chosen, other := executors[0], executors[1]
	if sites[0].Install.Executor == other.Name() {
		chosen, other = other, chosen
	}
	extras := steps.Extras{RenewService: assets.RenewServiceUnit(f.Binary()), RenewTimer: assets.RenewTimerUnit(),
		NotifyService: assets.NotifyServiceUnit(f.Binary()), LoginScript: assets.LoginScript(steps.LoginText)}
	plan, findings, err := steps.Build(sites, f, extras, chosen, other)
	return plan, errors.Join(err, blocked(findings))
}

func (m *machine) removal(site string) (steps.Plan, error) {
	f, err := m.facts()
	if err != nil {
		return steps.Plan{}, err
	}
	plan, findings, err := steps.BuildRemoval(site, f, executors...)
	return plan, errors.Join(err, blocked(findings))
}

func blocked(findings []steps.Finding) error {
	for _, f := range findings {
		if f.Severity == steps.Blocker {
			return fmt.Errorf("blocked: %s: %s", f.Code, f.Text)
		}
	}
	return nil
}

// facts are those of a small server, with what earlier runs left read from the tree.
func (m *machine) facts() (steps.Facts, error) {
	own, err := os.ReadFile(self)
	if err != nil {
		return steps.Facts{}, err
	}
	sum := sha256.Sum256(own)
	f := steps.Facts{
		Hostname: "web1", Root: true, Arch: "amd64", Distro: steps.Distro{ID: "debian", VersionID: "13", Pretty: "Debian GNU/Linux 13 (trixie)"},
		Packages: steps.PackageManager{Kind: "apt"}, Services: "systemd", Firewall: steps.Firewall{Kind: "ufw"},
		Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7")}, FreeBytes: 10 << 30,
		Self:    steps.Binary{Path: self, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(own))},
		Managed: steps.Managed{Certs: map[string]steps.CertFacts{}},
		Nginx:   steps.Nginx{Candidate: "1.26.3-3", Include: "/etc/nginx/conf.d", ConfigOK: true, Caps: steps.NginxCaps{RejectHandshake: true, TicketRotation: true, HTTP2Directive: true}},
	}
	if _, err := os.Stat("/usr/sbin/nginx"); err == nil {
		f.Nginx.Installed, f.Nginx.Packaged, f.Nginx.Version = true, true, "1.26.3"
		f.Nginx.Active = m.runs("nginx.service")
		f.Nginx.Enabled = f.Nginx.Active
	}
	if f.Managed.Files, err = apply.Receipt(m.h); err != nil {
		return f, err
	}
	if f.Managed.Sites, err = m.stored(); err != nil {
		return f, err
	}
	for _, s := range f.Managed.Sites {
		if c, err := cert.CurrentFacts(m.h, s.Name); err == nil {
			f.Managed.Certs[s.Name] = c
		}
	}
	return f, nil
}

func (m *machine) stored() ([]steps.Site, error) {
	dir, err := m.h.ReadFile(steps.SitesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []steps.Site
	for _, name := range dir.Entries {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		file, err := m.h.ReadFile(path.Join(steps.SitesDir, name))
		if err != nil {
			return nil, err
		}
		sites, err := steps.Sites(name, file.Data)
		if err != nil {
			return nil, err
		}
		all = append(all, sites...)
	}
	return all, err
}
