package nginx

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// The tests in this file's company run a real nginx: the one that is installed, or what SSLWIZARD_NGINX names: a folder
// with a system in it (entered by chroot, as root), so that the same tests run on other versions.
const nginxVariable = "SSLWIZARD_NGINX"

// testHost is this machine, with nginx taken from another system's folder when one is named.
type testHost struct {
	*host.Linux
	chroot string
}

func (h testHost) in(c host.Command) host.Command {
	if h.chroot != "" && c.Argv[0] == "nginx" {
		c.Argv = append([]string{"chroot", h.chroot}, c.Argv...)
	}
	return c
}

func (h testHost) Run(ctx context.Context, c host.Command) (host.Output, error) {
	return h.Linux.Run(ctx, h.in(c))
}

func (h testHost) Query(ctx context.Context, c host.Command) (host.Output, error) {
	return h.Linux.Query(ctx, h.in(c))
}

func (h testHost) ReadFile(name string) (host.File, error) {
	if strings.HasPrefix(name, "/proc/") { // a chroot has this machine's processes
		return h.Linux.ReadFile(name)
	}
	return h.Linux.ReadFile(h.chroot + name)
}

// WriteFile writes as whoever runs the tests: only root can give files to root.
func (h testHost) WriteFile(name string, f host.File) error {
	f.UID, f.GID = os.Getuid(), os.Getgid()
	return h.Linux.WriteFile(h.chroot+name, f)
}

func (h testHost) Remove(name string) error { return h.Linux.Remove(h.chroot + name) }

// realNginx returns the host and the version of its nginx, or skips.
func realNginx(t *testing.T) (testHost, string) {
	t.Helper()
	h := testHost{host.New(""), os.Getenv(nginxVariable)}
	out, err := h.Query(t.Context(), host.Command{Argv: []string{"nginx", "-v"}})
	if err != nil || out.Status != 0 {
		t.Skipf("no nginx is installed (and %s is not set), so nothing could be run on it: %v", nginxVariable, err)
	}
	v, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out.Stderr)), "nginx version: nginx/"), " ")
	return h, v
}

// scratchDir is a folder that nginx's user can read and that is the same inside and outside of the system's folder.
func scratchDir(t *testing.T, h testHost) string {
	t.Helper()
	dir, err := os.MkdirTemp(h.chroot+"/tmp", "sslwizard-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(dir, h.chroot)
}

// testKeys are made once: they are no secret here.
var testKeys = sync.OnceValue(func() map[bool]any {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[bool]any{true: r, false: e}
})

// certify stores a self-signed certificate and its key where the configuration of the site names them.
func certify(t *testing.T, h testHost, root string, s steps.Site) {
	t.Helper()
	key := testKeys()[strings.HasPrefix(string(s.Certs.Key), "rsa")]
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: s.Name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, d := range s.Certs.Domains {
		if a, ok := d.IP(); ok {
			template.IPAddresses = append(template.IPAddresses, net.IP(a.AsSlice()))
		} else {
			template.DNSNames = append(template.DNSNames, string(d))
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, publicKey(key), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, h.chroot+root+steps.CurrentChain(s.Name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	put(t, h.chroot+root+steps.CurrentKey(s.Name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600)
}

func publicKey(key any) any {
	if r, ok := key.(*rsa.PrivateKey); ok {
		return &r.PublicKey
	}
	return &key.(*ecdsa.PrivateKey).PublicKey
}

func put(t *testing.T, file string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, mode); err != nil {
		t.Fatal(err)
	}
}
