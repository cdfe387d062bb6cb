package command

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestCA(t *testing.T) {
	t.Parallel()
	ca := &steps.OwnCA{PEM: []byte("-----BEGIN CERTIFICATE-----\n"), Fingerprint: "AB:CD:EF:01:23", Host: "nas\x1b[2J", Domains: []steps.Domain{"nas.home.arpa"},
		NotAfter: time.Date(2036, 1, 2, 0, 0, 0, 0, time.UTC), Page: "http://nas.home.arpa" + steps.CAPath}
	r := invoke(&machine{t: t, ca: ca}, "ca")
	for _, want := range []string{"AB:CD:EF:01:23", "nas.home.arpa, and no other name", "2036-01-02", ca.Page, "trusted here no", "update-ca-certificates", "Certificate Trust Settings"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing in:\n%s", want, r.out)
		}
	}
	if r.status != 0 || strings.Contains(r.out, "\x1b") {
		t.Errorf("%d %q %s", r.status, r.out, r.err)
	}
	if r := invoke(&machine{t: t, ca: ca}, "ca", "pem"); r.out != string(ca.PEM) || r.status != 0 {
		t.Errorf("%d %q %s", r.status, r.out, r.err)
	}
	if r := invoke(&machine{t: t}, "ca", "trust"); r.status != steps.ExitUsage || !strings.Contains(r.err, "trust") {
		t.Errorf("%d %q", r.status, r.err)
	}
	r = invoke(&machine{t: t, ca: ca}, "ca", "-o", "json")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	var said struct {
		Type   string
		CA     steps.OwnCA
		Guides []steps.TrustGuide
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil || said.Type != "ca" || said.CA.Fingerprint != ca.Fingerprint || len(said.Guides) < 8 {
		t.Errorf("%v in %s", err, r.out)
	}
}
