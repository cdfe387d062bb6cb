package probe

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// legacy is a server with an RSA key and these versions and suites.
func legacy(lowest, highest uint16, suites ...uint16) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		ca := newAuthority(t, "Root of the test", nil)
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		config := guidelineConfig(steps.Intermediate, ca.issueFor(t, leafTemplate(), key))
		config.MinVersion, config.MaxVersion, config.NextProtos = lowest, highest, []string{"http/1.1"}
		if len(suites) > 0 {
			config.CipherSuites = suites
		}
		return at(serve(t, config, http.NotFoundHandler()))
	}
}

// asked adds a profile that the server has to keep.
func asked(profile steps.Profile, of func(*testing.T) Target) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		target := of(t)
		target.Expect = expected(profile)
		return target
	}
}

func TestBrokenSettings(t *testing.T) {
	t.Parallel()
	const gcm, cbc = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
	const mismatch = "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"
	old := legacy(tls.VersionTLS10, tls.VersionTLS11, cbc)
	runBroken(t, []broken{
		{"TLS 1.0 and 1.1 only: handshake", old, "tls.handshake", steps.IDSSL, steps.Fail, "T07", mismatch, blameProxy},
		{"TLS 1.0 and 1.1 only: versions", old, "tls.versions", steps.IDSSL, steps.Fail, "T07", mismatch, blameProxy},
		{"TLS 1.0 as well", legacy(tls.VersionTLS10, tls.VersionTLS13, gcm, cbc), "tls.versions", steps.IDSSL, steps.Warn, "T22", "", blameProxy},
		{"TLS 1.0 as well, not asked for", asked(steps.Intermediate, legacy(tls.VersionTLS10, tls.VersionTLS13, gcm, cbc)),
			"tls.versions", steps.IDSSL, steps.Fail, "T22", "", blameProxy},
		{"no TLS 1.3", legacy(tls.VersionTLS12, tls.VersionTLS12), "tls.versions", steps.IDSSL, steps.Warn, "T23", "", blameProxy},
		{"no TLS 1.3, asked for", asked(steps.Intermediate, legacy(tls.VersionTLS12, tls.VersionTLS12)),
			"tls.versions", steps.IDSSL, steps.Fail, "T23", "", blameProxy},
		{"no TLS 1.2, asked for", asked(steps.Intermediate, legacy(tls.VersionTLS13, tls.VersionTLS13)),
			"tls.versions", steps.IDSSL, steps.Fail, "T23", "", blameProxy},
		{"TLS 1.2 in modern", asked(steps.Modern, legacy(tls.VersionTLS12, tls.VersionTLS13)),
			"tls.versions", steps.IDSSL, steps.Fail, "T22", "", blameProxy},
		{"CBC", legacy(tls.VersionTLS12, tls.VersionTLS13, gcm, cbc), "tls.ciphers", steps.IDSSL, steps.Warn, "T24", "", blameProxy},
		{"CBC, not asked for", asked(steps.Intermediate, legacy(tls.VersionTLS12, tls.VersionTLS13, gcm, cbc)),
			"tls.ciphers", steps.IDSSL, steps.Fail, "T24", "", blameProxy},
		{"RSA key exchange", legacy(tls.VersionTLS12, tls.VersionTLS13, gcm, tls.TLS_RSA_WITH_AES_256_GCM_SHA384),
			"tls.ciphers", steps.IDSSL, steps.Warn, "T24", "", blameProxy},
		{"RC4", legacy(tls.VersionTLS12, tls.VersionTLS13, gcm, tls.TLS_RSA_WITH_RC4_128_SHA), "tls.ciphers", steps.IDSSL, steps.Fail, "T25", "", blameProxy},
		{"3DES", legacy(tls.VersionTLS12, tls.VersionTLS13, gcm, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA), "tls.ciphers", steps.IDSSL, steps.Fail, "T25", "", blameProxy},
		{"only CBC", legacy(tls.VersionTLS12, tls.VersionTLS12, cbc), "tls.ciphers", steps.IDSSL, steps.Warn, "T24", "", blameProxy},
		{"no post-quantum group", func(t *testing.T) Target {
			return withConfig(t, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} })
		}, "tls.groups", steps.IDSSL, steps.OK, "", "", ""},
		{"no http/1.1", func(t *testing.T) Target {
			return withConfig(t, func(c *tls.Config) {
				only := c.Clone()
				only.NextProtos = []string{"other"}
				c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					if slices.Equal(h.SupportedProtos, []string{"http/1.1"}) {
						return only, nil
					}
					return nil, nil
				}
			})
		}, "tls.alpn", steps.IDSSL, steps.Fail, "T26", "ERR_ALPN_NEGOTIATION_FAILED", blameProxy},
		{"no HTTP/2, asked for", asked(steps.Intermediate, func(t *testing.T) Target {
			return withConfig(t, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })
		}), "tls.alpn", steps.IDSSL, steps.Fail, "T27", "", blameProxy},
	})
}

