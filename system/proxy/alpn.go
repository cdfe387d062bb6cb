package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// challengeProtocol is what a CA's TLS-ALPN-01 check speaks, and nothing else does (RFC 8737 section 6.2). No data
// follows such a handshake: net/http closes a connection whose protocol it does not know.
const challengeProtocol = "acme-tls/1"

// identifierExtension is id-pe-acmeIdentifier (RFC 8737 section 6.1).
var identifierExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}

// proof is the configuration that answers a TLS-ALPN-01 check: nil for a hello that is none, and where no challenge is
// open for the name. It is answered beside every site, so that a check interrupts nothing.
func (t *table) proof(hello *tls.ClientHelloInfo) *tls.Config {
	if !slices.Equal(hello.SupportedProtos, []string{challengeProtocol}) {
		return nil
	}
	name, ok := provenName(hello.ServerName)
	if !ok {
		return nil
	}
	authorization, err := readFile(t.config.Webroot, steps.ALPNPath, name)
	if err != nil || len(authorization) == 0 {
		return nil
	}
	certificate, err := proofCertificate(name, sha256.Sum256(authorization))
	if err != nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: intermediateSuites, CurvePreferences: guidelineCurves,
		NextProtos: []string{challengeProtocol}, Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true,
	}
}

// provenName is the name that a check is about. For an address it is the name of its reverse mapping (RFC 8738
// section 6).
func provenName(sni string) (string, bool) {
	name, ok := hostName(sni)
	if !ok || strings.Contains(sni, ":") {
		return "", false
	}
	if labels, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		return reversedAddress(strings.Split(labels, "."), ".", 1, net.IPv4len)
	}
	if labels, ok := strings.CutSuffix(name, ".ip6.arpa"); ok {
		return reversedAddress(strings.Split(labels, "."), ":", 4, 2*net.IPv6len)
	}
	return name, true
}

// reversedAddress makes an address of so many labels, of which each group is a number of it.
func reversedAddress(labels []string, separator string, group, count int) (string, bool) {
	if len(labels) != count || slices.ContainsFunc(labels, func(l string) bool { return group > 1 && len(l) != 1 }) {
		return "", false
	}
	slices.Reverse(labels)
	var numbers []string
	for part := range slices.Chunk(labels, group) {
		numbers = append(numbers, strings.Join(part, ""))
	}
	addr, err := netip.ParseAddr(strings.Join(numbers, separator))
	return addr.String(), err == nil
}

// proofCertificate is good for this one check and for nothing else: it is self-signed, and what is critical in it no
// browser knows.
func proofCertificate(name string, digest [sha256.Size]byte) (tls.Certificate, error) {
	value, err := asn1.Marshal(digest[:])
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "ACME challenge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: identifierExtension, Critical: true, Value: value}},
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		template.IPAddresses = []net.IP{addr.AsSlice()}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
