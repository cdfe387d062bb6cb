package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// issuer is a CA of clients.
type issuer struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

func newIssuer(t *testing.T, name string, parent *issuer) *issuer {
	t.Helper()
	c := issue(t, parent, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = name, true, true, x509.KeyUsageCertSign, nil
	})
	return &issuer{c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)}
}

// issue makes a client's certificate, changed by edit; without a parent it is self-signed.
func issue(t *testing.T, parent *issuer, edit ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "somebody"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, e := range edit {
		e(template)
	}
	signer, signerKey := template, key
	if parent != nil {
		signer, signerKey = parent.Certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// asks makes a site ask its clients for a certificate of these CAs.
func asks(s Site, auth string, cas ...*issuer) Site {
	s.SSL.ClientAuth, s.ClientCAs = auth, nil
	for _, ca := range cas {
		s.ClientCAs = append(s.ClientCAs, ca.Certificate)
	}
	return s
}

// refusal is how a handshake ends that is refused. Nothing is sent after it: what is not read any more would have the
// alert lost.
func (i *instance) refusal(t *testing.T, c *tls.Certificate, sni string, version uint16) error {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure, owner(c, sni, version))
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = conn.Read(make([]byte, 1)) // with TLS 1.3 the client has done its part before it is judged
	return err
}

func owner(c *tls.Certificate, sni string, version uint16) *tls.Config {
	return &tls.Config{ServerName: sni, RootCAs: pool, NextProtos: []string{"http/1.1"}, MaxVersion: version, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if c == nil {
			return new(tls.Certificate), nil
		}
		return c, nil
	}}
}

// as asks a site over a new connection as the owner of a certificate; status 0 is a connection that was refused.
func (i *instance) as(c *tls.Certificate, sni string, version uint16, edit ...func(*tls.Config)) (status int, body []byte, state tls.ConnectionState, err error) {
	config := owner(c, sni, version)
	for _, e := range edit {
		e(config)
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure, config)
	if err != nil {
		return 0, nil, state, err
	}
	defer conn.Close()
	response, body, err := exchanged(conn, "GET / HTTP/1.1\r\nHost: "+sni+"\r\nClient-Cert: :forged:\r\nClient_Cert: :forged:\r\nClient-Cert-Chain: :forged:\r\n\r\n")
	if err != nil {
		return 0, nil, conn.ConnectionState(), err
	}
	return response.StatusCode, body, conn.ConnectionState(), nil
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	ca, stranger := newIssuer(t, "clients", nil), newIssuer(t, "strangers", nil)
	below := newIssuer(t, "below", ca)
	chained := issue(t, below)
	chained.Certificate = append(chained.Certificate, below.Raw)
	good, foreign := issue(t, ca), issue(t, stranger)
	expired := issue(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	server := issue(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	self := issue(t, nil)
	i := serve(t, Config{Sites: []Site{
		asks(testSite(app.URL, names("must.test")), steps.ClientRequired, ca),
		asks(testSite(app.URL, names("may.test")), steps.ClientOptional, ca),
		testSite(app.URL, names("open.test")),
	}})
	const in, refused = http.StatusOK, 0
	for name, c := range map[string]struct {
		certificate     *tls.Certificate
		must, may, open int
		says            string // of the alert
	}{
		"none":              {nil, refused, in, in, "remote error: tls:"}, // each version has an alert of its own
		"good":              {&good, in, in, in, ""},
		"chained":           {&chained, in, in, in, ""},
		"foreign":           {&foreign, refused, refused, in, "unknown certificate authority"},
		"expired":           {&expired, refused, refused, in, "expired certificate"},
		"a server's":        {&server, refused, refused, in, "bad certificate"},
		"signed by oneself": {&self, refused, refused, in, "unknown certificate authority"},
	} {
		for sni, want := range map[string]int{"must.test": c.must, "may.test": c.may, "open.test": c.open} {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				if want == refused {
					if err := i.refusal(t, c.certificate, sni, version); err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("%s at %s with %s: %v", name, sni, tls.VersionName(version), err)
					}
					continue
				}
				status, body, _, err := i.as(c.certificate, sni, version)
				if status != in {
					t.Errorf("%s at %s with %s: %d, %v", name, sni, tls.VersionName(version), status, err)
					continue
				}
				var told []string
				if c.certificate != nil && sni != "open.test" {
					told = []string{":" + base64.StdEncoding.EncodeToString(c.certificate.Certificate[0]) + ":"}
				}
				h := echoed(t, body).Headers
				if got := h.Values("Client-Cert"); strings.Join(got, "|") != strings.Join(told, "|") || strings.Contains(string(body), "forged") {
					t.Errorf("%s at %s: the application was told %q, want %q:\n%s", name, sni, got, told, body)
				}
			}
		}
	}
	if text := i.log.String(); text != "" {
		t.Errorf("strangers fill the log: %s", text)
	}
}

