//go:build e2e

package scenario

import (
	"strings"
	"testing"
)

// askMetrics asks the socket of the proxy's numbers, with what every Debian has.
const askMetrics = `use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new(Peer => "/run/sslwizard/proxy/metrics.sock") or die "cannot connect: $!";
print $s "GET $ARGV[0] HTTP/1.0\r\nHost: x\r\n\r\n";
print while <$s>;`

// TestOperated is what whoever looks after the server has: numbers, health, a status that reads them, and a service
// that systemd itself calls well confined.
func TestOperated(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.answer("native")
		st.must(st.apply())
		st.live()

		if health := st.s.Must("perl", "-e", askMetrics, "/health"); !strings.Contains(health, " 200 OK\r\n") || !strings.HasSuffix(health, "\r\nok\n") {
			t.Errorf("the health is %q", health)
		}
		page := st.s.Must("perl", "-e", askMetrics, "/metrics")
		for _, line := range []string{
			`sslwizard_requests_total{site="` + shop + `",scheme="https",code="200"} `,
			`sslwizard_requests_total{site="` + shop + `",scheme="http",code="301"} `,
			`sslwizard_requests_total{site="` + shop + `",scheme="https",code="101"} `,
			`sslwizard_certificate_not_after_seconds{site="` + shop + `"} `,
			"sslwizard_config_last_load_taken 1\n",
		} {
			if !strings.Contains(page, "\n"+line) {
				t.Errorf("this is missing in the metrics: %s\n%s", line, page)
			}
		}
		st.ends(st.sslwizard("status"), 0, "proxy: ", " with 5xx")
		if r := st.s.Exec("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "perl", "-e", askMetrics, "/metrics"); r.Status == 0 {
			t.Error("everybody on the server may read the metrics")
		}

		// The scale goes from 0 to 100 for 0.0 to 10.0; it exits with 1 above the threshold.
		t.Log(lastLine(st.s.Must("systemd-analyze", "security", "--no-pager", "--threshold=15", "sslwizard-proxy.service")))
	})
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
