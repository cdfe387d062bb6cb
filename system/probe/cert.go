package probe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// certificate judges the certificates as they were sent, leaf first.
func (p *prober) certificate(addr netip.AddrPort, sent []*x509.Certificate) {
	t, now := p.target, time.Now()
	judge := func(step steps.ID, name string, o outcome) { p.begin(step, name, addr).end(o) }
	if len(sent) == 0 {
		judge(steps.IDCerts, "certs.leaf", fail(faultCertInvalid, "no certificate was sent"))
		return
	}
	leaf := sent[0]
	judge(steps.IDCerts, "certs.leaf", judgeLeaf(leaf, t.ExpectLeaf))
	judge(steps.IDCerts, "certs.names", judgeNames(leaf, t))
	judge(steps.IDCerts, "certs.dates", judgeDates(leaf, now))
	judge(steps.IDCerts, "certs.key", judgeKey(leaf, t.Expect))
	judge(steps.IDCerts, "certs.order", judgeOrder(sent))
	switch {
	case t.Trusted:
		judge(steps.IDTrusted, "trusted.chain", judgeChain(sent, t.Roots, now))
		judge(steps.IDTrusted, "trusted.days", judgeDays(leaf, now))
	case t.Roots != nil:
		judge(steps.IDCerts, "certs.chain", judgeChain(sent, t.Roots, now))
	}
}

// judgeLeaf says whether the leaf is the one that was expected, and a server certificate at all.
func judgeLeaf(leaf *x509.Certificate, expect string) outcome {
	sum := sha256.Sum256(leaf.Raw)
	print := hex.EncodeToString(sum[:])
	serverAuth := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0
	for _, u := range leaf.ExtKeyUsage {
		serverAuth = serverAuth || u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
	}
	switch {
	case expect != "" && print != expect:
		return fail(faultLeaf, "the served certificate (SHA-256 %s…) is not the stored one (%s)", print[:16], clip(expect, 16))
	case !serverAuth:
		return fail(faultCertInvalid, "the certificate may not be used for servers")
	case leaf.IsCA:
		return warn(faultCertInvalid.because(blameProxy), "the certificate is a CA's: who trusts it lets its key sign for any name")
	case expect != "":
		return ok("the stored certificate is served (SHA-256 %s…)", print[:16])
	}
	return ok("%s, issued by %s", subject(leaf), issuer(leaf))
}

// judgeNames wants the probed name, and every name of the site, among the Subject Alternative Names.
func judgeNames(leaf *x509.Certificate, t Target) outcome {
	list := sans(leaf)
	if len(list) == 0 {
		return fail(faultName, "the certificate has no Subject Alternative Names, only %q as its Common Name, which browsers ignore", leaf.Subject.CommonName)
	}
	shown := clip(strings.Join(list, ", "), 300)
	missing, known := lacks(leaf, t.Expect)
	switch {
	case known && missing != "" && t.comesLater():
		return skip("%s is not in this certificate yet; it will be in the one of step 7", missing)
	case leaf.VerifyHostname(t.Name) != nil:
		return fail(faultName, "the certificate is for other names: %s", shown)
	case missing != "":
		return fail(faultName, "the certificate is for %s, and not for %s", shown, missing)
	}
	return ok("%s", shown)
}

// comesLater reports a site that is looked at before step 7, which brings the certificate that was asked for. A name
// that was added to the site is missing in the present one until then, and that one stays: the others trust it.
func (t Target) comesLater() bool {
	return !t.Trusted && t.Expect != nil && t.Expect.Trusted.Source != "" && t.Expect.Trusted.Source != steps.SourceNone
}

// lacks returns the first name of the site that is not in the certificate, and whether any of them is: a certificate
// with none is another site's.
func lacks(leaf *x509.Certificate, expect *steps.Site) (missing steps.Domain, known bool) {
	if expect == nil {
		return "", false
	}
	for _, d := range expect.Certs.Domains {
		switch {
		case covers(leaf, d):
			known = true
		case missing == "":
			missing = d
		}
	}
	return missing, known
}

func covers(leaf *x509.Certificate, d steps.Domain) bool {
	if !d.Wildcard() {
		return leaf.VerifyHostname(string(d)) == nil
	}
	for _, n := range leaf.DNSNames {
		if strings.EqualFold(n, string(d)) {
			return true
		}
	}
	return false
}