// TestSessionsOfClients: a session resumes where the same certificates are asked for, after a swap too, and nowhere else.
func TestSessionsOfClients(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	one, other := newIssuer(t, "one", nil), newIssuer(t, "other", nil)
	mine := issue(t, one)
	a, b, may, open := testSite(app.URL, names("a.test")), testSite(app.URL, names("b.test")), testSite(app.URL, names("may.test")), testSite(app.URL, names("open.test"))
	swap := func(i *instance, ofA ...*issuer) {
		t.Helper()
		if err := i.Swap(Config{Sites: []Site{asks(a, steps.ClientRequired, ofA...), asks(b, steps.ClientRequired, other), asks(may, steps.ClientOptional, one), open}}); err != nil {
			t.Fatal(err)
		}
	}
	i := serve(t, Config{})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		swap(i, one)
		cache := oneSession{tls.NewLRUClientSessionCache(1)}
		visit := func(sni string) (status int, resumed bool) {
			status, _, state, _ := i.as(&mine, sni, version, func(c *tls.Config) { c.ClientSessionCache, c.InsecureSkipVerify = cache, true })
			return status, state.DidResume
		}
		want := func(what, sni string, status int, resumed bool) {
			t.Helper()
			if s, r := visit(sni); s != status || r != resumed {
				t.Errorf("%s, %s: %d, resumed %t; want %d, %t", tls.VersionName(version), what, s, r, status, resumed)
			}
		}
		want("the first visit", "a.test", 200, false)
		want("the second", "a.test", 200, true)
		swap(i, one)
		want("after a swap", "a.test", 200, true)
		want("at a site of another CA", "b.test", 0, false)
		want("and back", "a.test", 200, version == tls.VersionTLS13) // TLS 1.2 forgets a session that was not taken
		want("where a certificate is optional", "may.test", 200, false)
		want("where none is asked for", "open.test", 200, false)
		want("from there", "a.test", 200, false)
		swap(i, one, other)
		want("with one more CA", "a.test", 200, false)
		want("and again", "a.test", 200, true)
		swap(i, other)
		want("after its CA was taken away", "a.test", 0, false)
	}
}

// TestNewRulesReachOpenConnections: what a connection proved when it began has to be what is asked now.
func TestNewRulesReachOpenConnections(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	one, other := newIssuer(t, "one", nil), newIssuer(t, "other", nil)
	mine := issue(t, one)
	site, beside := testSite(app.URL, names("a.test")), testSite(app.URL, names("open.test"))
	for name, c := range map[string]struct {
		before, after Site
		certificate   *tls.Certificate
		want          int
		again         string // what it gets when it comes again after a 421
	}{
		"a certificate is asked for now":       {site, asks(site, steps.ClientRequired, one), nil, 421, "refused"},
		"it may have one now":                  {site, asks(site, steps.ClientOptional, one), nil, 200, ""},
		"its CA was taken away":                {asks(site, steps.ClientRequired, one), asks(site, steps.ClientRequired, other), &mine, 421, "refused"}, // nothing that it has would do
		"its CA was taken away, optional":      {asks(site, steps.ClientOptional, one), asks(site, steps.ClientOptional, other), &mine, 421, "200"},
		"a CA was added":                       {asks(site, steps.ClientRequired, one), asks(site, steps.ClientRequired, one, other), &mine, 200, ""},
		"a certificate is asked for no longer": {asks(site, steps.ClientRequired, one), site, &mine, 200, ""},
	} {
		for _, http2 := range []bool{false, true} {
			i := serve(t, Config{Sites: []Site{c.before, beside}})
			client := i.client(t, http2)
			if c.certificate != nil {
				client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{*c.certificate}
			}
			if response, _ := get(t, client, "https://a.test/"); response.StatusCode != 200 {
				t.Fatalf("%s: %d before", name, response.StatusCode)
			}
			if err := i.Swap(Config{Sites: []Site{c.after, beside}}); err != nil {
				t.Fatal(err)
			}
			response, body := get(t, client, "https://a.test/")
			if response.StatusCode != c.want || c.want == 421 && response.ProtoMajor == 1 && !response.Close {
				t.Errorf("%s, HTTP/2 %t: %d after, closes %t: %.200s", name, http2, response.StatusCode, response.Close, body)
			}
			if c.want == 421 { // a browser comes again, with another connection
				told := "200"
				if again, err := client.Get("https://a.test/"); err != nil {
					told = "refused" // in the handshake
				} else if again.Body.Close(); again.StatusCode != 200 {
					told = again.Status
				}
				if told != c.again {
					t.Errorf("%s, HTTP/2 %t: it comes again and gets %s", name, http2, told)
				}
			}
		}
	}
}

