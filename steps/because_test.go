package steps

import (
	"errors"
	"testing"
)

func TestBecause(t *testing.T) {
	t.Parallel()
	down := Check{Name: "proxy.answer", Address: "127.0.0.1:443", Verdict: Fail, Detail: "502 of the proxy"}
	six := down
	six.Address = "[::1]:443"
	r := Result{Reports: []Report{{Checks: []Check{{Name: "tls.versions", Verdict: OK}, down, six, {Name: "ws.ping", Verdict: Fail, Detail: "no pong"}}}}}
	for text, want := range map[string]struct {
		head   string
		checks int
	}{
		"cannot keep the change: the verification failed: proxy.answer 127.0.0.1:443: 502 of the proxy; proxy.answer [::1]:443: 502 of the proxy": {"cannot keep the change: the verification failed", 2},
		"cannot install nginx: no network": {"cannot install nginx: no network", 0},
	} {
		r.Err = errors.New(text)
		if head, checks := r.Because(); head != want.head || len(checks) != want.checks {
			t.Errorf("%s: %q, %v", text, head, checks)
		}
	}
	if head, checks := (Result{}).Because(); head != "" || checks != nil {
		t.Errorf("without an error: %q, %v", head, checks)
	}
}
