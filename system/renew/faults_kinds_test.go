package renew

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
)

// varies is what differs from run to run in a text: names of cases, ports, times.
var varies = regexp.MustCompile(`(www\.)?f\d+\.example\.com|:\d{4,5}\b|\d{4}-\d\d-\d\d \d\d:\d\d UTC|\b\d+h\d+m\d+s\b`)

func dialDNS(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// fault is one thing that goes wrong.
type fault struct {
	name  string
	code  string                         // of the catalogue when it comes for ever; empty: it passes even then
	codes map[pebbletest.Endpoint]string // where it is another
	at    []pebbletest.Endpoint          // nil: everywhere
	notAt []pebbletest.Endpoint
	slow  bool // it ends only by the limit for one reply
	stuck bool // it ends only by the limit for an order
	does  func(*trial) func(*pebbletest.Exchange)
}

func (f *fault) want(e pebbletest.Endpoint) string {
	if code, ok := f.codes[e]; ok {
		return code
	}
	return f.code
}

type exchange = pebbletest.Exchange

// same is a fault that does not depend on the trial.
func same(does func(*exchange)) func(*trial) func(*exchange) {
	return func(*trial) func(*exchange) { return does }
}

// answers is a fault that answers instead of the CA.
func answers(status int, kind, body string, header ...string) func(*trial) func(*exchange) {
	return same(func(x *exchange) { x.Send(reply(status, kind, body, header...)) })
}

func reply(status int, kind, body string, header ...string) pebbletest.Reply {
	h := http.Header{"Content-Type": {kind}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return pebbletest.Reply{Status: status, Header: h, Body: []byte(body)}
}

const (
	problemJSON = "application/problem+json"
	html        = "text/html"
	sorryPage   = "<html>\x1b[2Jsorry</html>"
)

// problem is a fault of the CA's own words.
func problem(status int, kind, detail string, header ...string) func(*trial) func(*exchange) {
	text, _ := json.Marshal(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
	return answers(status, problemJSON, string(text), header...)
}

// changed is a fault in what the CA answers.
func changed(how func(*pebbletest.Reply)) func(*trial) func(*exchange) {
	return same(func(x *exchange) {
		r := x.Ask()
		r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
		how(&r)
		x.Send(r)
	})
}

// fields is a fault in the JSON that the CA answers.
func fields(how func(map[string]any)) func(*trial) func(*exchange) {
	return changed(func(r *pebbletest.Reply) {
		var body map[string]any
		if json.Unmarshal(r.Body, &body) == nil {
			how(body)
			r.Body, _ = json.Marshal(body)
		}
	})
}

func set(key string, value any) func(map[string]any) {
	return func(body map[string]any) { body[key] = value }
}

// soon is a Retry-After as a date.
func soon(x *exchange) {
	x.Send(reply(429, problemJSON, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many requests"}`,
		"Retry-After", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat)))
}

const limitedJSON = `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many requests"}`

// general are those that can happen to any request.
func general() []*fault {
	const dir, nonce, cert = pebbletest.Directory, pebbletest.NewNonce, pebbletest.Certificate
	noBody := []pebbletest.Endpoint{nonce} // it is asked by HEAD
	unread := map[pebbletest.Endpoint]string{cert: "A23"}
	return []*fault{
		{name: "429, Retry-After in seconds", code: "A14", does: answers(429, problemJSON, limitedJSON, "Retry-After", "1200")},
		{name: "429, Retry-After as a date", code: "A14", does: same(soon)},
		{name: "429 without Retry-After", code: "A14", does: answers(429, problemJSON, limitedJSON)},
		{name: "429 of a front that speaks no ACME", code: "A14", does: answers(429, html, sorryPage)},
		{name: "503 with Retry-After", code: "A16", does: answers(503, html, sorryPage, "Retry-After", "7200")},
		{name: "503 without Retry-After", code: "A16", does: answers(503, html, sorryPage)},
		{name: "500 with an HTML page", code: "A16", does: answers(500, html, sorryPage)},
		{name: "500, serverInternal", code: "A16", does: problem(500, "serverInternal", "oh \x1b[2Jno")},
		{name: "404", code: "A16", codes: map[pebbletest.Endpoint]string{cert: "A19"}, does: answers(404, html, sorryPage)},
		{name: "reset before the CA saw it", code: "A16", does: same((*exchange).Cut)},
		{name: "reset after the CA saw it", code: "A16", does: same(func(x *exchange) { x.Ask(); x.Cut() })},
		{name: "torn reply", code: "A16", does: same(func(x *exchange) { x.Tear(x.Ask()) })},
		{name: "200 and nothing", code: "A16", codes: unread, does: answers(200, "application/json", "")},
		{name: "200 and a login page", code: "A16", codes: unread, does: answers(200, html, sorryPage)},
		{name: "a reply of two megabytes", code: "A16", does: answers(200, "application/json", strings.Repeat(" ", 2<<20))},
		{name: "a reply without end", code: "A16", slow: true, does: same(func(x *exchange) { x.Drip(x.Ask()) })},
		{name: "another content type", does: changed(func(r *pebbletest.Reply) { r.Header.Set("Content-Type", html) })},
		{name: "badNonce", code: "A13", notAt: noBody, does: problem(400, "badNonce", "expired")},
		{name: "accountDoesNotExist", code: "A17", notAt: noBody, does: problem(400, "accountDoesNotExist", "no such account")},
		{name: "redirect to another https address", code: "A16", codes: map[pebbletest.Endpoint]string{cert: "A19"}, does: same(func(x *exchange) {
			x.Send(reply(http.StatusPermanentRedirect, html, sorryPage, "Location", "https://"+x.Request.Host+"/moved"+x.Request.URL.Path))
		})},
		{name: "redirect to plain http", code: "A16", does: same(func(x *exchange) {
			x.Send(reply(http.StatusPermanentRedirect, html, sorryPage, "Location", "http://127.0.0.1:1/"))
		})},
		{name: "a clock three hours ahead", codes: map[pebbletest.Endpoint]string{dir: "H09"}, does: changed(func(r *pebbletest.Reply) {
			r.Header.Set("Date", time.Now().Add(3*time.Hour).UTC().Format(http.TimeFormat))
		})},
		{name: "no nonce in the reply", codes: map[pebbletest.Endpoint]string{nonce: "A16"}, does: changed(func(r *pebbletest.Reply) { r.Header.Del("Replay-Nonce") })},
	}
}

// faults are all of them.
func faults() []*fault {
	at := func(e ...pebbletest.Endpoint) []pebbletest.Endpoint { return e }
	orderly := at(pebbletest.NewOrder, pebbletest.Order)
	other := []map[string]string{{"type": "dns", "value": "evil.example.net"}}
	return append(general(),
		// What only one endpoint can do.
		&fault{name: "a directory without newOrder", code: "A16", at: at(pebbletest.Directory), does: fields(func(b map[string]any) { delete(b, "newOrder") })},
		&fault{name: "services without TLS", code: "A16", at: at(pebbletest.Directory), does: fields(set("newNonce", "http://127.0.0.1:1/nonce"))},
		&fault{name: "new terms to agree to", code: "A18", at: at(pebbletest.NewAccount), does: problem(403, "userActionRequired", "terms of service have changed")},
		&fault{name: "a contact that it does not take", code: "A18", at: at(pebbletest.NewAccount), does: problem(400, "invalidContact", "no MX")},
		&fault{name: "an account binding wanted", code: "A18", at: at(pebbletest.NewAccount), does: problem(403, "externalAccountRequired", "bind it")},
		&fault{name: "an account without an address", code: "A16", at: at(pebbletest.NewAccount), does: changed(func(r *pebbletest.Reply) { r.Header.Del("Location") })},
		&fault{name: "too many accounts", code: "A14", at: at(pebbletest.NewAccount), does: problem(429, "rateLimited", "too many new registrations (10) from this IP address in the last 3h0m0s, retry after "+inTwentyMinutes())},
		&fault{name: "five for the same names", code: "A14", at: at(pebbletest.NewOrder), does: problem(429, "rateLimited", "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after "+inTwentyMinutes())},
		&fault{name: "paused, with a link", code: "A15", at: at(pebbletest.NewOrder), does: problem(429, "rateLimited", "Your account is temporarily prevented from requesting certificates. Please visit: https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc")},
		&fault{name: "a name that it refuses", code: "A28", at: at(pebbletest.NewOrder), does: problem(400, "rejectedIdentifier", "forbidden by policy")},
		&fault{name: "alreadyReplaced", code: "A29", at: at(pebbletest.NewOrder), does: problem(409, "alreadyReplaced", "already has a replacement order")},
		&fault{name: "invalidProfile", code: "D36", at: at(pebbletest.NewOrder), does: problem(400, "invalidProfile", "unrecognized profile name")},
		&fault{name: "an order without an address", code: "A16", at: at(pebbletest.NewOrder), does: changed(func(r *pebbletest.Reply) { r.Header.Del("Location") })},
		&fault{name: "wrong names in the order", code: "A21", at: orderly, does: fields(set("identifiers", other))},
		&fault{name: "a thousand proofs", code: "A16", at: at(pebbletest.NewOrder), does: fields(func(b map[string]any) {
			b["authorizations"] = bytes.Split(bytes.Repeat([]byte("https://127.0.0.1:1/,"), 1000), []byte(","))
		})},
		&fault{name: "an authorization for another name", code: "A21", at: at(pebbletest.Authorization), does: fields(set("identifier", other[0]))},
		&fault{name: "no challenge of our kind", code: "A25", at: at(pebbletest.Authorization), does: fields(set("challenges", []any{}))},
		&fault{name: "a token that climbs out of its folder", code: "X01", at: at(pebbletest.Authorization), does: changed(func(r *pebbletest.Reply) {
			r.Body = regexp.MustCompile(`"token": "[^"]+"`).ReplaceAll(r.Body, []byte(`"token": "../../../../etc/cron.d/evil00000000"`))
		})},
		&fault{name: "stuck, the authorization pending", code: "A19", at: at(pebbletest.Authorization), stuck: true, does: fields(set("status", "pending"))},
		&fault{name: "a challenge that it calls malformed", code: "A19", at: at(pebbletest.Challenge), does: problem(400, "malformed", "authorization must be pending")},
		&fault{name: "CAA forbids", code: "A09", at: at(pebbletest.Finalize), does: problem(403, "caa", "CAA record for example.com prevents issuance")},
		&fault{name: "orderNotReady", code: "A19", at: at(pebbletest.Finalize), stuck: true, does: problem(403, "orderNotReady", "not ready")},
		&fault{name: "a request that it calls bad", code: "A28", at: at(pebbletest.Finalize), does: problem(400, "badCSR", "signature algorithm not supported")},
		&fault{name: "done, and called unauthorized", at: at(pebbletest.Finalize), does: same(func(x *exchange) {
			x.Ask()
			x.Send(reply(403, problemJSON, `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"no"}`))
		})},
		&fault{name: "stuck in processing", code: "A19", at: at(pebbletest.Order), stuck: true, does: fields(func(b map[string]any) {
			b["status"] = "processing"
			delete(b, "certificate")
		})},
		&fault{name: "invalid, and no reason", code: "A16", at: at(pebbletest.Finalize, pebbletest.Order), does: fields(set("status", "invalid"))},
		&fault{name: "valid without a certificate", code: "A16", at: at(pebbletest.Order), does: fields(func(b map[string]any) { delete(b, "certificate") })},
		&fault{name: "no certificate yet", code: "A19", at: at(pebbletest.Certificate), does: problem(404, "malformed", "not yet")},
		&fault{name: "a certificate for another key", code: "A24", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) { t.PublicKey = newKey().Public() })},
		&fault{name: "a certificate without a name", code: "A21", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) { t.DNSNames = t.DNSNames[:1] })},
		&fault{name: "a certificate with one name more", code: "A21", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) { t.DNSNames = append(t.DNSNames, "evil.example.net") })},
		&fault{name: "an expired certificate", code: "A30", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) {
			t.NotBefore, t.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		})},
		&fault{name: "a certificate of tomorrow", code: "A30", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) {
			t.NotBefore, t.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
		})},
		&fault{name: "a certificate that is no server's", code: "A30", at: at(pebbletest.Certificate), does: signed(func(t *x509.Certificate, _ *pebbletest.Reply) {
			t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})},
		&fault{name: "no intermediate", code: "A23", at: at(pebbletest.Certificate), does: chain(func(leaf, between []byte) []byte { return leaf })},
		&fault{name: "the chain in the wrong order", code: "A24", at: at(pebbletest.Certificate), does: chain(func(leaf, between []byte) []byte { return append(between, leaf...) })},
		&fault{name: "a wrong intermediate", code: "A23", at: at(pebbletest.Certificate), does: func(c *trial) func(*exchange) {
			return func(x *exchange) {
				leaf, _ := split(x.Ask().Body)
				x.Send(reply(200, "application/pem-certificate-chain", string(leaf)+string(newPublicCA(c.t).between())))
			}
		}},
		&fault{name: "an unknown issuer", code: "A23", at: at(pebbletest.Certificate), does: func(c *trial) func(*exchange) {
			return func(x *exchange) {
				r := x.Ask()
				newPublicCA(c.t).sign(&r, nil)
				x.Send(r)
			}
		}},
		&fault{name: "a certificate of staging", code: "A22", at: at(pebbletest.Certificate), does: func(c *trial) func(*exchange) {
			return func(x *exchange) {
				r := x.Ask()
				namedCA(c.t, "(STAGING) Test Intermediate").sign(&r, nil)
				x.Send(r)
			}
		}},
		&fault{name: "the root sent too", at: at(pebbletest.Certificate), does: func(c *trial) func(*exchange) {
			return func(x *exchange) {
				r := x.Ask()
				r.Body = append(bytes.Clone(r.Body), c.real.root()...)
				x.Send(r)
			}
		}},
	)
}

