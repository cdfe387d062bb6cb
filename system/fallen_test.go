package system

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// TestFallen: of services that do not run only those are told of that ended by themselves.
func TestFallen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, shown string
		unit        steps.UnitStatus
		code, says  string
	}{
		{"runs", "", steps.UnitStatus{Name: assets.ProxyService, Active: true}, "", ""},
		{"a socket", "", steps.UnitStatus{Name: assets.ProxyHTTPSocket}, "", ""},
		{"was stopped", "Result=success\nNRestarts=0\n", steps.UnitStatus{Name: assets.ProxyService}, "", ""},
		{"ended", "Result=exit-code\nNRestarts=3\n", steps.UnitStatus{Name: assets.ProxyService}, "N18", "(exit-code), and was started again 3 times"},
		{"is about to be started", "Result=success\nNRestarts=2\n", steps.UnitStatus{Name: assets.ProxyService}, "N18", "tried again), and was started again 2 times"},
		{"nginx", "Result=signal\nNRestarts=0\n", steps.UnitStatus{Name: "nginx.service"}, "N14", "(signal)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := systemtest.New(t)
			if c.shown != "" {
				h.Expect(systemtest.Stdout(c.shown), "systemctl", "show", "-p", "Result,NRestarts", "--", c.unit.Name)
			}
			found, err := (&Installer{host: h}).fallen(t.Context(), []steps.UnitStatus{c.unit})
			if err != nil || (c.code != "") != (len(found) == 1) || c.code != "" && (found[0].Code != c.code || !strings.Contains(found[0].Text, c.says) || len(found[0].Fix) == 0) {
				t.Errorf("%v %+v", err, found)
			}
		})
	}
}
