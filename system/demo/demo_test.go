package demo

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestDemoIsWhole runs the demo as a user would: everything that the probe looks at is right.
func TestDemoIsWhole(t *testing.T) {
	t.Parallel()
	var said []string
	verdicts := map[steps.Verdict]int{}
	err := Run(t.Context(), Options{
		Once: true,
		Say:  func(s string) { said = append(said, s) },
		Check: func(c steps.Check) {
			verdicts[c.Verdict]++
			if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
				t.Errorf("%s: %s %s", c.Name, c.Verdict, c.Detail)
			}
		},
	})
	if err != nil || verdicts[steps.OK] < 20 || !strings.Contains(strings.Join(said, "\n"), "https://localhost:") {
		t.Errorf("%v, %v, %q", err, verdicts, said)
	}
}

func TestDemoServesUntilTheEnd(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan string, 1)
	ended := make(chan error, 1)
	said := make(chan string, 10)
	go func() {
		ended <- Run(ctx, Options{Ready: func(url string) { served <- url }, Say: func(s string) { said <- s }})
	}()
	url := <-served
	last := ""
	for !strings.Contains(last, "until ctrl+c") {
		last = <-said
	}
	if !strings.Contains(last, "curl -k "+url) {
		t.Errorf("what stays on the screen does not say where to look: %q", last)
	}
	if response, err := http.Get(url); err == nil {
		response.Body.Close()
		t.Error("a client without the demo's CA trusts it")
	} else if !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("%v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("something is left: %v", err)
	}
}
