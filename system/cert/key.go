package cert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxPEM is how much PEM text is looked at: far above any real chain, far below what would make a parser slow.
const maxPEM = 1 << 20

// GenerateKey makes a new private key.
func GenerateKey(kind steps.KeyType) (crypto.Signer, error) {
	switch kind {
	case steps.ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case steps.ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case steps.RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case steps.RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case steps.RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("cannot make a key: the type %q is not known", steps.CleanLine(string(kind)))
}

// MarshalKey writes a key as PKCS#8 PEM (RFC 5958, RFC 7468), which nginx, OpenSSL and Go all read.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot write the private key as PKCS#8: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ErrEncryptedKey says that a private key is protected by a passphrase, which an unattended server cannot type.
var ErrEncryptedKey = errors.New("the private key is protected by a passphrase")

// ParseKey reads the first private key of a PEM text: PKCS#8, PKCS#1 or SEC 1. Its errors say nothing of the content.
func ParseKey(text []byte) (crypto.Signer, error) {
	if len(text) > maxPEM {
		return nil, errors.New("the file is too large for a private key")
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "ENCRYPTED PRIVATE KEY":
			return nil, ErrEncryptedKey
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, ErrEncryptedKey
			}
			return parseKeyDER(block)
		}
	}
	return nil, errors.New("there is no PRIVATE KEY block in PEM form")
}

func parseKeyDER(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("the %s block is damaged", block.Type)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign")
	}
	return signer, nil
}

// TypeOf names the type of a public key. It reports false for one that no browser-facing certificate should have
// (RSA below 2048 bits, P-521, Ed25519, DSA), and for RSA sizes other than the listed it reports the next smaller.
func TypeOf(public crypto.PublicKey) (steps.KeyType, bool) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return steps.ECDSAP256, true
		case elliptic.P384():
			return steps.ECDSAP384, true
		}
	case *rsa.PublicKey:
		switch bits := k.N.BitLen(); {
		case bits >= 4096:
			return steps.RSA4096, true
		case bits >= 3072:
			return steps.RSA3072, true
		case bits >= 2048:
			return steps.RSA2048, true
		}
	}
	return "", false
}

// SameKey reports whether two public keys are one.
func SameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