func TestSuitesThatAServerOffersAreFound(t *testing.T) {
	t.Parallel()
	var all []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if s.ID>>8 != 0x13 {
			all = append(all, s.ID)
		}
	}
	target := legacy(tls.VersionTLS10, tls.VersionTLS13, all...)(t)
	p := &prober{target: target.withDefaults()}
	found := map[uint16]bool{}
	s := p.scan(t.Context(), target.Addresses[0])
	for _, x := range s.suites12 {
		found[x.id] = true
	}
	for _, id := range all {
		isECDSA := strings.Contains(tls.CipherSuiteName(id), "ECDSA")
		if found[id] == isECDSA {
			t.Errorf("%s: found is %t with an RSA key", tls.CipherSuiteName(id), found[id])
		}
	}
	if !s.whole || len(s.suites13) != 3 || s.versions[tls10] != accepted || s.versions[tls11] != accepted || s.versions[ssl30] != refused {
		t.Errorf("the scan is %+v", s)
	}
}

func TestAServerThatStopsAnsweringIsNotJudged(t *testing.T) {
	t.Parallel()
	o := judgeVersions(map[uint16]answer{tls12: accepted, tls13: accepted}, nil)
	if o.verdict != steps.Skip {
		t.Errorf("versions are %s: %s", o.verdict, o.detail)
	}
	o = judgeSuites(scan{suites13: suites13[:1]}, "-RSA-", nil)
	if o.verdict != steps.Skip {
		t.Errorf("ciphers are %s: %s", o.verdict, o.detail)
	}
	// One time-out has to be enough: the scan of a server that answers nothing ends soon.
	addr := rawServer(t, swallow)
	p := &prober{target: Target{Name: siteName, Timeout: 100 * time.Millisecond}}
	start := time.Now()
	if s := p.scan(t.Context(), addr); s.versions[tls13] != unknown || s.whole {
		t.Errorf("the scan is %+v", s)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

func swallow(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }

func TestHSTS(t *testing.T) {
	t.Parallel()
	with := func(age time.Duration, sub bool) *steps.Site {
		s := expected(steps.Intermediate)
		s.SSL.HSTS = steps.HSTS{MaxAge: age, IncludeSubDomains: sub}
		return s
	}
	const twoYears = 63072000 * time.Second
	for _, c := range []struct {
		values []string
		expect *steps.Site
		want   steps.Verdict
	}{
		{nil, nil, steps.OK},
		{nil, with(0, false), steps.OK},
		{nil, with(twoYears, false), steps.Fail},
		{[]string{"max-age=63072000"}, with(twoYears, false), steps.OK},
		{[]string{`Max-Age="63072000" ; includeSubDomains`}, with(twoYears, true), steps.OK},
		{[]string{"max-age=63072000; includeSubDomains"}, with(twoYears, false), steps.Fail},
		{[]string{"max-age=300"}, with(twoYears, false), steps.Fail},
		{[]string{"max-age=300"}, with(0, false), steps.Warn},
		{[]string{"max-age=300", "max-age=300"}, nil, steps.Warn},
		{[]string{"includeSubDomains"}, nil, steps.Fail},
		{[]string{"max-age=-1"}, nil, steps.Fail},
		{[]string{"max-age=1; max-age=2"}, nil, steps.Fail},
		{[]string{"max-age=99999999999999999999"}, nil, steps.Fail},
		{[]string{"max-age=31536000"}, nil, steps.OK},
	} {
		if got := judgeHSTS(c.values, c.expect); got.verdict != c.want {
			t.Errorf("%q is %s, not %s: %s", c.values, got.verdict, c.want, got.detail)
		}
	}
}

func TestKeyNameOfGarbage(t *testing.T) {
	t.Parallel()
	if got := keyName([]byte("no certificate")); got != "-RSA-" {
		t.Errorf("keyName is %q", got)
	}
	ca := newAuthority(t, "Root of the test", nil)
	if got := keyName(ca.cert.Raw); got != "-ECDSA-" || ca.cert.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("keyName is %q", got)
	}
}
