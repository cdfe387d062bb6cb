//go:build e2e

package scenario

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// finding is one of testssl.sh.
type finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Finding  string `json:"finding"`
}

// TestScan is the site as testssl.sh sees it: nothing is worse than LOW. Left out are its lists of every cipher and its
// old browsers, which judge nothing.
func TestScan(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		out := filepath.Join(t.TempDir(), "scan.json")
		r := st.c.Exec("testssl", "--quiet", "--color", "0", "--warnings", "off", "--add-ca", st.w.CA.Root(), "--ip", st.s.Addr4().String(),
			"--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--headers", "--vulnerable", "--jsonfile", out, "https://"+shop+"/")
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, r)
		}
		var all []finding
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatalf("%v\n%s", err, r)
		}
		seen := map[string]string{}
		for _, f := range all {
			seen[f.ID] = f.Severity
			switch {
			case f.ID == "cert_revocation": // Pebble's certificates name neither OCSP nor a CRL: of the CA, not of the site
			case f.ID == "cipher_order": // Mozilla guideline 6.0: the client chooses, for every suite on offer is strong
			case f.Severity == "MEDIUM" || f.Severity == "HIGH" || f.Severity == "CRITICAL" || f.Severity == "FATAL":
				t.Errorf("%s %s: %s", f.Severity, f.ID, f.Finding)
			}
		}
		for id, want := range map[string]string{"TLS1_2": "OK", "TLS1_3": "OK", "cert_chain_of_trust": "OK", "heartbleed": "OK", "secure_client_renego": "OK", "PFS": "OK"} {
			if seen[id] != want {
				t.Errorf("%s is %q, want %q", id, seen[id], want)
			}
		}
		t.Logf("%d findings in %s", len(all), r.Took.Round(time.Second))
	})
}
