package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestKeyRoundTrip(t *testing.T) {
	t.Parallel()
	for _, kind := range []steps.KeyType{steps.ECDSAP256, steps.ECDSAP384, steps.RSA2048} {
		key, err := GenerateKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		text, err := MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "-----BEGIN PRIVATE KEY-----\n") {
			t.Errorf("%s is not written as PKCS#8", kind)
		}
		back, err := ParseKey(text)
		if err != nil || !SameKey(key.Public(), back.Public()) {
			t.Errorf("%s does not come back: %v", kind, err)
		}
		if got, ok := TypeOf(back.Public()); !ok || got != kind {
			t.Errorf("%s is taken for %s", kind, got)
		}
	}
	if _, err := GenerateKey("rsa-512"); err == nil {
		t.Error("an unknown key type was made")
	}
}

func TestParseKeyReadsOtherForms(t *testing.T) {
	t.Parallel()
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(ec)
	old, _ := rsa.GenerateKey(rand.Reader, 2048)
	params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8}})
	for name, text := range map[string][]byte{
		"SEC 1 after parameters": append(params, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...),
		"PKCS#1":                 pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(old)}),
	} {
		if _, err := ParseKey(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	lockedOld := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})
	for _, text := range [][]byte{locked, lockedOld} {
		if _, err := ParseKey(text); !errors.Is(err, ErrEncryptedKey) {
			t.Errorf("an encrypted key gives %v", err)
		}
	}
	for _, text := range []string{"", "SECRET", "-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n", strings.Repeat("x", maxPEM+1)} {
		_, err := ParseKey([]byte(text))
		if err == nil {
			t.Errorf("%.20q is taken for a key", text)
		} else if strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "U0VD") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestCreateCSR(t *testing.T) {
	t.Parallel()
	key, _ := GenerateKey(steps.ECDSAP256)
	der, err := CreateCSR(key, []steps.Domain{"a.example.com", "192.0.2.1", "*.b.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil {
		t.Fatalf("the request is not valid: %v", err)
	}
	if csr.Subject.String() != "" || len(csr.DNSNames) != 2 || len(csr.IPAddresses) != 1 {
		t.Errorf("the request asks for %v %v %v", csr.Subject, csr.DNSNames, csr.IPAddresses)
	}
}
