package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestRevoke withdraws certificates as the account and with their own key; the CA itself is asked what became of each.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, reason := range steps.RevocationReasons() {
		for _, gone := range []bool{false, true} {
			w := newWorld(t, pebbletest.Options{})
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			r := w.request("shop.example.com")
			if r.CSR, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"shop.example.com"}}, key); err != nil {
				t.Fatal(err)
			}
			chain, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
			if err != nil {
				t.Fatal(err)
			}
			leaf := w.trusted(chain, "shop.example.com")
			if gone {
				w.accounts.saved = nil
			}
			v := Revocation{Leaf: leaf.Raw, Key: key, Reason: reason}
			for range 2 { // once more is well
				if err := w.client().Revoke(t.Context(), r, v); err != nil {
					t.Fatalf("%s, account gone %t: %v", reason, gone, err)
				}
			}
			if got := w.status(leaf); got != "Revoked" {
				t.Errorf("%s, account gone %t: the CA says %s", reason, gone, got)
			}
			if len(w.accounts.saved) > 0 == gone {
				t.Errorf("%s, account gone %t: %d accounts", reason, gone, len(w.accounts.saved))
			}
		}
	}
}

// TestRevokeWithAnotherKey: who has neither the account nor the key is refused.
func TestRevokeWithAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	r := w.request("shop.example.com")
	chain, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := w.trusted(chain, "shop.example.com")
	if err := w.client().Revoke(t.Context(), r, Revocation{Leaf: leaf.Raw, Key: other, Reason: steps.KeyCompromise}); err == nil {
		t.Error("it was revoked with a key that is not its own")
	}
	if got := w.status(leaf); got != "Valid" {
		t.Errorf("the CA says %s", got)
	}
}

// status is what Pebble's management interface says of a certificate.
func (w *world) status(leaf *x509.Certificate) string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.ca.Management.ServeHTTP(rec, httptest.NewRequest("GET", "/cert-status-by-serial/"+leaf.SerialNumber.Text(16), nil))
	var said struct{ Status, Certificate string }
	if err := json.NewDecoder(rec.Body).Decode(&said); err != nil {
		w.t.Fatal(err)
	}
	if block, _ := pem.Decode([]byte(said.Certificate)); block == nil {
		w.t.Fatalf("the CA does not know the certificate: %+v", said)
	}
	return said.Status
}
