package renew

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// record is an order under way: ACMEDir/orders/NAME/{key.pem,order.json}. It is there from before the CA is asked
// until the certificate is stored, so that a certificate that was issued is never without its key (A19, A20).
type record struct {
	Directory string         `json:"directory"`
	Domains   []steps.Domain `json:"domains"`
	CSR       []byte         `json:"csr"` // the signing request, the same one however often it has to be handed in
	Profile   string         `json:"profile,omitempty"`
	URL       string         `json:"url,omitempty"`
	Begun     time.Time      `json:"begun"`
	Spoiled   bool           `json:"spoiled,omitempty"` // a run could not use its certificate

	key  crypto.Signer
	dir  string
	host host.Host
}

func (r *record) keyFile() string  { return path.Join(r.dir, "key.pem") }
func (r *record) metaFile() string { return path.Join(r.dir, "order.json") }

// unfinished is the order for the same wish that an earlier run began; nil when there is none.
func unfinished(h host.Host, o obtain) *record {
	if old := readRecord(h, o.orderDir()); old != nil && old.serves(o) {
		return old
	}
	return nil
}

// openRecord returns the unfinished order for the same wish, or begins a new one with a new key.
func openRecord(h host.Host, o obtain, now time.Time) (*record, error) {
	if old := unfinished(h, o); old != nil {
		return old, nil
	}
	dir := o.orderDir()
	r := &record{Directory: o.Trusted.Directory, Domains: o.Domains, Profile: o.Trusted.Profile, Begun: now.UTC(), dir: dir, host: h}
	if err := r.begin(o.KeyType); err != nil {
		return nil, fmt.Errorf("cannot store the key of the order: %w", err)
	}
	return r, nil
}

// readRecord is nil when there is none, or a damaged one: nothing is lost with an order whose key cannot be read.
func readRecord(h host.Host, dir string) *record {
	r := &record{dir: dir, host: h}
	meta, err := h.ReadFile(r.metaFile())
	if err != nil || json.Unmarshal(meta.Data, r) != nil {
		return nil
	}
	key, err := h.ReadFile(r.keyFile())
	if err != nil {
		return nil
	}
	if r.key, err = cert.ParseKey(key.Data); err != nil {
		return nil
	}
	if len(r.CSR) == 0 { // of a version that did not store it
		r.CSR, err = cert.CreateCSR(r.key, r.Domains)
	}
	if err != nil {
		return nil
	}
	return r
}

func (r *record) serves(o obtain) bool {
	kind, _ := cert.TypeOf(r.key.Public())
	return r.Directory == o.Trusted.Directory && r.Profile == o.Trusted.Profile && cert.SameDomains(r.Domains, o.Domains) && kind == o.KeyType
}

// begin stores a new key and then what it is for. An older order's description goes first: it must never stand beside
// another key.
func (r *record) begin(kind steps.KeyType) error {
	var err error
	if r.key, err = cert.GenerateKey(kind); err != nil {
		return err
	}
	text, err := cert.MarshalKey(r.key)
	if err != nil {
		return err
	}
	if r.CSR, err = cert.CreateCSR(r.key, r.Domains); err != nil {
		return err
	}
	if err := ensureDirs(r.host, 0o700, steps.ACMEDir, path.Join(steps.ACMEDir, "orders"), r.dir); err != nil {
		return err
	}
	if err := r.host.Remove(r.metaFile()); err != nil {
		return err
	}
	if err := r.host.WriteFile(r.keyFile(), host.File{Data: text, Mode: 0o600}); err != nil {
		return err
	}
	return r.write()
}

// orders is the record of an order to the acme package, and the ledger for what it costs.
type orders struct {
	*record
	book ledger
	kind kind
}

var _ acme.Orders = orders{}

// Ordering implements acme.Orders.
func (o orders) Ordering() error {
	if err := o.book.allows(o.Directory, o.Domains, o.kind); err != nil {
		return err
	}
	return o.book.ordered(o.Directory, o.Domains)
}

// Save implements acme.Orders.
func (o orders) Save(url string) error {
	o.URL = url
	return o.write()
}

// Finalizing implements acme.Orders.
func (o orders) Finalizing(url string) error { return o.book.spent(o.Directory, o.Domains, url) }

// Void implements acme.Orders.
func (o orders) Void(url string) error { return o.book.unspent(o.Directory, url) }

// rehearsed is the order of a rehearsal: it costs nothing, and nothing is lost with it.
type rehearsed struct{}

var _ acme.Orders = rehearsed{}

// Ordering implements acme.Orders.
func (rehearsed) Ordering() error { return nil }

// Save implements acme.Orders.
func (rehearsed) Save(string) error { return nil }

// Finalizing implements acme.Orders.
func (rehearsed) Finalizing(string) error { return nil }

// Void implements acme.Orders.
func (rehearsed) Void(string) error { return nil }

func (r *record) write() error {
	return writeJSON(r.host, r.metaFile(), r)
}

// spoiled gives an order up whose certificate is for another key in one run and in the next one too: it would be so for
// ever. It returns the failure.
func (r *record) spoiled(failure error) error {
	var f *steps.Failure
	if !errors.As(failure, &f) || f.Code != "A24" {
		return failure
	}
	if r.Spoiled {
		return errors.Join(failure, r.close())
	}
	r.Spoiled = true
	return errors.Join(failure, r.write())
}

// close forgets the order: its certificate is stored, or useless.
func (r *record) close() error {
	if err := host.SweepTemps(r.host, r.dir); err != nil { // of a run that was killed
		return fmt.Errorf("cannot put the finished order away: %w", err)
	}
	for _, file := range []string{r.metaFile(), r.keyFile(), r.dir} {
		if err := r.host.Remove(file); err != nil {
			return fmt.Errorf("cannot put the finished order away: %w", err)
		}
	}
	return nil
}

// putAway forgets the order that a version came from, where the run that stored it was killed before it could: the next
// renewal would go on with it, and get the same certificate again.
func putAway(h host.Host, site string, v cert.Version) error {
	r := &record{dir: orderDir(site, v.Meta.InPlaceOf), host: h}
	if text, err := h.ReadFile(r.keyFile()); err == nil {
		key, err := cert.ParseKey(text.Data)
		stored, serr := cert.ParseKey(v.Key)
		if err != nil || serr != nil || !cert.SameKey(key.Public(), stored.Public()) {
			return nil //nolint:nilerr // it is another order's
		}
	}
	return r.close()
}

func (o obtain) orderDir() string { return orderDir(o.Site, o.inPlaceOf) }

// orderDir is not the same where the second CA was asked in place of the first: that one may have a certificate waiting for
// the key in its own.
func orderDir(site, inPlaceOf string) string {
	if inPlaceOf != "" {
		site += "+fallback" // no site's name has a plus
	}
	return path.Join(steps.ACMEDir, "orders", site)
}

func writeJSON(h host.Host, file string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return h.WriteFile(file, host.File{Data: append(text, '\n'), Mode: 0o600})
}

// ensureDirs makes the folders that are not there, outermost first; steps.StateDir is made above them when needed.
func ensureDirs(h host.Host, mode fs.FileMode, dirs ...string) error {
	if err := ensureDir(h, steps.StateDir, 0o711); err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := ensureDir(h, dir, mode); err != nil {
			return err
		}
	}
	return nil
}

func ensureDir(h host.Host, dir string, mode fs.FileMode) error {
	_, err := h.ReadFile(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return h.WriteFile(dir, host.File{Mode: fs.ModeDir | mode})
}
