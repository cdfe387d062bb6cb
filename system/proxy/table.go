package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http/httputil"
	"net/netip"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// table is a compiled configuration. It never changes once it is current.
type table struct {
	generation uint64
	config     Config
	sites      []*site
	names      map[string]*site      // exact names and IP literals
	wildcards  map[string]*site      // what follows "*."
	addresses  map[netip.Addr]*site  // sites with IP literals, for handshakes without SNI
	onlyIP     *site                 // the one site with IP literals, if there is just one
	peers      map[netip.Prefix]bool // what stands before one of the sites or another
}

// site is a compiled site.
type site struct {
	steps.Site
	altSvc    string
	leaf      string    // sha256 of the leaf's DER, in hex
	ends      time.Time // of the leaf
	tls       *tls.Config
	clients   *clients    // nil: nobody is asked for a certificate
	quic      *tls.Config // nil without HTTP/3
	upstreams *upstreams
	forward   *httputil.ReverseProxy
	secrets   map[string]bool // names of the headers that only we may set, canonical
}

// compile checks the whole configuration and builds its table. Upstreams that a site had before are taken over, so that open
// connections to them stay in use and what is known of them is not forgotten.
func (s *Server) compile(c Config, before *table) (*table, error) {
	t := &table{
		config: c, names: map[string]*site{}, wildcards: map[string]*site{}, addresses: map[netip.Addr]*site{}, peers: map[netip.Prefix]bool{},
	}
	earlier := map[string]*site{}
	for _, one := range before.sites {
		earlier[one.Name] = one
	}
	var errs []error
	for _, in := range c.Sites {
		if err := t.add(in, s, earlier[in.Name]); err != nil {
			errs = append(errs, fmt.Errorf("cannot serve %s: %w", steps.CleanLine(in.Name), err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t.onlyIP = only(t.addresses)
	return t, nil
}

func (t *table) add(in Site, s *Server, before *site) error {
	certificate, err := checkCertificate(in)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(certificate.Raw)
	leaf := hex.EncodeToString(sum[:])
	asked, err := clientsOf(in)
	if err != nil {
		return err
	}
	tlsConfig, err := s.tlsConfig(in, leaf, asked)
	if err != nil {
		return err
	}
	upstreams, err := upstreamsFor(in.Site, before)
	if err != nil {
		return err
	}
	upstreams.sticky = newSticky(s.secret(t.config), in.Site, upstreams.members)
	out := &site{Site: in.Site, altSvc: in.AltSvc, leaf: leaf, ends: certificate.NotAfter, tls: tlsConfig, clients: asked, upstreams: upstreams, secrets: ownHeaders(in.Site)}
	if in.SSL.HTTP3 {
		out.quic = s.quicConfig(tlsConfig, binding(in, leaf, asked))
	}
	out.forward = s.forwarder(out)
	for _, d := range in.Certs.Domains {
		if err := t.name(d, out); err != nil {
			return err
		}
	}
	for _, n := range in.Proxy.Trusted {
		t.peers[n] = true
	}
	t.sites = append(t.sites, out)
	return nil
}

func (t *table) name(d steps.Domain, s *site) error {
	index, key := t.names, string(d)
	if d.Wildcard() {
		index, key = t.wildcards, key[2:]
	}
	if addr, ok := d.IP(); ok {
		key = addr.Unmap().String()
		t.addresses[addr.Unmap()] = s
	}
	if other, taken := index[key]; taken {
		return fmt.Errorf("the name %s is served by %s already", d, other.Name)
	}
	index[key] = s
	return nil
}

// lookup finds the site of a name that hostName returned: the exact name before a wildcard, which stands for one label.
func (t *table) lookup(name string) *site {
	if s, ok := t.names[name]; ok {
		return s
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		return t.wildcards[parent]
	}
	return nil
}

// bySNI finds the site of a TLS connection. A client that connects to an IP literal sends no SNI (RFC 6066 section 3):
// then the address that it reached decides, or, behind address translation, the only site that has IP literals.
func (t *table) bySNI(sni string, local net.Addr) *site {
	if sni != "" {
		name, ok := hostName(sni)
		if !ok || strings.Contains(sni, ":") { // a port is no part of it
			return nil
		}
		return t.lookup(name)
	}
	if s, ok := t.addresses[addressOf(local)]; ok {
		return s
	}
	return t.onlyIP
}

func only(addresses map[netip.Addr]*site) *site {
	var found *site
	for _, s := range addresses {
		if found != nil && found != s {
			return nil
		}
		found = s
	}
	return found
}

// checkCertificate returns the leaf. That key and leaf belong together is checked here too, so that
// a mistake is found before the swap and not in a handshake.
func checkCertificate(in Site) (*x509.Certificate, error) {
	if len(in.Certificate.Certificate) == 0 || in.Certificate.PrivateKey == nil {
		return nil, errors.New("it has no certificate")
	}
	leaf, err := leafOf(in.Certificate)
	if err != nil {
		return nil, err
	}
	return leaf, coversAny(leaf, in.Certs.Domains)
}
