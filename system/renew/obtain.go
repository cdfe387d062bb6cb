package renew

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/dns01"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// obtain is a certificate of an ACME CA.
type obtain struct {
	steps.ObtainCertificate
	inPlaceOf string // directory of the first CA, where the second one is asked
}

func (o obtain) site() string  { return o.Site }
func (o obtain) group() string { return o.Group }

func (o obtain) pending(r host.Reader, p *present, now time.Time) (steps.Action, string, error) {
	if _, err := withdrawals(r); err != nil && !errors.Is(err, fs.ErrPermission) {
		return 0, "", err
	}
	action, note := o.differs(r, p, now)
	if action == steps.Nothing {
		return action, note, nil
	}
	return action, note, o.bindable(r)
}

// differs says what is missing about the certificate.
func (o obtain) differs(r host.Reader, p *present, now time.Time) (steps.Action, string) {
	if p == nil {
		return steps.Create, "a certificate of " + acme.NameOf(o.Trusted.Directory)
	}
	f := p.facts
	asked := o.Trusted.Of(f)
	switch {
	case f.Source != steps.SourceACME:
		return steps.Modify, "a certificate of " + acme.NameOf(o.Trusted.Directory)
	case f.Directory != asked.Directory:
		return steps.Modify, "a certificate of " + acme.NameOf(o.Trusted.Directory) + " instead of " + acme.NameOf(f.Directory)
	case !cert.SameDomains(f.Domains, o.Domains):
		return steps.Modify, "the names changed"
	case f.Key != o.KeyType:
		return steps.Modify, "another type of key was asked for"
	case o.withdrawn(r, f):
		return steps.Modify, "another one, for this one is revoked"
	case f.Profile != asked.Profile:
		return steps.Modify, "another profile was asked for"
	case isDue(r, o.Site, f, now):
		return steps.Modify, left(f, now)
	}
	return steps.Nothing, left(f, now)
}

// makeHere runs the issuance protocol at one CA: look first, rehearse, store the key, order, judge, store the certificate.
func (o obtain) makeHere(ctx context.Context, j *job) (string, error) {
	if stored, err := o.stored(j); stored != "" || err != nil {
		return stored, err
	}
	root, unable := o.presenter(ctx, j)
	present := root
	if open := unfinished(j.host, o); open != nil && open.URL != "" {
		if err := j.ledger().resumes(o.Trusted.Directory, o.Domains); err != nil {
			return "", err
		}
		// Its order costs nothing more, and its certificate may be waiting: whether the names can be proved matters only
		// if they have to be.
		present = &examined{Presenter: root, examine: func() error {
			if unable != nil {
				return unable
			}
			return o.examine(ctx, j, root)
		}}
	} else if unable != nil {
		return "", unable
	} else if err := o.prepare(ctx, j, present); err != nil {
		return "", err
	}
	version, err := o.order(ctx, j, present)
	if err != nil {
		return "", j.ledger().remember(o.Trusted.Directory, o.Domains, err)
	}
	return version, nil
}

// prepare stops where the CA would have to refuse, and rehearses.
func (o obtain) prepare(ctx context.Context, j *job, present acme.Presenter) error {
	if err := j.ledger().allows(o.Trusted.Directory, o.Domains, o.kind(j)); err != nil {
		return err
	}
	if err := o.examine(ctx, j, present); err != nil {
		return err
	}
	return o.rehearse(ctx, j, present)
}

func (j *job) ledger() ledger { return openLedger(j.host, j.now) }

// kind is what the CA will know of the order.
func (o obtain) kind(j *job) kind {
	if _, exempt := o.replaces(j); exempt {
		return replacement
	}
	if o.hadOne(j) {
		return again
	}
	return first
}

// examined has the doctor look before the first proof is put up, and puts none up where he finds something.
type examined struct {
	acme.Presenter
	examine func() error
	once    sync.Once
	found   error
}

// Present implements acme.Presenter.
func (e *examined) Present(p acme.Proof) error {
	e.once.Do(func() { e.found = e.examine() })
	if e.found != nil {
		return e.found
	}
	return e.Presenter.Present(p)
}

