package cert

import (
	"crypto"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// FuzzPEM: no text makes the readers of keys and certificates panic, what they read is written and read again as the same, and why
// they refuse one is said in clean words.
func FuzzPEM(f *testing.F) {
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		f.Fatal(err)
	}
	text, err := MarshalKey(key)
	if err != nil {
		f.Fatal(err)
	}
	_, ca, err := NewClient(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	chain := EncodeChain(slices.Repeat([]*x509.Certificate{ca}, 2))
	for _, seed := range [][]byte{text, chain, slices.Concat(text, chain), EncodeClientCAs([]*x509.Certificate{ca}), []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n\n-----END ENCRYPTED PRIVATE KEY-----\n"),
		[]byte("-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES\n\nAA==\n-----END RSA PRIVATE KEY-----\n"), []byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		readKeyAgain(t, data)
		readChainAgain(t, data)
		_, err := ParseClientCAs(data, time.Now())
		cleanly(t, err)
	})
}

func readKeyAgain(t *testing.T, data []byte) {
	key, err := ParseKey(data)
	cleanly(t, err)
	if err != nil {
		return
	}
	written, err := MarshalKey(key)
	if err != nil {
		return // a kind that we never make
	}
	again, err := ParseKey(written)
	if err != nil || !again.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
		t.Errorf("a key is read again as another one: %v", err)
	}
}

func readChainAgain(t *testing.T, data []byte) {
	chain, err := ParseChain(data)
	cleanly(t, err)
	if err != nil {
		return
	}
	again, err := ParseChain(EncodeChain(chain))
	if err != nil || !slices.EqualFunc(chain, again, (*x509.Certificate).Equal) {
		t.Errorf("a chain is read again as another one: %v", err)
	}
}

func cleanly(t *testing.T, err error) {
	if err != nil && steps.CleanLine(err.Error()) != err.Error() {
		t.Errorf("the reason is not clean: %q", err)
	}
}
