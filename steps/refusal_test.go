package steps

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The page in docs is what the program knows; `go test ./steps -run RefusalPage -update` writes it.
func TestRefusalPage(t *testing.T) {
	t.Parallel()
	isPage(t, "../docs/ca-answers.md", string(RefusalPage()))
}

// isPage holds a page of docs against what the program says.
func isPage(t *testing.T, page, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(page); err != nil || string(want) != got {
		t.Errorf("%s is not what the program says (%v)", page, err)
	}
}

// Every row is found by the words that stand in it: none is hidden behind a wider one, and none is there without sense.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]struct {
		rows []Refusal
		read func(kind, detail string) Refusal
	}{"proof": {refusalsOfProof, OfProof}, "request": {refusalsOfRequest, OfRequest}} {
		for _, r := range table.rows {
			kind, words := r.Kind, r.Words
			if kind == "" {
				kind = "somethingNew"
			}
			if words == "" {
				words = strings.ReplaceAll(r.Text, "…", " ")
			}
			got := table.read(kind, words)
			if got.Kind != r.Kind || got.Text != r.Text {
				t.Errorf("%s: %s %q is read as %q %q", name, kind, words, got.Kind, got.Text)
			}
			if r.Says == "" || r.Again == "" || r.From == "" || len(r.Fix) == 0 && r.Again != AgainAt && r.Status != ExitTryLater {
				t.Errorf("%s: %q %q does not say what it is, or what to do", name, r.Kind, r.Text)
			}
			if r.Text != strings.ToLower(r.Text) || r.Code != "" && Meaning(r.Code) == "" {
				t.Errorf("%s: %q, %q", name, r.Text, r.Code)
			}
			if r.Again == AgainAt && r.Words != "" && RetryAfter(r.Words, time.Now()).IsZero() {
				t.Errorf("%s: %q has no time", name, r.Words)
			}
		}
	}
}

// Every type that IANA has registered for ACME has a row; profiles are a draft that Boulder speaks.
func TestEveryProblemTypeIsKnown(t *testing.T) {
	t.Parallel()
	for kind := range strings.FieldsSeq(`accountDoesNotExist alreadyReplaced alreadyRevoked autoRenewalCancellationInvalid
		autoRenewalCanceled autoRenewalExpired autoRenewalRevocationNotSupported badCSR badNonce badPublicKey
		badRevocationReason badSignatureAlgorithm caa compound connection dns externalAccountRequired incorrectResponse
		invalidContact malformed onionCAARequired orderNotReady rateLimited rejectedIdentifier serverInternal tls unauthorized
		unknownDelegation unsupportedContact unsupportedIdentifier userActionRequired conflict invalidProfile`) {
		if got := OfRequest(kind, "words of no CA"); got.Kind != kind {
			t.Errorf("%s is read as %+v", kind, got)
		}
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string]string{
		"203.0.113.9: Invalid response from http://shop.example.com/.well-known/acme-challenge/x: 404":                            "address 203.0.113.9, asked http://shop.example.com/.well-known/acme-challenge/x, answer 404",
		"During secondary validation: 2001:db8::9: Fetching http://a.example/x: Timeout during connect (likely firewall problem)": "address 2001:db8::9, asked http://a.example/x, where secondary validation",
		"DNS problem: SERVFAIL looking up CAA for example.com - the domain's nameservers may be malfunctioning":                   "record CAA for example.com",
		"CAA record for example.com prevents issuance":                                                                            "record example.com",
		"Non-200 status code from HTTP: http://shop.example.com:80/.well-known/acme-challenge/x returned 404":                     "asked http://shop.example.com:80/.well-known/acme-challenge/x, answer 404",
		`Invalid response from https://shop.example.com/login [203.0.113.9]: 200`:                                                 "asked https://shop.example.com/login, answer 200",
		"The key authorization file from the server did not match this challenge. Expected \"a.b\" (got \"<html>\x1b[2J\")":       `saw <html>␛[2J`,
		"something else": "",
	} {
		if got := Evidence(detail); got != want {
			t.Errorf("%q: %q, want %q", detail, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	for detail, want := range map[string]time.Time{
		"too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-26 04:20:00 UTC: see https://letsencrypt.org/docs/rate-limits/": time.Date(2026, 11, 26, 4, 20, 0, 0, time.UTC),
		"Retry after 2026-11-26T04:20:00Z":       time.Date(2026, 11, 26, 4, 20, 0, 0, time.UTC),
		"rate limited, retry in 3600 seconds":    now.Add(time.Hour),
		"please try again in 5 minutes.":         now.Add(5 * time.Minute),
		"retry after 2 days":                     now.Add(48 * time.Hour),
		"retry after 10":                         now.Add(10 * time.Second),
		"retry in 99999999999999999999 seconds":  {},
		"retry after 2026-13-45 99:99:99 UTC":    {},
		"too many requests; there is no time":    {},
		"retry in 9000000 hours, and not before": {},
	} {
		if got := RetryAfter(detail, now); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", detail, got, want)
		}
	}
}

func TestUnpauseLink(t *testing.T) {
	t.Parallel()
	said := "Please visit: https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc.def"
	if got := UnpauseLink(said); got != "https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc.def" {
		t.Errorf("%q", got)
	}
	for _, none := range []string{"", "see http://evil.test/unpause", "unpause https://letsencrypt.org/docs"} {
		if got := UnpauseLink(none); got != "" {
			t.Errorf("%q: %q", none, got)
		}
	}
}
