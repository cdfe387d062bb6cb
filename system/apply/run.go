package apply

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Apply does what the preview showed. Under the lock it looks again, and refuses when the host is not the one that was
// shown. Whatever fails is taken back before Apply returns; then the error is also in the result. An error with a
// result without an outcome means that nothing was begun.
//
// The sink gets every event in order, from one goroutine; it may be slow, it may even stall: the run does not wait for
// it, except at its end for at most two seconds. The context is looked at between changes, and passed on where nothing
// on the host is under way (rehearsing, probing, asking a CA).
func (e *Engine) Apply(ctx context.Context, shown steps.Preview, sink func(steps.Event)) (steps.Result, error) {
	if !shown.Pending() && !e.open() {
		return e.nothing(ctx, shown, sink)
	}
	release, err := e.s.Locker.Lock(what(shown.Plan))
	if err != nil {
		return steps.Result{}, err
	}
	defer release()
	events := newFeed(sink)
	defer events.close()
	if res, found, err := e.recover(context.WithoutCancel(ctx), events); err != nil && found {
		return res, fmt.Errorf("cannot begin: the run before this one could not be undone: %w", err)
	} else if err != nil {
		return res, err
	}
	fresh, err := e.again(ctx, shown)
	if err != nil {
		return steps.Result{}, err
	}
	s, err := e.start(fresh, events)
	if err != nil {
		return steps.Result{}, err
	}
	return s.run(ctx)
}

// Busy reports whether somebody is at work on the host now.
func (e *Engine) Busy() bool {
	f, ok := errors.AsType[*steps.Failure](e.s.Locker.Free())
	return ok && f.Code == "H02"
}

// open reports whether a run before this one never ended.
func (e *Engine) open() bool {
	s, _, err := stateAt(e.h, steps.JournalDir)
	return err == nil && s.Kind != kindNone
}

// nothing is a run without changes: it writes nothing at all, and looks whether what is there works.
func (e *Engine) nothing(ctx context.Context, shown steps.Preview, sink func(steps.Event)) (steps.Result, error) {
	if err := e.s.Locker.Free(); err != nil {
		return steps.Result{}, err
	}
	if _, err := e.again(ctx, shown); err != nil {
		return steps.Result{}, err
	}
	return e.Confirm(ctx, lastVerify(shown.Plan), sink)
}

// again previews once more: what was agreed to is what is done.
func (e *Engine) again(ctx context.Context, shown steps.Preview) (steps.Preview, error) {
	fresh, err := e.Preview(ctx, e.h, shown.Plan)
	if err != nil {
		return fresh, err
	}
	if b := blockers(fresh); len(b) > 0 {
		said := make([]string, len(b))
		var fixes []string
		for i, f := range b {
			said[i] = f.Text
			fixes = append(fixes, f.Fix...)
		}
		return fresh, &steps.Failure{Text: strings.Join(said, "; "), Code: b[0].Code, Fixes: fixes}
	}
	if fresh.Hash != shown.Hash {
		return fresh, &steps.Failure{
			Text: "cannot begin: the server changed since the preview was shown; nothing was done", Status: steps.ExitTryLater,
			Fixes: []string{"run it again and look at the new preview"},
		}
	}
	return fresh, nil
}

// what is a run in a few words. A removal is named by what it takes away, not by what it leaves.
func what(p steps.Plan) string {
	verb, names := "apply ", []string(nil)
	for _, s := range p.Sites {
		names = append(names, s.Name)
	}
	if gone := removed(p); len(gone) > 0 {
		verb, names = "remove ", gone
	}
	said := verb + strings.Join(names, ", ")
	if p.Executor != "" {
		said += " (" + p.Executor + ")"
	}
	return steps.CleanLine(said)
}

// removed are the sites that a plan takes away.
func removed(p steps.Plan) []string {
	var names []string
	for _, c := range p.Changes {
		f, ok := c.(steps.RemoveFile)
		if name, isSite := strings.CutSuffix(path.Base(f.Path), ".yaml"); ok && isSite && path.Dir(f.Path) == steps.SitesDir {
			names = append(names, name)
		}
	}
	return names
}

// session is one run of a plan.
type session struct {
	e       *Engine
	j       *journal
	events  *feed
	p       steps.Preview
	phase   int // number of the phase under way; -1 before the first
	reports []steps.Report
	refused string                 // the unit that went on with its old configuration, when that was the end
	open    map[string]steps.Check // what the last verification could not see, by check and address
	start   time.Time
}