func inTwentyMinutes() string {
	return time.Now().Add(20*time.Minute).UTC().Format(time.DateTime) + " UTC: see https://letsencrypt.org/docs/rate-limits/"
}

// signed is a certificate that the real CA signs, with something wrong in it.
func signed(how func(*x509.Certificate, *pebbletest.Reply)) func(*trial) func(*exchange) {
	return func(c *trial) func(*exchange) {
		return func(x *exchange) {
			r := x.Ask()
			c.real.sign(&r, func(t *x509.Certificate) { how(t, &r) })
			x.Send(r)
		}
	}
}

// chain is the right certificates, sent in another way.
func chain(how func(leaf, between []byte) []byte) func(*trial) func(*exchange) {
	return changed(func(r *pebbletest.Reply) { r.Body = how(split(r.Body)) })
}

func split(chain []byte) (leaf, rest []byte) {
	block, rest := pem.Decode(chain)
	return pem.EncodeToMemory(block), bytes.Clone(rest)
}

// publicCA is a CA of which nobody could say that it is for tests: a root and an intermediate.
type publicCA struct {
	top, mid       *x509.Certificate
	topKey, midKey *ecdsa.PrivateKey
}

func newPublicCA(t *testing.T) *publicCA { return namedCA(t, "Intermediate X1") }

