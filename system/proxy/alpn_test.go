package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// challenges is a webroot in which these names have an open TLS-ALPN-01 challenge.
func challenges(t *testing.T, open map[string]string) string {
	t.Helper()
	webroot := t.TempDir()
	folder := filepath.Join(webroot, steps.ALPNPath)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, authorization := range open {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(authorization), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return webroot
}

// check does what a CA does: one handshake for the name, with one protocol.
func (i *instance) check(sni string, version uint16, protocols ...string) (*tls.Conn, error) {
	return tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure,
		&tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: protocols, MinVersion: version, MaxVersion: version})
}

func TestChallengesInTheHandshake(t *testing.T) {
	t.Parallel()
	open := map[string]string{
		"a.test": "token-a.thumb", "soon.test": "token-soon.thumb", "203.0.113.9": "token-4.thumb", "2001:db8::9": "token-6.thumb",
	}
	i := serve(t, Config{Webroot: challenges(t, open), Sites: []Site{testSite("http://127.0.0.1:1", names("a.test", "b.test"))}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for sni, name := range map[string]string{
			"a.test": "a.test", "A.Test": "a.test", "soon.test": "soon.test", // its site is not there yet
			"9.113.0.203.in-addr.arpa": "203.0.113.9",
			"9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "2001:db8::9",
		} {
			conn, err := i.check(sni, version, challengeProtocol)
			if err != nil {
				t.Errorf("%s: %v", sni, err)
				continue
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if state.NegotiatedProtocol != challengeProtocol {
				t.Errorf("%s: the protocol is %q", sni, state.NegotiatedProtocol)
			}
			proves(t, state.PeerCertificates, name, open[name])
		}
	}
}

// proves checks the certificate as RFC 8737 section 3 has a CA check it.
func proves(t *testing.T, chain []*x509.Certificate, name, authorization string) {
	t.Helper()
	leaf := chain[0]
	digest := sha256.Sum256([]byte(authorization))
	want, _ := asn1.Marshal(digest[:])
	var proofs int
	for _, e := range leaf.Extensions {
		if e.Id.Equal(identifierExtension) {
			proofs++
			if !e.Critical || !bytes.Equal(e.Value, want) {
				t.Errorf("%s: critical %t, proof %x, want %x", name, e.Critical, e.Value, want)
			}
		}
	}
	if proofs != 1 || len(chain) != 1 || len(leaf.DNSNames)+len(leaf.IPAddresses) != 1 || leaf.VerifyHostname(name) != nil {
		t.Errorf("%s: %d proofs, %d certificates, for %v %v", name, proofs, len(chain), leaf.DNSNames, leaf.IPAddresses)
	}
	if err := leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil || !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		t.Errorf("%s: it is not self-signed: %v", name, err)
	}
}

// TestChallengesAreForTheCAOnly has everybody else, and the CA without a challenge, see nothing of it.
func TestChallengesAreForTheCAOnly(t *testing.T) {
	t.Parallel()
	webroot := challenges(t, map[string]string{"a.test": "token-a.thumb", "empty.test": ""})
	if err := os.Symlink("/etc/hostname", filepath.Join(webroot, steps.ALPNPath, "link.test")); err != nil {
		t.Fatal(err)
	}
	i := serve(t, Config{Webroot: webroot, Sites: []Site{testSite(echoServer(t).URL, names("a.test", "b.test"))}})
	for _, c := range []struct {
		sni       string
		protocols []string
		want      string // the protocol, or part of the error
	}{
		{"a.test", nil, ""},
		{"a.test", []string{"h2", "http/1.1"}, "h2"},
		{"a.test", []string{"http/1.0"}, "http/1.0"},
		{"a.test", []string{challengeProtocol, "http/1.1"}, "http/1.1"}, // a CA offers one protocol
		{"b.test", []string{challengeProtocol}, "no application protocol"},
		{"other.test", []string{challengeProtocol}, "unrecognized name"},
		{"empty.test", []string{challengeProtocol}, "unrecognized name"},
		{"link.test", []string{challengeProtocol}, "unrecognized name"},
		{"..", []string{challengeProtocol}, "unrecognized name"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			conn, err := i.check(c.sni, version, c.protocols...)
			if err != nil {
				if c.want == "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s %v: %v, want %s", c.sni, c.protocols, err, c.want)
				}
				continue
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if state.NegotiatedProtocol != c.want {
				t.Errorf("%s %v: the protocol is %q, want %q", c.sni, c.protocols, state.NegotiatedProtocol, c.want)
			}
			if _, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: c.sni}); err != nil {
				t.Errorf("%s %v: %v", c.sni, c.protocols, err)
			}
		}
	}
}

// TestNothingIsServedOverAChallenge: what follows the handshake is nobody's request, and the sites go on meanwhile.
func TestNothingIsServedOverAChallenge(t *testing.T) {
	t.Parallel()
	webroot := challenges(t, map[string]string{"a.test": "token-a.thumb"})
	i := serve(t, Config{Webroot: webroot, Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	visitor := i.dialTLS(t, "a.test")
	conn, err := i.check("a.test", tls.VersionTLS13, challengeProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if answer, err := io.ReadAll(conn); len(answer) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it answered %q, %v", answer, err)
	}
	if response, _ := raw(t, visitor, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode != 200 {
		t.Errorf("the site answered %d", response.StatusCode)
	}
	if err := os.Remove(filepath.Join(webroot, steps.ALPNPath, "a.test")); err != nil {
		t.Fatal(err)
	}
	if _, err := i.check("a.test", tls.VersionTLS13, challengeProtocol); err == nil {
		t.Error("a challenge is answered after it was closed")
	}
	if len(i.accesses) != 1 {
		t.Errorf("%d requests were counted, want the one of the site", len(i.accesses))
	}
}