// TestNoWayThroughTheNeighbour: a browser uses a connection for other names whose certificate is the same.
func TestNoWayThroughTheNeighbour(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	ca := newIssuer(t, "clients", nil)
	shared := certificate("a.test", "open.test")
	a, open := asks(testSite(app.URL, names("a.test")), steps.ClientRequired, ca), testSite(app.URL, names("open.test"))
	a.Certificate, open.Certificate = shared, shared
	i := serve(t, Config{Sites: []Site{a, open}})
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		client.Transport.(*http.Transport).TLSClientConfig.ServerName = "open.test"
		for host, want := range map[string]int{"open.test": 200, "a.test": 421} {
			if response, _ := get(t, client, "https://"+host+"/"); response.StatusCode != want {
				t.Errorf("HTTP/2 %t: %s answers %d, want %d", http2, host, response.StatusCode, want)
			}
		}
	}
}

// TestExpiredMeanwhile: a connection lives longer than its certificate may.
func TestExpiredMeanwhile(t *testing.T) {
	t.Parallel()
	ca := newIssuer(t, "clients", nil)
	rule, err := clientsOf(asks(Site{}, steps.ClientRequired, ca))
	if err != nil {
		t.Fatal(err)
	}
	state := func(leaf *x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, ca.Certificate}}}
	}
	good := issue(t, ca).Leaf
	past := issue(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }).Leaf
	if !rule.admits(state(good)) || rule.admits(state(past)) {
		t.Errorf("good: %t, expired: %t", rule.admits(state(good)), rule.admits(state(past)))
	}
}

func TestSiteWithoutTheCAOfItsClientsIsNotServed(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	if err := s.Swap(Config{Sites: []Site{asks(testSite("http://127.0.0.1:1", names("a.test")), steps.ClientOptional)}}); err == nil {
		t.Error("a site that cannot check its clients is served")
	}
}

// TestTicketKeysAreForgotten has a week go by: what was encrypted a day ago is read, what is older than a week by nobody.
func TestTicketKeysAreForgotten(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	var days atomic.Int64
	i := serveAt(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}}, func() time.Time {
		return time.Now().Add(time.Duration(days.Load()) * 24 * time.Hour)
	})
	ticketOf := func() []byte {
		t.Helper()
		cache := oneSession{tls.NewLRUClientSessionCache(1)}
		if status, _, _, err := i.as(nil, "a.test", tls.VersionTLS13, func(c *tls.Config) { c.ClientSessionCache = cache }); status != 200 {
			t.Fatal(err)
		}
		session, ok := cache.Get("")
		if !ok {
			t.Fatal("there is no ticket")
		}
		ticket, _, err := session.ResumptionState()
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	readable := func(ticket []byte) bool {
		state, err := i.parent.DecryptTicket(ticket, tls.ConnectionState{})
		return state != nil && err == nil
	}
	first := ticketOf()
	days.Store(2)
	second := ticketOf()
	if !readable(first) || !readable(second) {
		t.Error("a ticket is not read after two days")
	}
	days.Store(8)
	third := ticketOf()
	if readable(first) || !readable(second) || !readable(third) {
		t.Errorf("after a week: the first %t, the second %t, the third %t", readable(first), readable(second), readable(third))
	}
}
