package doctor

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

func TestStandIn(t *testing.T) {
	t.Parallel()
	_, port, err := net.SplitHostPort(free(t))
	if err != nil {
		t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	s, err := NewStandIn(number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ask := func(path string) (int, string) {
		t.Helper()
		r, err := http.Get("http://127.0.0.1:" + port + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(body)
	}
	_ = s.Present(acme.Proof{Token: "token", Body: "token.body"})
	if status, body := ask(steps.ChallengePath + "token"); status != 200 || body != "token.body" {
		t.Errorf("%d %q", status, body)
	}
	for _, path := range []string{"/", "/token", steps.ChallengePath, steps.ChallengePath + "other", steps.ChallengePath + "../token"} {
		if status, _ := ask(path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	_ = s.CleanUp(acme.Proof{Token: "token"})
	if status, _ := ask(steps.ChallengePath + "token"); status != 404 {
		t.Errorf("the token stayed: %d", status)
	}
	if _, err := NewStandIn(number); err == nil {
		t.Error("two stand in at the same port")
	}
}
