package cert

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Shared says what becomes of the local CA's certificate where somebody else shall trust it. It implements
// apply.LocalCA; the zero value is ready.
type Shared struct{}

// StoreFile is the certificate as the system's store takes it: the store reads names that end in .crt only.
const StoreFile = "/usr/local/share/ca-certificates/sslwizard.crt"

// browsers are those that read policies, by the folder of the managed ones and one that is there with the program.
var browsers = []struct{ policies, folder string }{
	{"/etc/chromium/policies/managed", "/usr/lib/chromium"},
	{"/etc/opt/chrome/policies/managed", "/opt/google/chrome"},
	{"/etc/opt/edge/policies/managed", "/opt/microsoft/msedge"},
}

const policyName = "sslwizard.json"

// pageFolder is where the executors look for steps.CAPath.
var pageFolder = path.Join(steps.Webroot, steps.CAPath)

// Paths implements apply.LocalCA. A browser that came or went since makes a difference only while it is wanted.
func (Shared) Paths(r host.Reader, c steps.Change) []string {
	switch c.(type) {
	case steps.PublishCA:
		return []string{path.Join(pageFolder, steps.CACertFile), path.Join(pageFolder, steps.CAPageFile)}
	case steps.TrustCA:
		all := []string{StoreFile}
		for _, b := range browsers {
			if policy := path.Join(b.policies, policyName); there(r, b.folder) || there(r, policy) {
				all = append(all, policy)
			}
		}
		return all
	}
	return nil
}

// Contents implements apply.LocalCA.
func (s Shared) Contents(r host.Reader, c steps.Change) (map[string][]byte, error) {
	switch c := c.(type) {
	case steps.TrustCA:
		return contents(r, c.Wanted, c.Domains, func(a *Authority) (map[string][]byte, error) { return s.trusted(r, c, a) })
	case steps.PublishCA:
		return contents(r, c.Wanted, c.Domains, func(a *Authority) (map[string][]byte, error) { return published(r, c, a) })
	}
	return nil, fmt.Errorf("cannot share the local CA: %T does not ask for it", c)
}

// contents are made of the local CA if it is for all these domains, and none where it is not wanted.
func contents(r host.Reader, wanted bool, domains []steps.Domain, made func(*Authority) (map[string][]byte, error)) (map[string][]byte, error) {
	if !wanted {
		return nil, nil
	}
	a, err := certificate(r)
	if err != nil {
		return nil, err
	}
	if !a.Permits(domains) {
		return nil, fmt.Errorf("cannot share the local CA: it is not for all the names yet: %w", fs.ErrNotExist)
	}
	return made(a)
}

func (s Shared) trusted(r host.Reader, c steps.TrustCA, a *Authority) (map[string][]byte, error) {
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, name := range s.Paths(r, c) {
		all[name] = policy
	}
	all[StoreFile] = a.PEM()
	return all, nil
}

func published(r host.Reader, c steps.PublishCA, a *Authority) (map[string][]byte, error) {
	ca := a.Own(host.Name(r))
	ca.Page = c.URL()
	page, err := assets.CAPage(ca, steps.TrustGuides(ca), steps.CACertFile)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{path.Join(pageFolder, steps.CACertFile): a.PEM(), path.Join(pageFolder, steps.CAPageFile): page}, nil
}

// policy is the browsers' policy CACertificatesWithConstraints, which holds the CA to its own names once more.
func (a *Authority) policy() ([]byte, error) {
	type constraints struct {
		Names []string `json:"permitted_dns_names"`
		CIDRs []string `json:"permitted_cidrs"`
	}
	type entry struct {
		Certificate string      `json:"certificate"`
		Constraints constraints `json:"constraints"`
	}
	one := entry{Certificate: base64.StdEncoding.EncodeToString(a.Certificate.Raw), Constraints: constraints{[]string{}, []string{}}}
	for _, d := range a.Permitted() {
		if ip, ok := d.IP(); ok {
			one.Constraints.CIDRs = append(one.Constraints.CIDRs, netip.PrefixFrom(ip, ip.BitLen()).String())
			continue
		}
		one.Constraints.Names = append(one.Constraints.Names, string(d))
	}
	text, err := json.MarshalIndent(map[string][]entry{"CACertificatesWithConstraints": {one}}, "", "  ")
	return append(text, '\n'), err
}

// Own is what people and programs are told of the CA. Host is the name of the server.
func (a *Authority) Own(host string) steps.OwnCA {
	sum := sha256.Sum256(a.Certificate.Raw)
	return steps.OwnCA{PEM: a.PEM(), Fingerprint: strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), Host: host, Domains: a.Permitted(), NotAfter: a.Certificate.NotAfter}
}

// OwnCA reads the local CA for people. It fails with fs.ErrNotExist when there is none.
func OwnCA(r host.Reader) (steps.OwnCA, error) {
	a, err := certificate(r)
	if err != nil {
		return steps.OwnCA{}, err
	}
	ca := a.Own(host.Name(r))
	stored, err := r.ReadFile(StoreFile)
	ca.TrustedHere = err == nil && string(stored.Data) == string(ca.PEM)
	return ca, nil
}

// certificate is the local CA without its key.
func certificate(r host.Reader) (*Authority, error) {
	f, err := r.ReadFile(CAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the local CA: %w", err)
	}
	chain, err := ParseChain(f.Data)
	if err != nil {
		return nil, fmt.Errorf("cannot use the local CA in %s: %w", steps.CADir, err)
	}
	return &Authority{Certificate: chain[0]}, nil
}

func there(r host.Reader, name string) bool {
	_, err := r.ReadFile(name)
	return err == nil
}
