package system

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// serving listens with a new certificate for the site and returns where, and the certificate's SHA-256.
func serving(t *testing.T, site steps.Site) (netip.AddrPort, string) {
	t.Helper()
	keys := make([]crypto.Signer, 2)
	for n := range keys {
		key, err := cert.GenerateKey(steps.ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		keys[n] = key
	}
	ca, err := cert.NewAuthority(keys[0], "test", site.Certs.Domains, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	chain, err := ca.Issue(keys[1].Public(), site.Certs.Domains, 90, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{chain[0].Raw}, PrivateKey: keys[1]}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.(*tls.Conn).Handshake()
			}()
		}
	}()
	sum := sha256.Sum256(chain[0].Raw)
	return addressOf(l), hex.EncodeToString(sum[:])
}

func addressOf(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// TestOutdated: a site that is seen nowhere is not served, and one silent address beside others says nothing.
func TestOutdated(t *testing.T) {
	t.Parallel()
	site := shop(t, "trusted: {source: none}\n")
	now, wanted := serving(t, site)
	old, _ := serving(t, site)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and nobody speaks on them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, test := range map[string]struct {
		at   []netip.AddrPort
		want bool
	}{
		"the wanted one":           {[]netip.AddrPort{now}, false},
		"an older one":             {[]netip.AddrPort{old}, true},
		"an older one too":         {[]netip.AddrPort{now, old}, true},
		"one address is silent":    {[]netip.AddrPort{addressOf(silent), now}, false},
		"all addresses are silent": {[]netip.AddrPort{addressOf(silent)}, true},
		"no address":               {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outdated(t.Context(), site, test.at, wanted); got != test.want {
				t.Errorf("outdated: %v", got)
			}
		})
	}
}

// TestTheUnitWaitsForTheLastSite: a turn that begins at the end of the round's time has what one site may take: DNS for ten
// minutes, validation and issuance for three each, and that at two CAs.
func TestTheUnitWaitsForTheLastSite(t *testing.T) {
	t.Parallel()
	const turn = 2 * (10 + 3 + 3) * time.Minute
	found := regexp.MustCompile(`(?m)^TimeoutStartSec=(\w+)$`).FindSubmatch(assets.RenewServiceUnit("/usr/bin/sslwizard"))
	if found == nil {
		t.Fatal("the unit has no TimeoutStartSec: systemd would wait for ever")
	}
	limit, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	if limit <= roundTime+turn || limit > 2*time.Hour {
		t.Errorf("the unit may take %s; a round may take %s and its last site %s", limit, roundTime, turn)
	}
}
