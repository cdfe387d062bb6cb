package renew

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// withdrawal is a certificate that is revoked, or shall be, in ACMEDir/revoked.json. It is written down before its CA is asked:
// from then on the certificate counts as one that must not be used.
type withdrawal struct {
	Leaf      string                 `json:"leaf"` // SHA-256
	Site      string                 `json:"site"`
	Directory string                 `json:"directory"`
	Reason    steps.RevocationReason `json:"reason"`
	Only      bool                   `json:"only,omitempty"` // the site goes on with it
	Chain     string                 `json:"chain"`          // PEM
	Until     time.Time              `json:"until"`          // its end; after that it is forgotten
	Done      time.Time              `json:"done,omitzero"`  // when the CA had revoked it
	Next      string                 `json:"next,omitempty"` // the leaf that the site then had in its place
}

var revokedFile = path.Join(steps.ACMEDir, "revoked.json")

// withdrawals are all that is written down. A damaged file is an error: without it a revoked certificate would be used again.
func withdrawals(r host.Reader) ([]withdrawal, error) {
	f, err := r.ReadFile(revokedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []withdrawal
	if err == nil {
		err = json.Unmarshal(f.Data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", revokedFile, err)
	}
	return all, nil
}

// revoked is what is written down of a certificate; nil: nothing.
func revoked(r host.Reader, leaf string) *withdrawal {
	return findWithdrawal(r, func(w withdrawal) bool { return w.Leaf == leaf })
}

// unended is a revocation that was begun for a site and has not come to its end; nil: none.
func unended(r host.Reader, site string, now time.Time) *withdrawal {
	return findWithdrawal(r, func(w withdrawal) bool { return w.Site == site && w.Done.IsZero() && now.Before(w.Until) })
}

func findWithdrawal(r host.Reader, is func(withdrawal) bool) *withdrawal {
	all, _ := withdrawals(r) // who may not read it learns nothing
	i := slices.IndexFunc(all, is)
	if i < 0 {
		return nil
	}
	return &all[i]
}

// note writes one down in place of what is there of the same certificate.
func (w withdrawal) note(h host.Host, now time.Time) error {
	all, err := withdrawals(h)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(o withdrawal) bool { return o.Leaf == w.Leaf || now.After(o.Until) })
	if err := ensureDirs(h, 0o700, steps.ACMEDir); err != nil {
		return err
	}
	return writeJSON(h, revokedFile, append(all, w))
}

// Revoke has the CA of a site's certificate revoke it (RFC 8555 section 7.6). Unless only that was asked for, the site has
// another one, with another key, which is seen to be served first: a site without a certificate is no safer. A run that was
// cut off is finished by the next. At the end what was revoked is not on this server any more, and nothing older either: an
// undo cannot bring a key back that is in other hands.
func (m *Manager) Revoke(ctx context.Context, h host.Host, site steps.Site, r steps.RevokeRequest, live Live, progress func(string)) error {
	w, err := m.withdraw(h, site, r)
	if err != nil {
		return err
	}
	if r.DryRun {
		w.preview(progress)
		return nil
	}
	if err := w.note(h, m.now()); err != nil {
		return err
	}
	if !r.Only {
		if err := m.instead(ctx, h, site, w, live, progress); err != nil {
			return err
		}
	}
	j := &job{Manager: m, host: h, progress: progress}
	change, err := changeFor(h, site)
	if err != nil {
		return err
	}
	o, _ := change.(steps.ObtainCertificate)
	if err := w.revoke(ctx, j, obtain{ObtainCertificate: o}.at(w.Directory)); err != nil {
		return err
	}
	if w.Done = m.now().UTC(); !w.Only {
		if err := w.discard(h); err != nil {
			return err
		}
		w.Next = current(h, site.Name).SHA256
	}
	return w.note(h, m.now())
}

// preview says what would be done.
func (w withdrawal) preview(progress func(string)) {
	progress(fmt.Sprintf("The certificate with SHA-256 %s, of %s and good until %s, would be revoked (%s); this cannot be taken back",
		w.Leaf, acme.NameOf(w.Directory), clock(w.Until), w.Reason))
}

// discard takes what is revoked off this server.
func (w withdrawal) discard(h host.Host) error {
	versions, err := cert.Versions(h, w.Site)
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(versions) {
		if f, err := cert.FactsAt(h, w.Site, name); err == nil && f.SHA256 == w.Leaf {
			return cert.Discard(h, w.Site, name)
		}
	}
	return nil
}

// discardWithdrawn takes off this server what was revoked while the site still had it.
func discardWithdrawn(h host.Host, site string) error {
	all, err := withdrawals(h)
	for _, w := range all {
		if w.Site == site && !w.Done.IsZero() && !w.Only {
			err = errors.Join(err, w.discard(h))
		}
	}
	return err
}

// withdraw is the certificate that is meant: that of a run which was cut off, or the one that the site has.
func (m *Manager) withdraw(h host.Host, site steps.Site, r steps.RevokeRequest) (withdrawal, error) {
	if _, err := withdrawals(h); err != nil {
		return withdrawal{}, err
	}
	if w := unended(h, site.Name, m.now()); w != nil {
		w.Reason, w.Only = r.Reason, goesOn(r)
		return *w, nil
	}
	v, err := cert.Current(h, site.Name)
	if err != nil {
		return withdrawal{}, fmt.Errorf("cannot read the certificate of %s: %w", site.Name, err)
	}
	f, err := v.Facts()
	if err != nil {
		return withdrawal{}, fmt.Errorf("cannot read the certificate of %s: %w", site.Name, err)
	}
	cannot := "cannot revoke the certificate of " + site.Name + ": "
	switch {
	case f.Source == steps.SourceFiles:
		return withdrawal{}, &steps.Failure{Text: cannot + "it is your own", Status: steps.ExitUsage, Fixes: []string{"ask the CA that issued it"}}
	case f.Source != steps.SourceACME:
		return withdrawal{}, &steps.Failure{Text: cannot + "it is of this server's own CA, whose certificates nobody asks about", Status: steps.ExitUsage,
			Fixes: []string{"sudo sslwizard renew --force " + site.Name + "    makes another one, with another key"}}
	}
	if done := revoked(h, f.SHA256); done != nil && !done.Done.IsZero() {
		return withdrawal{}, &steps.Failure{Text: cannot + "it is revoked since " + clock(done.Done), Status: steps.ExitUsage, Fixes: []string{"sudo sslwizard renew --force " + site.Name + "    has another one"}}
	}
	if before := findWithdrawal(h, func(w withdrawal) bool { return w.Next == f.SHA256 }); before != nil && !r.Again {
		return withdrawal{}, &steps.Failure{Text: cannot + "it took the place of one that was revoked at " + clock(before.Done), Status: steps.ExitUsage,
			Fixes: []string{"the same with --again    revokes this one too"}}
	}
	return withdrawal{Leaf: f.SHA256, Site: site.Name, Directory: f.Directory, Reason: r.Reason, Only: goesOn(r), Chain: string(v.Chain), Until: f.NotAfter}, nil
}

// goesOn reports whether the site goes on with what is revoked. With a key that is in other hands it never does: as soon as
// there is another certificate it is used.
func goesOn(r steps.RevokeRequest) bool { return r.Only && r.Reason != steps.KeyCompromise }

// instead has the site serve another certificate.
func (m *Manager) instead(ctx context.Context, h host.Host, site steps.Site, w withdrawal, live Live, progress func(string)) error {
	out := m.Renew(ctx, h, []steps.Site{site}, Options{}, live, func(_, text string) {
		if progress != nil {
			progress(text)
		}
	})[0]
	if out.Err == nil && !out.Renewed { // by a run that was cut off, perhaps before it was served
		if out.Err = live.Reload(ctx, []steps.Site{site}); out.Err == nil {
			out.Err = proven(ctx, h, site, live)
		}
	}
	if out.Err == nil && current(h, site.Name).SHA256 != w.Leaf {
		return nil
	}
	return &steps.Failure{Text: "cannot revoke the certificate of " + site.Name + " yet: the site has no other one", Err: out.Err, Status: steps.ExitStatus("", out.Err),
		Fixes: append(steps.Fixes(out.Err), "run the same command again: it goes on where it was", "sudo sslwizard revoke --only "+site.Name+"    revokes it although browsers then may turn visitors away")}
}

// revoke asks the CA.
func (w withdrawal) revoke(ctx context.Context, j *job, o obtain) error {
	chain, err := cert.ParseChain([]byte(w.Chain))
	if err != nil {
		return err
	}
	request, err := o.request(j, w.Directory, nil)
	if err != nil {
		return err
	}
	return j.acme(j.host, j.progress).Revoke(ctx, request, acme.Revocation{Leaf: chain[0].Raw, Key: w.key(j.host), Reason: w.Reason})
}

// key is the certificate's own, if it is still stored.
func (w withdrawal) key(r host.Reader) crypto.Signer {
	versions, err := cert.Versions(r, w.Site)
	if err != nil {
		return nil
	}
	for _, name := range versions {
		v, err := cert.Read(r, w.Site, name)
		if err != nil {
			continue
		}
		if f, err := v.Facts(); err == nil && f.SHA256 == w.Leaf {
			key, err := cert.ParseKey(v.Key)
			if err == nil {
				return key
			}
		}
	}
	return nil
}
