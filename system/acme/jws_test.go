package acme

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// TestJWK reads an RSA key as certbot writes it, and names a key as RFC 7638 section 3.1 does its example.
func TestJWK(t *testing.T) {
	t.Parallel()
	made, err := cert.GenerateKey(steps.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	key := made.(*rsa.PrivateKey)
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	fields := map[string]string{"kty": "RSA", "n": number(key.N), "e": number(big.NewInt(int64(key.E))), "d": number(key.D),
		"p": number(key.Primes[0]), "q": number(key.Primes[1]), "dp": number(key.Precomputed.Dp), "dq": number(key.Precomputed.Dq), "qi": number(key.Precomputed.Qinv)}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseJWK(text)
	if err != nil || !cert.SameKey(got.Public(), key.Public()) {
		t.Fatalf("%v", err)
	}
	delete(fields, "d")
	if text, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseJWK(text); err == nil {
		t.Error("a public key is taken for an account's")
	}
	const example = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`
	var public jose.JSONWebKey
	if err := json.Unmarshal([]byte(example), &public); err != nil {
		t.Fatal(err)
	}
	if got := Thumbprint(rsaKey{public.Key.(*rsa.PublicKey)}); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("the thumbprint is %s", got)
	}
}

// rsaKey is a key of which the private half is not known.
type rsaKey struct{ public *rsa.PublicKey }

func (k rsaKey) Public() crypto.PublicKey { return k.public }

func (rsaKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("it cannot sign")
}
