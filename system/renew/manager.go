package renew

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Doctor looks for what would make a CA refuse, before it is asked.
type Doctor interface {
	Examine(ctx context.Context, v doctor.Visit, seen func(steps.Check)) []steps.Check
}

// Manager makes certificates. The zero value is right outside tests but for UserAgent. It has no state: whatever it
// knows is on the host.
type Manager struct {
	UserAgent string // for the CA: "sslwizard/1.0"
	Doctor    Doctor // nil: one with the system's resolvers
	Now       func() time.Time
	Pace      acme.Pace
	Dialer    *net.Dialer  // to CAs; nil: a plain one
	Addresses []netip.Addr // of this host, for the Doctor; nil: asked from the kernel
	DNS       DNS

	// Tell writes down what somebody has to be told of a site, and of which certificate (SHA-256 of the leaf); nil: nobody is.
	Tell func(h host.Host, site steps.Site, leaf string, n []Notice) error

	// For tests: who gives certificates, who says when they are to be renewed, and chance. nil: the real ones.
	CA     CA
	Advise func(ctx context.Context, directory string, roots []byte) (Adviser, error)
	Draw   func(below time.Duration) time.Duration // from zero on, each as likely
}

func (m *Manager) draw(below time.Duration) time.Duration {
	switch {
	case below <= 0:
		return 0
	case m.Draw != nil:
		return m.Draw(below)
	}
	return rand.N(below)
}

func (m *Manager) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Manager) doctor() Doctor {
	if m.Doctor == nil {
		return &doctor.Doctor{Own: m.Addresses, Now: m.Now}
	}
	return m.Doctor
}

// wish is one of the three changes that a certificate can be asked for with.
type wish interface {
	site() string
	group() string
	// pending says what is missing about the certificate itself; who may read the key is judged for all alike.
	pending(r host.Reader, present *present, now time.Time) (steps.Action, string, error)
	// make stores a new version and returns it; it does not become current.
	make(ctx context.Context, j *job) (string, error)
}

// present is the certificate that the site has now; nil when there is none that can be used.
type present struct {
	cert.Version
	facts steps.CertFacts
}

// job is one Make.
type job struct {
	*Manager
	host     host.Host
	present  *present
	progress func(string)
}

func (j *job) say(format string, args ...any) {
	if j.progress != nil {
		j.progress(steps.CleanLine(fmt.Sprintf(format, args...)))
	}
}

func wishOf(c steps.Change) (wish, error) {
	var w wish
	switch c := c.(type) {
	case steps.IssueLocal:
		w = local(c)
	case steps.ImportCertificate:
		w = files(c)
	case steps.ObtainCertificate:
		w = obtain{ObtainCertificate: c}
	default:
		return nil, fmt.Errorf("cannot make a certificate: %T asks for none", c)
	}
	// A site's name becomes a folder's; it was made from a valid domain, and this keeps it so.
	if !folderName(w.site()) {
		return nil, fmt.Errorf("cannot make a certificate: %q is no name of a site", steps.CleanLine(w.site()))
	}
	return w, nil
}

// folderName is written out: an expression with this many repetitions takes longer to compile at every start of the
// program than all the rest of it.
func folderName(name string) bool {
	const longest = 255
	if len(name) == 0 || len(name) > longest || name[0] == '.' || name[0] == '-' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == ""
}

// Pending says what Make would do now, with a note for people. It never contacts a CA and changes nothing.
func (m *Manager) Pending(_ context.Context, r host.Reader, c steps.Change) (steps.Action, string, error) {
	w, err := wishOf(c)
	if err != nil {
		return 0, "", err
	}
	p, err := presentOf(r, w.site())
	if errors.Is(err, fs.ErrPermission) {
		return steps.Execute, "the present certificate can be looked at by root only", nil
	}
	if err != nil {
		return 0, "", err
	}
	return pending(r, w, p, m.now())
}

func pending(r host.Reader, w wish, p *present, now time.Time) (steps.Action, string, error) {
	action, note, err := w.pending(r, p, now)
	if err != nil || action != steps.Nothing || p == nil {
		return action, note, err
	}
	if !cert.ReadableBy(r, w.site(), w.group()) {
		return steps.Modify, "the same key and certificate, readable by " + readers(w.group()), nil
	}
	return steps.Nothing, note, nil
}

func readers(group string) string {
	if group == "" {
		return "root only"
	}
	return "root and the group " + group
}

// presentOf reads what the site has. A version that cannot be read as a certificate counts as none.
func presentOf(r host.Reader, site string) (*present, error) {
	v, err := cert.Current(r, site)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	facts, err := v.Facts()
	if err != nil {
		return nil, nil //nolint:nilerr // a damaged certificate is replaced like a missing one
	}
	key, err := cert.ParseKey(v.Key)
	if err != nil {
		return nil, nil //nolint:nilerr // so is one whose key is damaged
	}
	chain, _ := cert.ParseChain(v.Chain)
	if !cert.SameKey(key.Public(), chain[0].PublicKey) {
		return nil, nil
	}
	return &present{v, facts}, nil
}

// Make has the certificate be what the change asks for, and switches the site to it by one rename. It may be called
// again after a failure and goes on where it was. Below steps.CertsDir, CADir, ACMEDir, RenewDir and, for challenges,
// the webroot nothing else is written.
func (m *Manager) Make(ctx context.Context, h host.Host, c steps.Change, progress func(string)) error {
	m.sweep(ctx, h, progress)
	changed, err := m.make(ctx, h, c, progress, false)
	if w, werr := wishOf(c); werr == nil && (changed || err != nil) {
		err = errors.Join(err, Wake(h, w.site()))
	}
	return err
}

// make reports whether anything was changed. With force a certificate that is not due is made anew.
func (m *Manager) make(ctx context.Context, h host.Host, c steps.Change, progress func(string), force bool) (bool, error) {
	w, err := wishOf(c)
	if err != nil {
		return false, err
	}
	p, err := presentOf(h, w.site())
	if err != nil {
		return false, err
	}
	j := &job{Manager: m, host: h, present: p, progress: progress}
	version, err := j.next(ctx, w, force)
	if version == "" || err != nil {
		return false, err
	}
	if err := cert.Switch(h, w.site(), version); err != nil {
		return false, err
	}
	if err := cert.Prune(h, w.site()); err != nil {
		j.say("The new certificate is in place; older ones could not all be removed: %v", err)
	}
	return true, nil
}

// next stores the version that shall be current, and names it; "" when the present one is right.
func (j *job) next(ctx context.Context, w wish, force bool) (string, error) {
	if force {
		return w.make(ctx, j)
	}
	action, _, err := w.pending(j.host, j.present, j.now())
	switch {
	case err != nil:
		return "", err
	case action != steps.Nothing:
		return w.make(ctx, j)
	case j.present == nil, cert.ReadableBy(j.host, w.site(), w.group()):
		return "", nil
	}
	// Only who may read it differs: the same key and chain as a new version, so that the switch is one rename and the
	// old version stays as it was for the way back.
	same := j.present.Version
	same.Meta.Group = w.group()
	return cert.Add(j.host, w.site(), same)
}
