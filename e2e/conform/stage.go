package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// patience bounds every wait for something that has to come.
const patience = 20 * time.Second

// width is how many cases are tried at the same time on each kind of back end.
const width = 6

// stage is what a proxy under test is set up with: sites with their certificates, and an application behind each.
type stage struct {
	dir, certs, webroot string
	places              []*place
	backs               []*back
}

// place is a site with what is behind it.
type place struct {
	names   []string
	back    *back
	sockets string // the paths on which WebSockets are passed
	trusted string // who stands before it; empty: nobody
}

// The sites that no payload is sent to. socketPath is where all others pass WebSockets.
const (
	shopHost   = "shop.test"
	blogHost   = "blog.test"
	wildHost   = "wild.test"
	socketPath = "/ws"
)

func (p *place) name() string { return strings.Replace(p.names[0], "*.", "_wildcard.", 1) }

// answers is the site as a user writes it.
func (p *place) answers(executor string) string {
	return fmt.Sprintf(`apiVersion: sslwizard/v1
kind: Answers
install: {executor: %s}
certs: {domains: [%s]}
proxy: {upstream: "http://%s", trusted: [%s]}
websockets: {paths: [%s]}
trusted: {source: none}
`, executor, `"`+strings.Join(p.names, `", "`)+`"`, p.back.address, p.trusted, p.sockets)
}

// newStage makes the certificates and starts the back ends.
func newStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "sslwizard-conform-"); err != nil {
		return s, err
	}
	s.certs, s.webroot = filepath.Join(s.dir, "certs"), filepath.Join(s.dir, "webroot")
	tokens := filepath.Join(s.webroot, steps.ChallengePath)
	if err := errors.Join(os.MkdirAll(tokens, 0o755), os.Chmod(s.dir, 0o755), // nginx's workers are somebody else
		os.WriteFile(filepath.Join(tokens, "token"), []byte("thumb"), 0o644)); err != nil {
		return s, err
	}
	if err := s.furnish(ctx); err != nil {
		return s, err
	}
	for _, p := range s.places {
		if err := s.certify(p); err != nil {
			return s, err
		}
	}
	return s, nil
}

// theirCDN is what sites trust whose clients are somebody else.
const theirCDN = "192.0.2.0/24"

// furnish starts the back ends: of every kind as many as cases are tried at the same time, each for itself. "agrees" is
// sloppy too, and agrees to any upgrade; "listed" is strict, and its site trusts others than those who ask here.
func (s *stage) furnish(ctx context.Context) error {
	nested, err := nestedBacks(ctx, filepath.Join(s.dir, "nested"))
	for i, b := range nested {
		s.put(b, socketPath, hostOf("nested", i))
	}
	libraries, failed := libraryBacks(ctx, s.dir)
	for i, b := range libraries {
		s.put(b, socketPath, hostOf("echoes", i))
	}
	for i := range width {
		s.put(newFar(), socketPath, hostOf("frames", i))
		s.put(newStrict(), socketPath, hostOf("strict", i))
		s.put(newSloppy(false), socketPath, hostOf("sloppy", i))
		s.put(newSloppy(true), socketPath, hostOf("agrees", i))
		s.put(newUnruly(), socketPath, hostOf("unruly", i))
	}
	for i := range width {
		s.put(newStrict(), socketPath, hostOf("listed", i))
		s.places[len(s.places)-1].trusted = theirCDN
	}
	s.put(newStrict(), "/", shopHost, "www."+shopHost)
	s.put(newStrict(), "/", blogHost)
	s.put(newStrict(), "/", "*."+wildHost)
	s.put(newStrict(), "/", "localhost") // h2spec knows no other name
	return errors.Join(err, failed)
}

// hostOf is the name of a lane's site. They are equally long, so that lengths in a payload stay right.
func hostOf(kind string, i int) string { return fmt.Sprintf("%s%d.test", kind, i) }

func (s *stage) put(b *back, sockets string, names ...string) {
	s.backs = append(s.backs, b)
	s.places = append(s.places, &place{names: names, back: b, sockets: sockets})
}

func (s *stage) close() {
	for _, b := range s.backs {
		b.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// behind is what the requests of a host reach.
func (s *stage) behind(host string) *back {
	for _, p := range s.places {
		if p.names[0] == host {
			return p.back
		}
	}
	panic("no site has the name " + host)
}

// sites are the sites, parsed.
func (s *stage) sites(executor string) ([]steps.Site, error) {
	var all []steps.Site
	for _, p := range s.places {
		one, err := steps.Sites(p.name(), []byte(p.answers(executor)))
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

func (s *stage) chain(p *place) string {
	return filepath.Join(s.certs, p.name(), "current", "fullchain.pem")
}
func (s *stage) key(p *place) string { return filepath.Join(s.certs, p.name(), "current", "key.pem") }

// certify stores a certificate where the executors look for it. Nobody trusts it: who is trusted is the probe's matter.
func (s *stage) certify(p *place) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: p.name()}, DNSNames: p.names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	site := filepath.Join(s.certs, p.name())
	version := filepath.Join(site, "v0001")
	return errors.Join(os.MkdirAll(version, 0o755),
		os.WriteFile(filepath.Join(version, "fullchain.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(version, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.Symlink("v0001", filepath.Join(site, "current")))
}
