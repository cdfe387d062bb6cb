package system

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestUnrenewed: a timer that does not run, or will not at the next boot, is told of; other units are not about renewal.
func TestUnrenewed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit steps.UnitStatus
		want string
	}{
		{steps.UnitStatus{Name: steps.RenewTimer, Active: true, Enabled: true}, ""},
		{steps.UnitStatus{Name: steps.RenewTimer, Enabled: true}, "does not run"},
		{steps.UnitStatus{Name: steps.RenewTimer, Active: true}, "does not start at the next boot"},
		{steps.UnitStatus{Name: "nginx.service"}, ""},
	} {
		found := unrenewed([]steps.UnitStatus{c.unit})
		if (c.want != "") != (len(found) == 1) || c.want != "" && (found[0].Code != "R01" || !strings.HasSuffix(found[0].Text, c.want) || len(found[0].Fix) == 0) {
			t.Errorf("%+v: %+v", c.unit, found)
		}
		if c.want != "" && (!strings.Contains(found[0].Fix[0], "unmask") || !strings.Contains(found[0].Fix[1], "enable")) {
			t.Errorf("a unit that is masked cannot be enabled: %q", found[0].Fix)
		}
	}
}