// presenter is who answers the challenges.
func (o obtain) presenter(ctx context.Context, j *job) (acme.Presenter, error) {
	switch o.Trusted.Challenge {
	case steps.DNS01:
	case steps.DNSPersist01:
		return standing{}, nil
	default:
		return &webroot{host: j.host, dir: o.Webroot, challenge: o.Trusted.Challenge}, nil
	}
	p, err := j.prover(ctx, o.Site, o.Trusted.DNS)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// stored finds a certificate that was obtained before and is as good as a new one: of a run that did not live to switch to
// it, or that was undone since. CAs count what they give. That one which is not due is to be replaced all the same is a
// wish for a new one.
func (o obtain) stored(j *job) (string, error) {
	if j.present != nil {
		if action, _, err := o.pending(j.host, j.present, j.now()); err != nil || action == steps.Nothing {
			return "", err
		}
	}
	versions, err := cert.Versions(j.host, o.Site)
	if err != nil {
		return "", err
	}
	for n, name := range slices.Backward(versions) {
		v, err := cert.Read(j.host, o.Site, name)
		if err == nil && o.revoked(j, v) {
			break // what is older was given up before it
		}
		if err != nil || !o.fulfilledBy(j, v) {
			continue
		}
		if n == len(versions)-1 && v.Meta.Group == o.Group {
			return name, putAway(j.host, o.Site, v)
		}
		if o.trusts(j, v) {
			j.say("A certificate that was obtained before is still good")
			v.Meta.Group = o.Group // who may read it may have changed
			return cert.Add(j.host, o.Site, v)
		}
	}
	return "", nil
}

// withdrawn reports a certificate that is revoked, unless the site is to go on with it.
func (o obtain) withdrawn(r host.Reader, f steps.CertFacts) bool {
	w := revoked(r, f.SHA256)
	return w != nil && !w.Only
}

func (o obtain) revoked(j *job, v cert.Version) bool {
	f, err := v.Facts()
	return err == nil && revoked(j.host, f.SHA256) != nil
}

// fulfilledBy reports whether nothing is to be done with this version in use.
func (o obtain) fulfilledBy(j *job, v cert.Version) bool {
	facts, err := v.Facts()
	if err != nil {
		return false
	}
	action, _, err := o.pending(j.host, &present{v, facts}, j.now())
	return err == nil && action == steps.Nothing
}

// trusts reports whether a version that was put aside leads to a root that is known here: a private CA may be another one
// since.
func (o obtain) trusts(j *job, v cert.Version) bool {
	roots, err := Roots(j.host, o.Trusted.CARoots)
	if err != nil {
		return false
	}
	chain, err := cert.ParseChain(v.Chain)
	if err != nil {
		return false
	}
	key, err := cert.ParseKey(v.Key)
	return err == nil && cert.Check(chain, o.expected(key, roots, j.now())) == nil
}

// examine stops where the CA would have to refuse.
func (o obtain) examine(ctx context.Context, j *job, present acme.Presenter) error {
	j.say("Checking that %s can be proved from outside", o.Domains[0])
	visit := doctor.Visit{Domains: o.Domains, Directory: o.Trusted.Directory, Challenge: o.Trusted.Challenge, Profile: o.Trusted.Profile,
		Account: accountURL(j.host, o.Trusted.Directory), Present: present}
	if second, ok := o.Trusted.Second(); ok {
		of := Visit(j.host, second, o.Domains, j.now())
		visit.Second = &of
	}
	if prover, ok := present.(*dns01.Prover); ok {
		visit.Present, visit.Keeper = nil, prover.Provider
	}
	if o.Trusted.Challenge == steps.DNSPersist01 {
		if err := o.introduce(ctx, j, &visit); err != nil {
			return err
		}
	}
	checks := j.doctor().Examine(ctx, visit, nil) // whether the CA answers, the order itself shows first
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var blockers []steps.Finding
	for _, f := range doctor.Findings(checks) {
		switch {
		case f.Severity == steps.Blocker:
			blockers = append(blockers, f)
		case !strings.HasPrefix(f.Code, "S"):
			j.say("%s", f.Text)
		}
	}
	if len(blockers) == 0 {
		return nil
	}
	return together(blockers)
}

// together makes one failure of what stands in the way.
func together(blockers []steps.Finding) error {
	f := &steps.Failure{Text: blockers[0].Text, Code: blockers[0].Code}
	for i, b := range blockers {
		if i > 0 {
			f.Text += "; " + b.Text
		}
		for _, line := range b.Fix {
			if !slices.Contains(f.Fixes, line) {
				f.Fixes = append(f.Fixes, line)
			}
		}
	}
	return f
}

// rehearse runs the same order at the CA's staging directory, before the first certificate of these names: what fails
// there costs nothing of the real CA's limits. A record that stays names one CA and one account, so it is no proof at another
// CA; that it is right was seen.
func (o obtain) rehearse(ctx context.Context, j *job, present acme.Presenter) error {
	if o.Trusted.Rehearsal == "" || o.Trusted.Challenge == steps.DNSPersist01 || o.hadOne(j) {
		return nil
	}
	return o.rehearseNow(ctx, j, present)
}

// rehearseNow has the staging CA prove the names and issue.
func (o obtain) rehearseNow(ctx context.Context, j *job, present acme.Presenter) error {
	j.say("Rehearsing with %s", acme.NameOf(o.Trusted.Rehearsal))
	key, err := cert.GenerateKey(o.KeyType)
	if err != nil {
		return err
	}
	csr, err := cert.CreateCSR(key, o.Domains)
	if err != nil {
		return err
	}
	request, err := o.request(j, o.Trusted.Rehearsal, csr)
	if err != nil {
		return err
	}
	if _, err := j.client().Obtain(ctx, request, present, rehearsed{}); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		var f *steps.Failure
		if errors.As(err, &f) {
			told := *f
			told.Text = "cannot pass the rehearsal, so the real CA was not asked: " + f.Text
			var later *acme.Later
			if errors.As(err, &later) { // it stays known that the CA is away
				return &acme.Later{Failure: &told, Until: later.Until}
			}
			return &told
		}
		return fmt.Errorf("cannot pass the rehearsal, so the real CA was not asked: %w", err)
	}
	return nil
}

