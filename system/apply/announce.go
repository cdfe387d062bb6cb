package apply

import (
	"context"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// announceVerb has a site say that it has HTTP/3, after it was seen.
type announceVerb struct{ c steps.Announce }

func (v announceVerb) file() string { return steps.AltSvcFile(v.c.Executor, v.c.Site.Name) }

// look has it seen again whenever anything else changes: what was proven once may not be so any more.
func (v announceVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	there, err := w.ReadFile(v.file())
	if err != nil && !absent(err) {
		return e, nil, err
	}
	asked := v.c.Site.SSL.HTTP3
	if string(there.Data) != string(steps.AltSvcText(v.c.Executor, asked)) || asked && len(w.pending) > 0 {
		e.Action = steps.Execute
	}
	return e, nil, nil
}

// record has no state after: a renewal may change it again, and it is ours in any case.
func (v announceVerb) record(_ context.Context, r *recorder) (Before, error) {
	parents, err := missingParents(r, v.file())
	if err != nil {
		return Before{}, err
	}
	p, err := r.path(v.file(), nil)
	return Before{Paths: append(parents, p)}, err
}

func (v announceVerb) do(ctx context.Context, d *doing) error {
	name, reached, why := v.c.Site.Name, false, ""
	if v.c.Site.SSL.HTTP3 {
		if d.services.Prober == nil {
			return failf("cannot look for HTTP/3 of %s: this build has no probe", name)
		}
		reached, why = d.services.Prober.HTTP3(ctx, v.c.Site)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	switch {
	case reached:
		d.progress(fmt.Sprintf("%s was reached over HTTP/3: browsers are told of it", name))
	case why != "":
		d.progress(fmt.Sprintf("%s was not reached over HTTP/3 (%s): browsers are not told of it, and use HTTP/2", name, steps.CleanLine(why)))
	}
	if !reached && d.pathOf(v.file()).Before.Kind == kindNone {
		return nil // nobody was ever told
	}
	return d.put(v.file(), steps.AltSvcText(v.c.Executor, reached), 0o644, "", "")
}
