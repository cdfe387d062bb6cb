package inspect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// certificateFor is a certificate with these names, as PEM.
func certificateFor(t *testing.T, names ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestRenewers has every program that renews certificates leave its traces, with some that are no certificate.
func TestRenewers(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	h.File("/etc/letsencrypt/renewal/shop.conf", "version = 5.6.0\ncert = /etc/letsencrypt/live/shop/cert.pem\n[renewalparams]\nauthenticator = nginx\n")
	h.File("/etc/letsencrypt/live/shop/cert.pem", certificateFor(t, "shop.example.com", "www.shop.example.com"))
	h.File("/etc/letsencrypt/renewal/gone.conf", "autorenew = False\n")
	h.File("/etc/letsencrypt/renewal/README", "no certificate\n")
	h.File("/root/.acme.sh/blog.example.com_ecc/blog.example.com.conf", "Le_Domain='blog.example.com'\nLe_Alt='a.example.com,b.example.com'\n")
	h.File("/root/.acme.sh/account.conf", "x='y'\n")
	h.File("/var/lib/caddy/.local/share/caddy/certificates/acme-v02.api.letsencrypt.org-directory/wildcard_.example.net/wildcard_.example.net.crt", "x")
	h.File("/var/lib/caddy/.local/share/caddy/certificates/local/localhost/localhost.crt", "x")
	h.File("/root/.lego/certificates/mail.example.com.crt", certificateFor(t, "mail.example.com"))
	h.File("/root/.lego/certificates/mail.example.com.issuer.crt", certificateFor(t, "ca.example"))
	h.File("/etc/dehydrated/domains.txt", "# comment\nnews.example.com www.news.example.com > news\n")
	f := gather(t, h, true)
	for domain, tool := range map[steps.Domain]string{
		"shop.example.com": "certbot", "www.shop.example.com": "certbot", "blog.example.com": "acme.sh", "b.example.com": "acme.sh",
		"x.example.net": "Caddy", "mail.example.com": "lego", "www.news.example.com": "dehydrated",
	} {
		found := false
		for _, r := range f.Renewers {
			found = found || r.Tool == tool && r.Has(domain) && r.File != "" && r.LetGo() != ""
		}
		if !found {
			t.Errorf("%s of %s is not seen: %+v", domain, tool, f.Renewers)
		}
	}
	if len(f.Renewers) != 5 {
		t.Errorf("%d certificates of others: %+v", len(f.Renewers), f.Renewers)
	}
}
