package proxy

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
)

// The profiles of Mozilla's guideline 6.0 (https://ssl-config.mozilla.org/guidelines/6.0.json). The suites of TLS 1.3
// cannot be chosen in Go and are the three of the guideline; suite order is the server's concern only below 1.3, where
// crypto/tls orders by hardware support, as the guideline's "server_preferred_order: false" leaves free.
var (
	intermediateSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	guidelineCurves = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}
)

// tlsConfig is the configuration for the handshakes of one site. Tickets are encrypted with the keys of the parent
// configuration, which crypto/tls makes anew every day, forgets after a week and never stores, and which outlive every
// swap. But each is bound to its site, to its leaf and to the CAs of its clients: it resumes nothing at another site, nor
// after the certificate was replaced or a CA was taken away (nginx's CVE-2025-23419). A program that takes this one's
// place has keys of its own: handing them on would have to store them, and every client pays one full handshake.
func (s *Server) tlsConfig(in Site, leaf string, asked *clients) (*tls.Config, error) {
	c := &tls.Config{
		Certificates:     []tls.Certificate{in.Certificate},
		CurvePreferences: guidelineCurves,
		NextProtos:       []string{"http/1.1", "http/1.0"}, // curl --http1.0 offers the second alone
	}
	asked.ask(c)
	s.bindTickets(c, binding(in, leaf, asked))
	if in.SSL.HTTP2 {
		c.NextProtos = append([]string{"h2"}, c.NextProtos...)
	}
	switch in.SSL.Profile {
	case steps.Modern:
		c.MinVersion = tls.VersionTLS13
	case steps.Intermediate:
		c.MinVersion, c.CipherSuites = tls.VersionTLS12, intermediateSuites
	default:
		return nil, fmt.Errorf("the TLS profile %q is not known", in.SSL.Profile)
	}
	return c, nil
}

// binding is what a ticket of a site is bound to.
func binding(in Site, leaf string, asked *clients) string {
	return "sslwizard site " + in.Name + " leaf " + leaf + " clients " + asked.mark()
}

// bindTickets has tickets resume nothing but what they are bound to.
func (s *Server) bindTickets(c *tls.Config, to string) {
	bound := []byte(to)
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, bound)
		return s.parent.EncryptTicket(cs, ss)
	}
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := s.parent.DecryptTicket(ticket, cs)
		if err != nil || ss == nil || len(ss.Extra) == 0 || !bytes.Equal(ss.Extra[len(ss.Extra)-1], bound) {
			return nil, err // nil: a full handshake
		}
		return ss, nil
	}
}

// quicConfig is the configuration for the handshakes of HTTP/3: those of the site, as far as QUIC has them (RFC 9001).
func (s *Server) quicConfig(site *tls.Config, bound string) *tls.Config {
	c := site.Clone()
	c.MinVersion, c.CipherSuites, c.NextProtos = tls.VersionTLS13, nil, []string{http3.NextProtoH3}
	s.bindTickets(c, bound+" over QUIC")
	return c
}

// newParent is the configuration of the listeners. It lives as long as the Server and is never changed.
func (s *Server) newParent() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			t := s.table()
			if proof := t.proof(hello); proof != nil {
				return proof, nil
			}
			if found := t.bySNI(hello.ServerName, hello.Conn.LocalAddr()); found != nil {
				return found.tls, nil
			}
			return refuse, nil
		},
	}
}

// quicParent is what newParent is, for the sockets of HTTP/3.
func (s *Server) quicParent() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{http3.NextProtoH3},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			switch found := s.table().bySNI(hello.ServerName, hello.Conn.LocalAddr()); {
			case found == nil:
				return refuseQUIC, nil
			case found.quic == nil:
				return refuseHTTP3, nil
			default:
				return found.quic, nil
			}
		},
	}
}

// refuseQUIC is refuse for QUIC; refuseHTTP3 ends a handshake for a site that has no HTTP/3 with the alert
// no_application_protocol.
var refuseQUIC, refuseHTTP3 = withProtocol(http3.NextProtoH3), withProtocol("none")

func withProtocol(name string) *tls.Config {
	c := refuse.Clone()
	c.MinVersion, c.NextProtos = tls.VersionTLS13, []string{name}
	return c
}

// refuse ends a handshake for a name that is not served with the alert unrecognized_name: it has no certificate, and
// no ticket can go around that.
var refuse = &tls.Config{
	MinVersion:             tls.VersionTLS12,
	SessionTicketsDisabled: true,
	GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil },
}

// leafOf parses the leaf and checks that the key is its key.
func leafOf(c tls.Certificate) (*x509.Certificate, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("cannot read its certificate: %w", err)
	}
	signer, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its private key cannot sign")
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return nil, errors.New("its private key does not belong to its certificate")
	}
	return leaf, nil
}

// coversAny checks that the certificate has one of the names. A name that was added to the site since waits for the next
// certificate; until then the others go on being served, and a browser says of this one what is the matter.
func coversAny(leaf *x509.Certificate, domains []steps.Domain) (err error) {
	for i, d := range domains {
		cerr := covers(leaf, d)
		if cerr == nil {
			return nil
		}
		if i == 0 {
			err = cerr
		}
	}
	return err
}

// covers checks that the certificate has the name. A wildcard has to be in it as such.
func covers(leaf *x509.Certificate, d steps.Domain) error {
	if !d.Wildcard() {
		if err := leaf.VerifyHostname(string(d)); err != nil {
			return fmt.Errorf("its certificate is not for %s", d)
		}
		return nil
	}
	for _, name := range leaf.DNSNames {
		if strings.EqualFold(name, string(d)) {
			return nil
		}
	}
	return fmt.Errorf("its certificate is not for %s", d)
}
