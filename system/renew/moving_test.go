package renew

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

func (w *world) account() steps.ACMEAccount {
	w.t.Helper()
	all, err := AccountsOf(w.host)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// TestRollOverKilledAnywhere kills the process before every mutation of a roll-over on the real store. Whichever key the CA has
// then, the next order finds it, with the same account.
func TestRollOverKilledAnywhere(t *testing.T) {
	t.Parallel()
	points := 0
	for n := 1; ; n++ {
		w := newWorld(t, pebbletest.Options{})
		w.mustMake(w.obtain())
		before := w.account()
		r := steps.AccountRequest{Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem"}
		w.host.DieAt(n)
		err := w.manager().RollOver(t.Context(), w.host, r, w.progress)
		w.host.Revive()
		again := w.obtain()
		again.KeyType = steps.ECDSAP384 // another order
		w.mustMake(again)
		if err := w.manager().RollOver(t.Context(), w.host, r, w.progress); err != nil {
			t.Fatalf("killed at %d: %v", n, err)
		}
		now := w.account()
		if now.URL != before.URL || now.Key == before.Key || now.Moving {
			t.Errorf("killed at %d: %+v became %+v", n, before, now)
		}
		if err == nil {
			break
		}
		points++
	}
	if points < 4 {
		t.Errorf("only %d points were tried", points)
	}
}

// TestAccountMovesIn moves an account of certbot's in, in certbot's form and in PEM; orders go on with it.
func TestAccountMovesIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(w.obtain())
	account := w.account()
	text := w.host.Content(account.KeyFile)
	key, err := cert.ParseKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	private, _ := key.(*ecdsa.PrivateKey).ECDH()
	number := base64.RawURLEncoding.EncodeToString
	point := private.PublicKey().Bytes()
	jwk, _ := json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": number(point[1:33]), "y": number(point[33:]), "d": number(private.Bytes())})
	for name, form := range map[string]string{"certbot": string(jwk), "PEM": text} {
		other := &world{t: t, host: newHost(t), ca: w.ca, dns: w.dns, webPort: w.webPort}
		other.host.File("/etc/ssl/test-ca.pem", w.host.Content("/etc/ssl/test-ca.pem"))
		other.host.Put("/root/key", host.File{Data: []byte(form), Mode: 0o600})
		r := steps.AccountRequest{Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem", KeyFile: "/root/key"}
		if err := other.manager().Import(t.Context(), other.host, r, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := other.account(); got.URL != account.URL || got.Thumb != account.Thumb || got.Key != account.Key || got.Email != "ops@example.com" {
			t.Errorf("%s: %+v, want %+v", name, got, account)
		}
		expect(t, other.manager().Import(t.Context(), other.host, r, nil), "", steps.ExitUsage)
		r.Replace = true
		if err := other.manager().Import(t.Context(), other.host, r, nil); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
	}
	u, _ := url.Parse(w.ca.Directory)
	const folder = "/etc/letsencrypt"
	one := folder + "/accounts/" + u.Host + u.Path + "/1a2b"
	for _, named := range []string{folder, one} {
		other := &world{t: t, host: newHost(t), ca: w.ca, dns: w.dns, webPort: w.webPort}
		other.host.File("/etc/ssl/test-ca.pem", w.host.Content("/etc/ssl/test-ca.pem"))
		other.host.Put(one+"/private_key.json", host.File{Data: jwk, Mode: 0o400})
		r := steps.AccountRequest{Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem", KeyFile: named}
		if err := other.manager().Import(t.Context(), other.host, r, nil); err != nil || other.account().URL != account.URL {
			t.Errorf("%s: %v", named, err)
		}
	}
	strange, _ := cert.GenerateKey(steps.ECDSAP256)
	pem, _ := cert.MarshalKey(strange)
	for name, form := range map[string]string{"of no account": string(pem), "no key": "canary"} {
		w.host.Put("/root/key", host.File{Data: []byte(form), Mode: 0o600})
		r := steps.AccountRequest{Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem", KeyFile: "/root/key", Replace: true}
		if err := w.manager().Import(t.Context(), w.host, r, nil); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := w.account(); now.URL != account.URL || now.Key != account.Key {
		t.Error("a key that is of no use took the place of one that is")
	}
}