// start makes the folder of a run; the host is not changed yet.
func (e *Engine) start(p steps.Preview, events *feed) (*session, error) {
	j, err := e.newRun(manifest{Kind: kindApply, What: what(p.Plan), Executor: p.Plan.Executor}, func(m *manifest) error {
		for _, s := range p.Plan.Sites {
			m.Sites = append(m.Sites, s.Name)
		}
		for _, c := range p.Plan.Changes {
			line, err := steps.EncodeChange(c)
			if err != nil {
				return err
			}
			m.Changes = append(m.Changes, line)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &session{e: e, j: j, events: events, p: p, phase: -1, start: e.s.Clock()}, nil
}

// newRun makes a run's folder. Folders of runs that never were opened are swept.
func (e *Engine) newRun(m manifest, fill func(*manifest) error) (*journal, error) {
	ids, err := runIDs(e.h)
	if err != nil {
		return nil, err
	}
	if m.Receipt, err = receiptOf(e.h); err != nil {
		return nil, err
	}
	m.Version, m.Time, m.ID = version, e.s.Clock().UTC(), newID(e.s.Clock(), ids)
	if err := fill(&m); err != nil {
		return nil, err
	}
	e.sweep(ids)
	j := newJournal(e.h, m)
	if e.s.BootUnit != nil {
		j.unit = e.s.BootUnit()
	}
	if err := j.create(); err != nil {
		j.discard()
		return nil, unwritten(err)
	}
	return j, nil
}

// sweep removes the folders of runs that were killed before they were opened: nothing had been changed. So are links that
// were not in their place yet.
func (e *Engine) sweep(ids []string) {
	for _, dir := range []string{steps.StateDir, steps.DoneDir} {
		_ = host.SweepTemps(e.h, dir) // they are in nobody's way
	}
	for _, id := range ids {
		j := newJournal(e.h, manifest{ID: id})
		if !exists(e.h, j.file(resultName)) {
			j.discard()
		}
	}
}

func unwritten(err error) error {
	return fmt.Errorf("cannot begin, so nothing was changed: %w", diskFault(err))
}

func (s *session) run(ctx context.Context) (steps.Result, error) {
	s.say(nil, steps.Started, "run "+s.j.m.ID)
	err := s.work(ctx)
	if err == nil {
		if err = s.commit(); err == nil {
			res := steps.Result{Run: s.j.m.ID, Outcome: s.outcome(), Reports: s.reports, Err: s.unverified()}
			s.finish(steps.Done, string(res.Outcome), nil)
			return res, res.Err
		}
		err = diskFault(err)
	}
	if len(s.j.phases) == 0 || !s.j.opened {
		s.j.discard()
		s.finish(steps.Failed, "nothing was begun", err)
		return steps.Result{}, unwritten(err)
	}
	return s.takeBack(context.WithoutCancel(ctx), err)
}

// work goes through the plan, phase by phase.
func (s *session) work(ctx context.Context) error {
	for n, indices := range s.phases() {
		if err := s.begin(ctx, n, indices); err != nil {
			return err
		}
		for _, i := range indices {
			if err := s.change(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// phases cuts the plan after each checkpoint.
func (s *session) phases() [][]int {
	phases := [][]int{{}}
	for i, e := range s.p.Effects {
		last := len(phases) - 1
		phases[last] = append(phases[last], i)
		if _, ok := e.Change.(steps.Checkpoint); ok {
			phases = append(phases, nil)
		}
	}
	return phases
}

// begin records what a phase is about to change. It is not needed while nothing has been, nor is to be, changed.
func (s *session) begin(ctx context.Context, n int, indices []int) error {
	p := phase{Number: n}
	rec := &recorder{Reader: s.e.h, services: &s.e.s, backups: map[string]host.File{}, prefix: fmt.Sprintf("%d-", n)}
	for _, i := range indices {
		effect := s.p.Effects[i]
		if effect.Action == steps.Nothing {
			continue
		}
		v, err := verbOf(effect.Change)
		if err != nil {
			return err
		}
		before, err := v.record(ctx, rec)
		if err != nil {
			return fmt.Errorf("cannot record what is there before the change %q: %w", effect.Change.Summary(), err)
		}
		p.Entries = append(p.Entries, entry{Index: i, Key: effect.Change.Key(), Action: effect.Action, Before: before})
	}
	if len(p.Entries) == 0 && s.phase < 0 {
		return nil
	}
	if err := s.j.begin(p, rec.backups); err != nil {
		return diskFault(err)
	}
	s.phase = n
	return nil
}

// change does one change.
func (s *session) change(ctx context.Context, i int) error {
	effect := s.p.Effects[i]
	if effect.Action == steps.Nothing {
		s.say(effect.Change, steps.Unchanged, "")
		return nil
	}
	if err := cancelled(ctx); err != nil {
		return err
	}
	began := s.e.s.Clock()
	s.say(effect.Change, steps.Started, effect.Change.Summary())
	err := s.act(ctx, i, effect.Change)
	if err != nil {
		s.refused = refusedUnit(effect.Change, err)
		err = diskFault(err)
		if c := cancelled(ctx); c != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
			err = c
		}
		s.j.note(record{Time: s.e.s.Clock(), Index: i, What: string(steps.Failed), Text: err.Error()})
		s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: effect.Change, Status: steps.Failed, Text: steps.Clean(err.Error()), Err: err, Elapsed: s.since(began)})
		return err
	}
	s.j.note(record{Time: s.e.s.Clock(), Index: i, What: string(steps.Done)})
	s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: effect.Change, Status: steps.Done, Elapsed: s.since(began)})
	return nil
}

func (s *session) since(t time.Time) time.Duration { return s.e.s.Clock().Sub(t) }

// act has the verb do the change, its intent in the journal first. A file needs no line of its own on the disk for
// that: the record of the phase says what it was and what it becomes, so the file itself says whether it was changed.
func (s *session) act(ctx context.Context, i int, c steps.Change) error {
	v, err := verbOf(c)
	if err != nil {
		return err
	}
	s.j.note(record{Time: s.e.s.Clock(), Index: i, What: recordIntent, Text: c.Key()})
	if !tellsItself(c) {
		if err := s.j.flush(); err != nil {
			return err
		}
	}
	if !interruptible(c) {
		ctx = context.WithoutCancel(ctx)
	}
	return v.do(ctx, s.doing(i, c))
}

func (s *session) doing(i int, c steps.Change) *doing {
	return &doing{
		Host: s.e.h, services: &s.e.s, before: s.before(i), executor: s.e.executor,
		progress: func(text string) { s.say(c, steps.Progress, text) },
		observe: func(seen Seen) error {
			s.j.note(record{Time: s.e.s.Clock(), Index: i, What: recordSeen, Seen: &seen})
			return s.j.flush()
		},
		unproven: s.unproven,
		seen: func(check steps.Check) {
			s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: c, Status: steps.Progress, Check: &check})
		},
		said: func(line string) {
			s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: c, Status: steps.Progress, Output: line})
		},
		report: func(r steps.Report) {
			s.reports = append(s.reports, r)
			s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: c, Status: steps.Progress, Report: &r})
		},
	}
}

