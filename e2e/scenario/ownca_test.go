//go:build e2e

package scenario

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// alone are the answers of a site that no CA but the server's own knows.
const alone = `apiVersion: sslwizard/v1
kind: Answers
install: {executor: EXECUTOR, firewall: true}
certs: {domains: [shop.example.com, www.shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted: {source: none, trustHere: TRUST, caPage: TRUST}
`

// TestOwnCA is a site with the server's own CA: the server itself trusts it when asked to, another server does after it was
// told the fingerprint, and both are as before when it is over.
func TestOwnCA(t *testing.T) {
	withEither(t, ownCAStory)
}

func ownCAStory(t *testing.T, suite, executor string) {
	st := begin(t, suite)
	st.s.Exec("mkdir", "-p", "/usr/lib/chromium") // what its package has, as far as we look
	other := st.w.Boot(suite)
	before, otherBefore := st.s.Manifest(), other.Manifest()
	st.s.Write(answers, strings.NewReplacer("EXECUTOR", executor, "TRUST", "true").Replace(alone), 0o644)
	st.must(st.apply())
	st.ends(st.apply(), 0, "Nothing to do")

	st.says("Verification: OK", "openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", shop, "-verify_return_error", "-CAfile", "/etc/ssl/certs/ca-certificates.crt")
	first := st.serial()
	st.ages(250 * 24 * time.Hour)
	st.round()
	if st.serial() == first || st.lifetime(st.s.Copy(cert.CAFile)) < 364*24*time.Hour {
		t.Error("the timer leaves a certificate of this server's own CA to run out")
	}

	own := st.ownCA()
	if !own.CA.TrustedHere || own.CA.Page != "http://"+shop+steps.CAPath {
		t.Errorf("it says %+v", own.CA)
	}
	page := st.c.Gets(200, own.CA.Page)
	if !strings.Contains(page, own.CA.Fingerprint) || !strings.Contains(page, "Certificate Trust Settings") {
		t.Errorf("the page is\n%s", page)
	}
	if head := st.c.Curl("--head", own.CA.Page+"ca.crt").Stdout; !strings.Contains(head, "application/x-x509-ca-cert") {
		t.Errorf("a telephone does not take it for a CA:\n%s", head)
	}
	st.opensUnderPolicy()

	// The other server types what it was told, and what somebody else's file has instead is not trusted.
	folder := t.TempDir()
	st.must(st.c.Exec("sh", "-ec", "cd "+folder+" && "+own.Guides[0].Commands[0])) // a server here has no curl
	file, err := os.ReadFile(filepath.Join(folder, steps.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	other.Write("/root/ca.crt", string(file), 0o600)
	install := "cd /root; " + strings.ReplaceAll(own.Guides[0].Commands[1], "sudo ", "")
	other.Must("sh", "-ec", install)
	trusts := func() world.Result {
		return other.Exec("openssl", "s_client", "-connect", st.s.Addr4().String()+":443", "-servername", shop, "-verify_hostname", shop, "-verify_return_error",
			"-CAfile", "/etc/ssl/certs/ca-certificates.crt")
	}
	if r := trusts(); !strings.Contains(r.Text(), "Verification: OK") {
		t.Errorf("the other server does not trust it: %s", r)
	}
	other.Must("sh", "-ec", "cd /root; rm /usr/local/share/ca-certificates/sslwizard-*.crt; update-ca-certificates --fresh; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=evil -out ca.crt")
	if r := other.Exec("sh", "-ec", install); r.Status == 0 {
		t.Errorf("somebody else's CA is trusted: %s", r)
	}
	st.same("the other server is not as it was", otherBefore.Restored(other.Manifest(), "/root"))

	st.s.Write(answers, strings.NewReplacer("EXECUTOR", executor, "TRUST", "false").Replace(alone), 0o644)
	st.must(st.apply())
	if r := st.c.Curl("--head", own.CA.Page); !strings.Contains(r.Stdout, " 301 ") {
		t.Errorf("the page is still there: %s", r)
	}
	if own := st.ownCA(); own.CA.TrustedHere || own.CA.Page != "" {
		t.Errorf("it says %+v", own.CA)
	}
	st.ends(st.sslwizard("undo"), 0)
	if own := st.ownCA(); !own.CA.TrustedHere || own.CA.Page == "" {
		t.Errorf("after the undo it says %+v", own.CA)
	}
	st.ends(st.sslwizard("uninstall"), 0)
	st.same("not as it was before", before.Restored(st.s.Manifest(), left, "/root"))
}

// sharedCA is what the program says of the CA.
type sharedCA struct {
	CA     steps.OwnCA        `json:"ca"`
	Guides []steps.TrustGuide `json:"guides"`
}

func (st *story) ownCA() (said sharedCA) {
	st.Helper()
	out := st.must(st.sslwizard("ca", "-o", "json")).Stdout
	if err := json.Unmarshal([]byte(lastLine(out)), &said); err != nil {
		st.Fatalf("%v in %s", err, out)
	}
	return said
}

// opensUnderPolicy has a Chromium with the policy of the server, and nothing else, open the site.
func (st *story) opensUnderPolicy() {
	st.Helper()
	folder := st.TempDir()
	policy := st.s.Read("/etc/chromium/policies/managed/sslwizard.json")
	if err := os.WriteFile(filepath.Join(folder, "sslwizard.json"), []byte(policy), 0o644); err != nil {
		st.Fatal(err)
	}
	st.c.BrowseUnder(folder, "https://"+shop+"/.page")
	world.Within(st, "what the browser says", 2*time.Minute, func() bool {
		r := st.c.Curl("--insecure", "--fail", "https://"+shop+"/.page/said")
		return r.Status == 0 && strings.Contains(r.Stdout, `"secure":true`)
	})
}
