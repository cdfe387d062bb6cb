package command

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// sick is what a doctor may come back with.
func sick() *steps.Report {
	return &steps.Report{Target: "web1", Checks: []steps.Check{
		{Step: steps.IDInstall, Name: "disk", Verdict: steps.OK, Detail: "11.0 GB free"},
		{Step: steps.IDTrusted, Name: "http.reach", Address: "shop.example.com", Verdict: steps.Skip, Detail: "not checked: port 80 is held by apache2"},
		{Step: steps.IDTrusted, Name: "dns.caa", Address: "shop.example.com", Verdict: steps.Fail, Code: "A09", Detail: "cannot prove it",
			Evidence: "example.com CAA 0 issue \"digicert.com\"\x1b[2J", Fix: []string{"add this CAA record"}},
	}}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	m := &machine{t: t, report: sick()}
	r := invoke(m, "doctor", "Shop.Example.com.", "www.example.com", "--directory", "letsencrypt-staging", "--challenge", "dns-01", "--ca", "ca.pem")
	if r.status != steps.ExitUnverified || len(m.visited.Domains) != 2 || m.visited.Domains[0] != "shop.example.com" ||
		!strings.Contains(m.visited.Directory, "staging") || m.visited.Challenge != steps.DNS01 || m.visited.CAFile != "ca.pem" {
		t.Errorf("status %d, asked %+v\n%s%s", r.status, m.visited, r.out, r.err)
	}
	for _, want := range []string{"not checked: port 80 is held by apache2", "A09", `seen: example.com CAA 0 issue "digicert.com"`, "add this CAA record", "1 failed"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing:\n%s", want, r.out)
		}
	}
	if strings.Contains(r.out, "\x1b[2J") || strings.Contains(r.out, "TLS settings") {
		t.Errorf("it says:\n%s", r.out)
	}
}

func TestDoctorWell(t *testing.T) {
	t.Parallel()
	well := sick()
	well.Checks = well.Checks[:2]
	if r := invoke(&machine{t: t, report: well}, "doctor"); r.status != steps.ExitOK {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	r := invoke(&machine{t: t, report: sick()}, "doctor", "-o", "json")
	for _, want := range []string{`"type":"version"`, `"type":"check"`, `"code":"A09"`, `"evidence":"example.com CAA`, `"type":"report"`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%s is missing:\n%s", want, r.out)
		}
	}
	if r.status != steps.ExitUnverified {
		t.Errorf("status %d", r.status)
	}
}

func TestDoctorUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"doctor", "https://shop.example.com/a"}, {"doctor", "--directory", "http://ca.example/dir"}, {"doctor", "--challenge", "http-02"}} {
		if r := invoke(&machine{t: t}, args...); r.status != steps.ExitUsage || r.err == "" {
			t.Errorf("%v: status %d\n%s", args, r.status, r.err)
		}
	}
}
