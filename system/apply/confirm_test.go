package apply

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// What an undo leaves served is looked at in the end; the undo stays done whatever is seen.
func TestConfirmUndone(t *testing.T) {
	t.Parallel()
	done := steps.Result{Run: "r", Outcome: steps.OutcomeDone, Undone: []string{"restored /x"}}
	local, acme := shop, shop
	local.Trusted.Source, acme.Trusted.Source = steps.SourceNone, steps.SourceACME
	for name, c := range map[string]struct {
		res     steps.Result
		sites   []steps.Site
		fail    map[bool]string // by trusted
		want    steps.Outcome
		reports int
	}{
		"all is well":                    {done, []steps.Site{local, acme}, nil, steps.OutcomeDone, 2},
		"nothing is left":                {done, nil, map[bool]string{false: "x", true: "x"}, steps.OutcomeDone, 0},
		"nothing was undone":             {steps.Result{Outcome: steps.OutcomeNothing}, []steps.Site{acme}, map[bool]string{true: "x"}, steps.OutcomeNothing, 0},
		"the undo failed":                {steps.Result{Outcome: steps.OutcomeInconsistent}, []steps.Site{acme}, map[bool]string{true: "x"}, steps.OutcomeInconsistent, 0},
		"a site does not work":           {done, []steps.Site{acme}, map[bool]string{true: "chain.trusted"}, steps.OutcomeUnverified, 1},
		"a local one does not work":      {done, []steps.Site{local}, map[bool]string{false: "tls.versions"}, steps.OutcomeUnverified, 1},
		"a local one need not be known":  {done, []steps.Site{local}, map[bool]string{true: "chain.trusted"}, steps.OutcomeDone, 1},
		"after a run that never ended":   {steps.Result{Outcome: steps.OutcomeReverted}, []steps.Site{acme}, map[bool]string{true: "x"}, steps.OutcomeUnverified, 1},
		"and that one left what it was ": {steps.Result{Outcome: steps.OutcomeReverted}, []steps.Site{acme}, nil, steps.OutcomeReverted, 1},
	} {
		w := newWorld(t)
		w.prober.fail = c.fail
		res, err := w.ConfirmUndone(t.Context(), c.res, c.sites, nil)
		if res.Outcome != c.want || len(res.Reports) != c.reports || res.Run != c.res.Run || len(res.Undone) != len(c.res.Undone) {
			t.Errorf("%s: %+v", name, res)
		}
		if c.want != steps.OutcomeUnverified {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "cannot prove that what is served now works") || len(steps.Fixes(err)) == 0 ||
			steps.ExitStatus(res.Outcome, err) != steps.ExitUnverified {
			t.Errorf("%s: %v", name, err)
		}
	}
}
