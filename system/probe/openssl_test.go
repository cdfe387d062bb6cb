package probe

import (
	"bufio"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything is all that an OpenSSL build still has, however weak.
const everything = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

// TestSuitesAgreeWithOpenSSL compares what the scan finds at openssl s_server with what OpenSSL itself says that its
// setting allows.
func TestSuitesAgreeWithOpenSSL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: the scan is compared with crypto/tls only")
	}
	for _, ciphers := range []string{everything, "HIGH:!aNULL:!PSK:!SRP", "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA"} {
		t.Run(ciphers, func(t *testing.T) {
			t.Parallel()
			addr := startOpenSSL(t, ciphers)
			p := &prober{target: Target{Name: siteName, Timeout: 20 * time.Second}}
			s := p.scan(t.Context(), addr)
			var got []string
			for _, x := range s.suites12 {
				got = append(got, x.name)
			}
			want := allowed(t, ciphers)
			slices.Sort(got)
			slices.Sort(want)
			if !s.whole || len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("found (all: %t)\n%s\nopenssl allows\n%s", s.whole, strings.Join(got, " "), strings.Join(want, " "))
			}
			if s.versions[tls12] != accepted || s.versions[tls13] != accepted || s.versions[ssl30] != refused {
				t.Errorf("versions are %v", s.versions)
			}
		})
	}
}

// startOpenSSL runs openssl s_server with an RSA and an ECDSA certificate until the test ends.
func startOpenSSL(t *testing.T, ciphers string) netip.AddrPort {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaCert, rsaKey := writePair(t, key)
	ecCert, ecKey := writePair(t, newKeyPair(t))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cipher", ciphers,
		"-cert", rsaCert, "-key", rsaKey, "-dcert", ecCert, "-dkey", ecKey, "-min_protocol", "TLSv1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at, found := strings.CutPrefix(lines.Text(), "ACCEPT "); found {
			go func() {
				for lines.Scan() { // so that it never blocks on its own words
				}
			}()
			return netip.MustParseAddrPort(at)
		}
	}
	t.Fatal("openssl s_server did not say where it listens")
	return netip.AddrPort{}
}

func writePair(t *testing.T, key crypto.Signer) (certFile, keyFile string) {
	t.Helper()
	cert := sign(t, leafTemplate(), key, nil)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert.Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// allowed lists the suites of a setting that work with an RSA or an ECDSA certificate, or none.
func allowed(t *testing.T, ciphers string) []string {
	t.Helper()
	out, err := exec.Command("openssl", "ciphers", "-s", "-tls1_2", ciphers).Output()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), ":"), func(name string) bool {
		return strings.Contains(name, "PSK") || strings.Contains(name, "SRP") || strings.Contains(name, "-DSS-") || strings.HasPrefix(name, "TLS_")
	})
}
