package acme

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

const renewed = steps.Domain("shop.example.com")

// issued obtains a certificate.
func (w *world) issued(replaces string) *x509.Certificate {
	w.t.Helper()
	r := w.request(renewed)
	r.Replaces = replaces
	chain, err := w.client().Obtain(w.t.Context(), r, w.web, w.orders)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.trusted(chain, renewed)
}

// says has Pebble answer so when it is asked about a certificate; "" is its own answer.
func (w *world) says(leaf *x509.Certificate, answer string) {
	w.t.Helper()
	text, err := json.Marshal(map[string]string{"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})), "ARIResponse": answer})
	if err != nil {
		w.t.Fatal(err)
	}
	reply, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/set-renewal-info/", strings.NewReader(string(text)))
	req.Header.Set("User-Agent", "test")
	w.ca.Management.ServeHTTP(reply, req)
	if reply.Code != http.StatusOK {
		w.t.Fatalf("Pebble: %d %s", reply.Code, reply.Body)
	}
}

func (w *world) renewals() *Renewals {
	w.t.Helper()
	r, err := w.client().Renewals(w.t.Context(), w.ca.Directory, w.ca.DirectoryCA())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(r.Close)
	return r
}

func TestRenewalInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * 24 * time.Hour})
	leaf := w.issued("")
	ask := w.renewals()
	got, err := ask.Info(t.Context(), leaf)
	if err != nil {
		t.Fatal(err)
	}
	third := leaf.NotAfter.Add(-30 * 24 * time.Hour)
	if got.Start.After(third) || got.End.Before(third) || got.Again != 6*time.Hour {
		t.Errorf("%+v, and a third is left at %v", got, third)
	}

	w.says(leaf, `{"suggestedWindow":{"start":"2030-01-02T03:04:05Z","end":"2030-01-04T03:04:05Z"},"explanationURL":"https://ca.example/why"}`)
	got, err = ask.Info(t.Context(), leaf)
	want := RenewalInfo{Start: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), End: time.Date(2030, 1, 4, 3, 4, 5, 0, time.UTC), Explanation: "https://ca.example/why", Again: 6 * time.Hour}
	if err != nil || got != want {
		t.Errorf("%+v (%v)", got, err)
	}
}

// TestRenewalInfoThatIsNone: what names no time is never taken for "now".
func TestRenewalInfoThatIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	leaf := w.issued("")
	ask := w.renewals()
	for _, answer := range []string{
		`{}`, `{"suggestedWindow":{}}`, `null`, `[]`, `<html>`,
		`{"suggestedWindow":{"start":"2030-01-02T03:04:05Z","end":"2030-01-02T03:04:05Z"}}`,
		`{"suggestedWindow":{"start":"2030-01-02T03:04:05Z","end":"2029-01-02T03:04:05Z"}}`,
		`{"suggestedWindow":{"start":"0001-01-01T00:00:00Z","end":"2029-01-02T03:04:05Z"}}`,
		`{"suggestedWindow":{"start":"soon","end":"later"}}`,
	} {
		w.says(leaf, answer)
		if got, err := ask.Info(t.Context(), leaf); err == nil {
			t.Errorf("%s is taken for %+v", answer, got)
		}
	}
	w.says(leaf, `{"suggestedWindow":{"start":"2030-01-02T03:04:05Z","end":"2030-01-04T03:04:05Z"},"explanationURL":"javascript:alert(1)"}`)
	if got, err := ask.Info(t.Context(), leaf); err != nil || got.Explanation != "" {
		t.Errorf("%+v (%v)", got, err)
	}

	stranger := *leaf
	stranger.SerialNumber = big.NewInt(4711)
	_, err := ask.Info(t.Context(), &stranger)
	var later *Later
	if !errors.As(err, &later) || later.Code != "R06" || len(later.Fixes) == 0 {
		t.Errorf("a certificate that the CA does not know: %v", err)
	}
	stranger.AuthorityKeyId = nil
	if _, err := ask.Info(t.Context(), &stranger); err == nil {
		t.Error("a certificate without an authority key identifier has a name")
	}
}

// TestRenewalInfoRefused: a CA that cannot answer says for how long; one that has no such service, that it has none.
func TestRenewalInfoRefused(t *testing.T) {
	t.Parallel()
	answer := make(chan func(http.ResponseWriter, *http.Request, http.Handler), 1)
	w := newWorld(t, pebbletest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			select {
			case now := <-answer:
				now(rw, r, next)
			default:
				next.ServeHTTP(rw, r)
			}
		})
	}})
	leaf := w.issued("")
	ask := w.renewals()
	for name, test := range map[string]struct {
		status int
		after  string
		body   string
		want   time.Duration
	}{
		"503":             {503, "3600", "<html>", time.Hour},
		"429":             {429, "7200", `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow down"}`, 2 * time.Hour},
		"404 without it":  {404, "", `{"type":"urn:ietf:params:acme:error:malformed","detail":"unknown"}`, 0},
		"longer than all": {503, "99999999", "", longestWait},
		"no content":      {204, "60", "", time.Minute},
	} {
		answer <- func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.Header().Set("Retry-After", test.after)
			rw.WriteHeader(test.status)
			if test.status != http.StatusNoContent {
				_, _ = rw.Write([]byte(test.body))
			}
		}
		before := time.Now()
		_, err := ask.Info(t.Context(), leaf)
		after := time.Now()
		got := Again(err)
		if err == nil || test.want == 0 && !got.IsZero() || test.want > 0 && (got.Before(before.Add(test.want)) || got.After(after.Add(test.want))) {
			t.Errorf("%s: %v, again at %v", name, err, got)
		}
	}
	answer <- func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(rw, r, "http://"+r.Host+"/", http.StatusFound)
	}
	if _, err := ask.Info(t.Context(), leaf); err == nil {
		t.Error("anybody on the way may say when to renew")
	}
	answer <- func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = rw.Write([]byte(`{"newOrder":"https://ca.example/"}`))
	}
	if _, err := w.client().Renewals(t.Context(), w.ca.Directory, w.ca.DirectoryCA()); !errors.Is(err, ErrNoRenewalInfo) {
		t.Errorf("a CA without it: %v", err)
	}
	answer <- func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = rw.Write([]byte(`{"renewalInfo":"http://ca.example/"}`))
	}
	if _, err := w.client().Renewals(t.Context(), w.ca.Directory, w.ca.DirectoryCA()); err == nil || errors.Is(err, ErrNoRenewalInfo) {
		t.Errorf("one whose address is open to everybody on the way: %v", err)
	}
}

// TestReplaces: a renewal says what it replaces; whatever a CA has against that, it is renewed.
func TestReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	first := w.issued("")
	id, err := CertID(first)
	if err != nil {
		t.Fatal(err)
	}
	second := w.issued(id)
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("it is the same certificate")
	}
	for name, id := range map[string]string{
		"replaced already": id,
		"unknown issuer":   "AQIDBA.AQID",
		"nonsense":         "nonsense",
	} {
		if w.issued(id) == nil {
			t.Errorf("%s: not renewed", name)
		}
	}
}

func TestCertID(t *testing.T) {
	t.Parallel()
	// The example of RFC 9773, section 4.1.
	key := []byte{0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE, 0x01, 0xC8, 0xD4}
	got, err := CertID(&x509.Certificate{AuthorityKeyId: key, SerialNumber: big.NewInt(0x8765_4321)})
	if want := "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"; err != nil || got != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
}
