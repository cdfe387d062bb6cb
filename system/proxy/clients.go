package proxy

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// clientHeader tells the application who its client proved to be: the certificate as RFC 9440 has it. Nobody else may set
// it, nor its twin for the chain.
const clientHeader = "Client-Cert"

// clients is whose certificates a site takes from its clients.
type clients struct {
	require bool
	pool    *x509.CertPool
	trusted map[string]bool // DER of the CAs
	sum     string          // tells one set of CAs and rule from another
}

// clientsOf is nil for a site that asks for no certificate.
func clientsOf(in Site) (*clients, error) {
	if in.SSL.ClientAuth == "" {
		return nil, nil
	}
	if len(in.ClientCAs) == 0 {
		return nil, errors.New("the certificates of the CA of its clients are missing")
	}
	c := &clients{require: in.SSL.ClientAuth == steps.ClientRequired, pool: x509.NewCertPool(), trusted: map[string]bool{}}
	hash := sha256.New()
	hash.Write([]byte(in.SSL.ClientAuth))
	for _, ca := range slices.SortedFunc(slices.Values(in.ClientCAs), byDER) {
		c.pool.AddCert(ca)
		c.trusted[string(ca.Raw)] = true
		hash.Write(ca.Raw)
	}
	c.sum = hex.EncodeToString(hash.Sum(nil))
	return c, nil
}

func byDER(a, b *x509.Certificate) int { return cmp.Compare(string(a.Raw), string(b.Raw)) }

// ask has the handshakes of a site ask for a certificate. One that is of another CA, has expired or is not for a client is
// refused there in either case.
func (c *clients) ask(config *tls.Config) {
	if c == nil {
		return
	}
	config.ClientCAs, config.ClientAuth = c.pool, tls.VerifyClientCertIfGiven
	if c.require {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
}

// mark goes into the tickets of a site: a session resumes only where the same certificates are taken.
func (c *clients) mark() string {
	if c == nil {
		return "anybody"
	}
	return c.sum
}

// admits says whether a connection may go on. The handshake may have been under an earlier configuration: what it proved
// has to be what is asked now, by a CA that is still trusted, and not to have expired since.
func (c *clients) admits(state *tls.ConnectionState) bool {
	switch {
	case c == nil:
		return true
	case len(state.PeerCertificates) == 0:
		return !c.require
	}
	now := time.Now()
	return slices.ContainsFunc(state.VerifiedChains, func(chain []*x509.Certificate) bool {
		root := chain[len(chain)-1]
		return c.trusted[string(root.Raw)] && !slices.ContainsFunc(chain, func(one *x509.Certificate) bool { return now.After(one.NotAfter) })
	})
}

// tell puts the certificate of the client into the request for the application.
func (c *clients) tell(set func(name, value string), state *tls.ConnectionState) {
	if c == nil || state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	set(clientHeader, ":"+base64.StdEncoding.EncodeToString(state.PeerCertificates[0].Raw)+":")
}