func (s *session) before(i int) *Before {
	for p := range s.j.phases {
		for k := range s.j.phases[p].Entries {
			if s.j.phases[p].Entries[k].Index == i {
				return &s.j.phases[p].Entries[k].Before
			}
		}
	}
	return &Before{}
}

// tellsItself reports the changes after which the host alone says whether they were done.
func tellsItself(c steps.Change) bool {
	switch c.(type) {
	case steps.WriteFile, steps.RemoveFile, steps.EnsureDir, steps.InstallBinary, steps.TestConfig, steps.Rehearse, steps.Verify, steps.Checkpoint:
		return true
	}
	return false
}

// interruptible reports the changes that may be stopped half-way: nothing on the host is under way then.
func interruptible(c steps.Change) bool {
	switch c.(type) {
	case steps.Rehearse, steps.Verify, steps.ObtainCertificate:
		return true
	}
	return false
}

// commit ends a run that did everything.
func (s *session) commit() error {
	return s.j.close(result{Outcome: s.outcome(), Time: s.e.s.Clock().UTC(), Receipt: s.j.receipt(nil)})
}

func (s *session) say(c steps.Change, status steps.Status, text string) {
	s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Change: c, Status: status, Text: steps.Clean(text)})
}

func (s *session) finish(status steps.Status, text string, err error) {
	s.events.send(steps.Event{Time: s.e.s.Clock(), Run: s.j.m.ID, Status: status, Text: steps.Clean(text), Err: err, Elapsed: s.since(s.start)})
}
