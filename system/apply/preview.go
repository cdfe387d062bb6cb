package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Preview compares a plan with the host. It only reads, and it can say so without root as far as it may read. A finding
// of severity steps.Blocker says why Apply would refuse.
func (e *Engine) Preview(ctx context.Context, r host.Reader, plan steps.Plan) (steps.Preview, error) {
	p := steps.Preview{Plan: plan}
	last, err := receiptOf(r)
	if err != nil && !permission(err) {
		return p, err
	}
	w := &view{Reader: r, services: &e.s, receipt: last, replace: map[string]bool{}, blind: err != nil}
	if w.blind {
		p.Findings = append(p.Findings, blindFinding)
	}
	for _, name := range e.s.Replace {
		w.replace[name] = true
	}
	var ahead []int // rehearsals of this phase: they come before what they are about
	for i, c := range plan.Changes {
		if err := cancelled(ctx); err != nil {
			return p, err
		}
		effect, findings, err := lookAt(ctx, w, c)
		if err != nil {
			return p, err
		}
		p.Effects, p.Findings = append(p.Effects, effect), append(p.Findings, findings...)
		switch c.(type) {
		case steps.Rehearse:
			ahead = append(ahead, i)
			continue
		case steps.Checkpoint:
			if err := w.rehearse(ctx, &p, ahead); err != nil {
				return p, err
			}
			ahead = nil
		}
		if effect.Action != steps.Nothing {
			w.pending = append(w.pending, c.Key())
		}
	}
	if err := w.rehearse(ctx, &p, ahead); err != nil {
		return p, err
	}
	p.Hash, err = hashOfPreview(p)
	return p, err
}

// rehearse looks at rehearsals once more, when everything is known that changes in their phase.
func (v *view) rehearse(ctx context.Context, p *steps.Preview, which []int) error {
	for _, i := range which {
		effect, _, err := lookAt(ctx, v, p.Effects[i].Change)
		if err != nil {
			return err
		}
		p.Effects[i] = effect
	}
	return nil
}

func lookAt(ctx context.Context, w *view, c steps.Change) (steps.Effect, []steps.Finding, error) {
	v, err := verbOf(c)
	if err != nil {
		return steps.Effect{}, nil, err
	}
	e, findings, err := v.look(ctx, w)
	if permission(err) {
		e.Action, e.Note = steps.Modify, "cannot be looked at as this user, so it is taken as changed"
		return e, findings, nil
	}
	if err != nil {
		return e, nil, fmt.Errorf("cannot preview the change %q: %w", steps.CleanLine(c.Summary()), err)
	}
	return e, findings, nil
}

// hashOfPreview covers everything that was shown: who agreed to it agreed to that.
func hashOfPreview(p steps.Preview) (string, error) {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	for _, e := range p.Effects {
		line, err := steps.EncodeChange(e.Change)
		if err != nil {
			return "", err
		}
		action := e.Action
		if ownFolder(e.Change) {
			action = steps.Nothing // starting a run makes it
		}
		if err := enc.Encode([]any{string(line), action, e.Diff}); err != nil {
			return "", fmt.Errorf("cannot hash the preview: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// ownFolder reports the folders that the journal itself needs.
func ownFolder(c steps.Change) bool {
	dir, ok := c.(steps.EnsureDir)
	return ok && slices.Contains([]string{steps.StateDir, steps.DoneDir}, dir.Path)
}

// blockers are the findings for which nothing is begun.
func blockers(p steps.Preview) []steps.Finding {
	var found []steps.Finding
	for _, f := range p.Findings {
		if f.Severity == steps.Blocker {
			found = append(found, f)
		}
	}
	return found
}