func namedCA(t *testing.T, name string) *publicCA {
	t.Helper()
	ca := &publicCA{topKey: newKey(), midKey: newKey()}
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	top := template("Root X1")
	ca.top = mustSign(top, top, ca.topKey.Public(), ca.topKey)
	ca.mid = mustSign(template(name), ca.top, ca.midKey.Public(), ca.topKey)
	return ca
}

func (ca *publicCA) root() []byte    { return pemOf(ca.top) }
func (ca *publicCA) between() []byte { return pemOf(ca.mid) }

func (ca *publicCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.top)
	return pool
}

// sign puts a certificate of this CA in the place of the one that is there: the same names and key, unless change says
// otherwise.
func (ca *publicCA) sign(r *pebbletest.Reply, change func(*x509.Certificate)) {
	block, _ := pem.Decode(r.Body)
	if block == nil {
		return // it is no certificate
	}
	was, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return
	}
	leaf := &x509.Certificate{
		SerialNumber: was.SerialNumber, NotBefore: was.NotBefore, NotAfter: was.NotAfter, DNSNames: append([]string{}, was.DNSNames...), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, PublicKey: was.PublicKey, IssuingCertificateURL: []string{"http://x1.i.test/"},
	}
	if change != nil {
		change(leaf)
	}
	r.Body = append(pemOf(mustSign(leaf, ca.mid, leaf.PublicKey, ca.midKey)), ca.between()...)
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		panic(err)
	}
	return n
}

func mustSign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(fmt.Sprintf("cannot sign: %v", err))
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Sprintf("cannot read what was signed: %v", err))
	}
	return c
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