// hadOne reports whether the site has, or had, a certificate of this directory for these names.
func (o obtain) hadOne(j *job) bool {
	versions, err := cert.Versions(j.host, o.Site)
	if err != nil {
		return false
	}
	for _, name := range versions {
		f, err := cert.FactsAt(j.host, o.Site, name)
		if err == nil && f.Source == steps.SourceACME && f.Directory == o.Trusted.Directory && cert.SameDomains(f.Domains, o.Domains) {
			return true
		}
	}
	return false
}

func (o obtain) request(j *job, directory string, csr []byte) (acme.Request, error) {
	roots, err := Roots(j.host, o.Trusted.CARoots)
	if err != nil {
		return acme.Request{}, err
	}
	return acme.Request{
		Directory: directory, Roots: roots, Email: o.Trusted.Email, Terms: o.Trusted.AcceptTerms, Domains: o.Domains, CSR: csr,
		Challenge: o.Trusted.Challenge, Profile: o.Trusted.Profile, Binding: o.binding(j.host, directory),
	}, nil
}

func (j *job) client() CA {
	if j.CA != nil {
		return j.CA
	}
	return j.acme(j.host, j.progress)
}

// order obtains the certificate and stores it. The key is on the disk before the CA is asked for anything.
func (o obtain) order(ctx context.Context, j *job, present acme.Presenter) (string, error) {
	record, err := openRecord(j.host, o, j.now())
	if err != nil {
		return "", err
	}
	request, err := o.request(j, o.Trusted.Directory, record.CSR)
	if err != nil {
		return "", err
	}
	request.Order = record.URL
	request.Replaces, _ = o.replaces(j)
	text, err := j.client().Obtain(ctx, request, present, orders{record, j.ledger(), o.kind(j)})
	if err != nil {
		return "", record.spoiled(err)
	}
	chain, err := o.judge(text, record.key, request.Roots, j.now())
	if err != nil {
		// The CA's mistake would come back with the same order for ever: the next run makes a new one.
		return "", errors.Join(err, record.close())
	}
	version, err := o.store(j, record.key, chain)
	if err != nil {
		return "", err
	}
	return version, record.close()
}

func (o obtain) store(j *job, key crypto.Signer, chain []*x509.Certificate) (string, error) {
	text, err := cert.MarshalKey(key)
	if err != nil {
		return "", err
	}
	return cert.Add(j.host, o.Site, cert.Version{
		Key: text, Chain: cert.EncodeChain(chain),
		Meta: cert.Meta{Source: steps.SourceACME, Directory: o.Trusted.Directory, Profile: o.Trusted.Profile, InPlaceOf: o.inPlaceOf, Group: o.Group, Made: j.now().UTC()},
	})
}

// judge looks at what the CA sent as a browser would. A public CA's chain has to end at a root of this system. A
// private CA's may: its root need not be known here, since trusted.caRoots speaks of the directory's own server. Then
// the chain has to fit together and have its intermediates.
func (o obtain) judge(text []byte, key crypto.Signer, roots []byte, now time.Time) ([]*x509.Certificate, error) {
	const cannot = "cannot use the certificate that the CA sent"
	chain, err := cert.ParseChain(text)
	if err != nil {
		return nil, &steps.Failure{Text: cannot, Code: "A23", Err: err, Fixes: []string{"run the same command again"}}
	}
	want := o.expected(key, roots, now)
	err = cert.Check(chain, want)
	var fault *cert.Fault
	if !want.Public && errors.As(err, &fault) && fault.Kind == cert.FaultUntrusted {
		want.Roots = nil
		err = errors.Join(cert.Check(chain, want), checkIntermediate(chain))
	}
	if err != nil {
		return nil, useless(broken(cannot, err))
	}
	return withoutRoot(chain), nil
}

// useless is a certificate that is not what a CA has to give: out of its time, too weak, not for servers.
func useless(f *steps.Failure) *steps.Failure {
	if f.Code == "" {
		f.Code = "A30"
	}
	f.Fixes = []string{"run the same command again: it makes a new order; the site keeps the certificate that it has"}
	return f
}

// expected is what a chain of the CA has to be; roots are trusted beside those of this system.
func (o obtain) expected(key crypto.Signer, roots []byte, now time.Time) cert.Expected {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(roots)
	return cert.Expected{Key: key.Public(), Domains: o.Domains, Exact: true, Roots: pool, Public: acme.IsPublic(o.Trusted.Directory), Now: now}
}

// withoutRoot takes a self-signed root off the end: a client has it or does not trust it, and every handshake would
// carry it.
func withoutRoot(chain []*x509.Certificate) []*x509.Certificate {
	last := chain[len(chain)-1]
	if len(chain) > 1 && bytes.Equal(last.RawSubject, last.RawIssuer) {
		return chain[:len(chain)-1]
	}
	return chain
}
