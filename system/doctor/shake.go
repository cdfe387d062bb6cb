package doctor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// challengeProtocol is what a TLS-ALPN-01 check speaks, and identifierExtension is where its proof is (RFC 8737 section 6).
const challengeProtocol = "acme-tls/1"

var identifierExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}

// shake asks one address for the proof as a CA does for TLS-ALPN-01: one handshake for the name, with one protocol (RFC
// 8737 section 3).
func (e *examination) shake(ctx context.Context, p acme.Proof, address netip.Addr) fetched {
	f := fetched{address: address}
	conn, err := e.Dial(ctx, "tcp", net.JoinHostPort(address.String(), strconv.Itoa(e.Port)))
	if err != nil {
		f.err = errors.New(plainDial(err))
		return f
	}
	defer conn.Close()
	f.connected = true
	client := tls.Client(conn, &tls.Config{
		ServerName: checkedName(p.Domain), NextProtos: []string{challengeProtocol},
		InsecureSkipVerify: true, //nolint:gosec // the proof is what is verified
	})
	if err := client.HandshakeContext(ctx); err != nil {
		f.err = answer{"D37", "the handshake for the check fails: " + plainDial(err)}
		return f
	}
	f.err = seenIn(p, client.ConnectionState())
	return f
}

// checkedName is what a check sends as SNI: for an address the name of its reverse mapping (RFC 8738 section 6).
func checkedName(d steps.Domain) string {
	addr, ok := d.IP()
	if !ok {
		return string(d)
	}
	labels, zone := strings.Split(addr.String(), "."), "in-addr.arpa"
	if addr.Is6() {
		digits := strings.ReplaceAll(addr.StringExpanded(), ":", "")
		labels, zone = strings.Split(digits, ""), "ip6.arpa"
	}
	slices.Reverse(labels)
	return strings.Join(append(labels, zone), ".")
}

// seenIn says whether a handshake showed this proof, and otherwise what it showed.
func seenIn(p acme.Proof, state tls.ConnectionState) error {
	if state.NegotiatedProtocol != challengeProtocol {
		return answer{"D37", "it does not speak " + challengeProtocol}
	}
	leaf := state.PeerCertificates[0]
	digest := sha256.Sum256([]byte(p.Body))
	want, err := asn1.Marshal(digest[:])
	if err != nil {
		return err
	}
	switch i := slices.IndexFunc(leaf.Extensions, isProof); {
	case i < 0:
		return answer{"D37", "its certificate is none for a check"}
	case !bytes.Equal(leaf.Extensions[i].Value, want) || leaf.VerifyHostname(string(p.Domain)) != nil:
		return answer{"A07", "its certificate answers another check"}
	}
	return nil
}

func isProof(e pkix.Extension) bool { return e.Critical && e.Id.Equal(identifierExtension) }
