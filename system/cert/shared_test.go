package cert

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func TestSharedCA(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/etc/hostname", "nas\n")
	h.Dir(steps.StateDir, 0o711)
	domains := []steps.Domain{"nas.home.arpa", "192.0.2.7", "2001:db8::7"}
	trust := steps.TrustCA{Wanted: true, Domains: domains}
	page := steps.PublishCA{Wanted: true, Domains: domains, Name: "2001:db8::7"}
	var shared Shared
	if _, err := shared.Contents(h, trust); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a CA: %v", err)
	}
	ca, err := EnsureAuthority(h, domains, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Contents(h, steps.TrustCA{Wanted: true, Domains: append(slices.Clone(domains), "new.home.arpa")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("for a name that the CA is not for: %v", err)
	}
	contents, err := shared.Contents(h, trust)
	if err != nil || len(contents) != 1 || !bytes.Equal(contents[StoreFile], ca.PEM()) {
		t.Errorf("without a browser: %v, %v", contents, err)
	}
	h.Dir("/usr/lib/chromium", 0o755)
	if contents, err = shared.Contents(h, trust); err != nil {
		t.Fatal(err)
	}
	var policy struct {
		CACertificatesWithConstraints []struct {
			Certificate string
			Constraints struct {
				Names []string `json:"permitted_dns_names"`
				CIDRs []string `json:"permitted_cidrs"`
			}
		}
	}
	if err := json.Unmarshal(contents["/etc/chromium/policies/managed/sslwizard.json"], &policy); err != nil || len(policy.CACertificatesWithConstraints) != 1 {
		t.Fatalf("%v in %s", err, contents)
	}
	one := policy.CACertificatesWithConstraints[0]
	der, _ := base64.StdEncoding.DecodeString(one.Certificate)
	slices.Sort(one.Constraints.CIDRs)
	if !bytes.Equal(der, ca.Certificate.Raw) || !slices.Equal(one.Constraints.Names, []string{"nas.home.arpa"}) ||
		!slices.Equal(one.Constraints.CIDRs, []string{"192.0.2.7/32", "2001:db8::7/128"}) {
		t.Errorf("the policy is %+v", one.Constraints)
	}
	if contents, err = shared.Contents(h, page); err != nil || len(contents) != 2 {
		t.Fatalf("%v, %v", contents, err)
	}
	text := string(contents[path.Join(steps.Webroot, steps.CAPath, steps.CAPageFile)])
	for _, want := range []string{ca.Own("nas").Fingerprint, "The CA of nas", "http://[2001:db8::7]" + steps.CAPath + "ca.crt", "Certificate Trust Settings"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	for _, c := range []steps.Change{steps.TrustCA{}, steps.PublishCA{}} {
		if contents, err := shared.Contents(h, c); err != nil || len(contents) > 0 || len(shared.Paths(h, c)) == 0 {
			t.Errorf("%T, not wanted: %v, %v", c, contents, err)
		}
	}
}

func TestOwnCAForPeople(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/etc/hostname", "nas\x1b[2J\n")
	h.Dir(steps.StateDir, 0o711)
	if _, err := OwnCA(h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a CA: %v", err)
	}
	ca, err := EnsureAuthority(h, []steps.Domain{"nas.home.arpa"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	own, err := OwnCA(h)
	if err != nil || own.TrustedHere || len(own.Fingerprint) != 95 || strings.Contains(own.Host, "\x1b") || !bytes.Equal(own.PEM, ca.PEM()) {
		t.Errorf("%+v, %v", own, err)
	}
	h.Dir("/usr/local/share/ca-certificates", 0o755)
	h.Put(StoreFile, host.File{Data: ca.PEM(), Mode: 0o644})
	if own, err = OwnCA(h); err != nil || !own.TrustedHere {
		t.Errorf("it is in the store: %+v, %v", own, err)
	}
}