func sans(leaf *x509.Certificate) []string {
	list := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

func judgeDates(leaf *x509.Certificate, now time.Time) outcome {
	from, to := day(leaf.NotBefore), day(leaf.NotAfter)
	switch {
	case now.After(leaf.NotAfter):
		return fail(faultExpired, "expired on %s, %s ago", to, span(now.Sub(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		return fail(faultNotYet, "valid only from %s, in %s by the clock of this machine", from, span(leaf.NotBefore.Sub(now)))
	}
	return ok("%s to %s", from, to)
}

// judgeDays warns when less than a quarter of the lifetime is left: a renewal at a third has failed by then.
func judgeDays(leaf *x509.Certificate, now time.Time) outcome {
	left, life := leaf.NotAfter.Sub(now), leaf.NotAfter.Sub(leaf.NotBefore)
	switch {
	case left <= 0:
		return fail(faultExpired, "expired on %s", day(leaf.NotAfter))
	case left < life/4:
		return warn(faultDaysLeft, "%s left of %s: it should have been renewed by now", span(left), span(life))
	}
	return ok("%s left of %s", span(left), span(life))
}

// judgeKey judges type and size of the leaf's key: what public CAs sign and browsers take.
func judgeKey(leaf *x509.Certificate, expect *steps.Site) outcome {
	var kind steps.KeyType
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fail(faultWeakKey, "RSA with %d bits; 2048 is the least", k.N.BitLen())
		}
		kind = steps.KeyType(fmt.Sprintf("rsa-%d", k.N.BitLen()))
	case *ecdsa.PublicKey:
		kind = steps.KeyType(fmt.Sprintf("ecdsa-p%d", k.Curve.Params().BitSize))
		if b := k.Curve.Params().BitSize; b != 256 && b != 384 {
			return fail(faultNoOverlap.because(blameProxy, faultKeyType.fix...), "an ECDSA key on %s, which not every browser takes", k.Curve.Params().Name)
		}
	case ed25519.PublicKey:
		return fail(faultNoOverlap.because(blameProxy, faultKeyType.fix...), "an Ed25519 key, which no browser takes")
	default:
		return fail(faultWeakKey, "a key of type %s, which no browser takes", leaf.PublicKeyAlgorithm)
	}
	if expect != nil && expect.Trusted.Source != steps.SourceFiles && expect.Certs.Key != "" && expect.Certs.Key != kind {
		return warn(faultKeyType, "%s, and %s was asked for", kind, expect.Certs.Key)
	}
	return ok("%s", kind)
}

// judgeOrder wants each certificate to have signed the one before it (RFC 5246 section 7.4.2), and nothing else.
func judgeOrder(sent []*x509.Certificate) outcome {
	for i := 1; i < len(sent); i++ {
		if issued(sent[i], sent[i-1]) {
			continue
		}
		for j, other := range sent {
			if j != i && j != i-1 && (issued(sent[i], other) || issued(other, sent[i])) {
				return warn(faultOrder, "certificate %d of %d (%s) did not sign the one before it", i+1, len(sent), subject(sent[i]))
			}
		}
		return warn(faultOrder.because(blameProxy, "serve only the leaf and its issuers"), "certificate %d of %d (%s) does not belong to the chain", i+1, len(sent), subject(sent[i]))
	}
	if last := sent[len(sent)-1]; len(sent) > 1 && selfSigned(last) {
		return ok("%d certificates, in order; the last is a root, which clients have already", len(sent))
	}
	if len(sent) == 1 {
		return ok("1 certificate")
	}
	return ok("%d certificates, in order", len(sent))
}

// issued reports whether ca signed c.
func issued(ca, c *x509.Certificate) bool {
	return bytes.Equal(ca.RawSubject, c.RawIssuer) && ca.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func selfSigned(c *x509.Certificate) bool { return issued(c, c) }

// subject and issuer name a certificate for people.
func subject(c *x509.Certificate) string {
	if list := sans(c); c.Subject.CommonName == "" && len(list) > 0 {
		return list[0]
	}
	return distinguished(c.Subject)
}

func issuer(c *x509.Certificate) string {
	return distinguished(c.Issuer)
}

func distinguished(n pkix.Name) string {
	return clip(orElse(orElse(n.CommonName, n.String()), "a nameless CA"), 100)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a duration in the unit that fits.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}
