package command

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestNotify(t *testing.T) {
	t.Parallel()
	told := []steps.Delivery{{Channel: "command /opt/tell", Text: "a"}, {Channel: "webhook /etc/hook", Text: "a", Error: "cannot post to chat.test: it answers\x1b[2J 403"}}
	r := invoke(&machine{t: t, told: &told}, "notify", "test")
	if r.status != steps.ExitUnverified || !strings.Contains(r.out, "command /opt/tell: has it") || !strings.Contains(r.err, "cannot deliver 1 of 2") || strings.Contains(r.out, "\x1b[2J") {
		t.Errorf("%+v", r)
	}
	none := []steps.Delivery{}
	if r := invoke(&machine{t: t, told: &none}, "notify", "send"); r.status != 0 || !strings.Contains(r.out, "Nothing waits") {
		t.Errorf("%+v", r)
	}
	if r := invoke(&machine{t: t, told: &told}, "notify", "send", "-o", "json"); !strings.Contains(r.out, `"type":"deliveries"`) || r.status != steps.ExitUnverified {
		t.Errorf("%+v", r)
	}
	for _, args := range [][]string{{"notify"}, {"notify", "me"}} {
		if r := invoke(&machine{t: t}, args...); r.status != steps.ExitUsage {
			t.Errorf("%v: %+v", args, r)
		}
	}
}
