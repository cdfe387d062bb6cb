//go:build e2e

package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
)

// visit runs the doctor for names of the CA of this world, and returns the checks that are not well, as "fail A02".
func (st *story) visit(args ...string) (troubles []string, text string) {
	st.Helper()
	r := st.sslwizard(append([]string{"doctor", "-o", "json"}, args...)...)
	var checks []steps.Check
	for line := range strings.Lines(r.Stdout) {
		var said struct {
			Type  string
			Check steps.Check
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			st.Fatalf("no JSON: %q in %s", line, r)
		}
		checks = append(checks, said.Check)
		if said.Type == "check" && (said.Check.Verdict == steps.Fail || said.Check.Verdict == steps.Warn) {
			troubles = append(troubles, string(said.Check.Verdict)+" "+said.Check.Code)
			if len(said.Check.Fix) == 0 {
				st.Errorf("no way on: %+v", said.Check)
			}
		}
	}
	failures.MetChecks(st, checks)
	want := 0
	if strings.Contains(strings.Join(troubles, ","), "fail") {
		want = 3
	}
	if r.Status != want {
		st.Errorf("status %d with %q: %s", r.Status, troubles, r)
	}
	return troubles, r.Text()
}

// TestDoctorOnAServer has nothing be wrong with a site of either executor.
func TestDoctorOnAServer(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	for _, executor := range []string{"native", "nginx"} {
		st.answer(executor)
		st.must(st.apply())
		if troubles, text := st.visit(); len(troubles) != 0 || !strings.Contains(text, "reaches this server at 203.0.113.10") {
			t.Errorf("%s: %q\n%s", executor, troubles, text)
		}
		st.ends(st.sslwizard("doctor"), 0, "0 failed", shop+" reaches this server", "acme.test answers")
		if left := st.s.Exec("ls", kept+"/webroot/.well-known/acme-challenge").Stdout; strings.Contains(left, "sslwizard-") {
			t.Errorf("a test token stayed: %s", left)
		}
	}
}
