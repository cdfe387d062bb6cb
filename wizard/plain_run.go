package wizard

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// heartbeat is how often a run that is quiet says that it goes on.
const heartbeat = 15 * time.Second

// decide shows the plan and applies it after a typed yes.
func (p *plain) decide() (int, error) {
	site, problems := p.talk.site()
	for _, problem := range problems {
		p.sentence("Error: " + problem.String())
	}
	if len(problems) > 0 {
		return 0, errBack
	}
	p.say("\nLooking at this server.")
	preview, err := p.machine.Plan(p.ctx, []steps.Site{site})
	if err != nil {
		return 0, err
	}
	p.plan(preview)
	if blocked(preview) {
		p.say("This has to be put right first. Nothing was changed.")
		return steps.ExitFailed, nil
	}
	if !preview.Pending() {
		p.say("Nothing to do: this server is as asked. This is the proof.")
		return p.apply(preview)
	}
	if err := p.diffs(preview); err != nil {
		return 0, err
	}
	p.write("Type yes to apply plan " + short(preview.Hash) + ", anything else to go back: ")
	line, err := p.reply("the plan")
	if err != nil {
		return 0, err
	}
	if line != "yes" {
		p.say("That was not \"yes\": nothing was changed.")
		return 0, errBack
	}
	return p.apply(preview)
}

// apply starts the run and follows it; where there is nothing to do it only proves what is there.
func (p *plain) apply(preview steps.Preview) (int, error) {
	run, err := p.machine.Start(p.ctx, preview)
	if err != nil {
		return 0, err
	}
	status, err := p.follow(run)
	if status == steps.ExitOK && err == nil {
		_ = p.machine.Forget(context.WithoutCancel(p.ctx))
	}
	return status, err
}

// soFar is what "plan" shows in the middle.
func (p *plain) soFar() {
	site, problems := p.talk.site()
	if len(problems) > 0 {
		p.say("There is no plan yet. Still missing:")
		for _, problem := range problems {
			p.say("  %s", problem)
		}
		return
	}
	preview, err := p.machine.Plan(p.ctx, []steps.Site{site})
	if err != nil {
		p.say("Error: %s", steps.CleanLine(err.Error()))
		return
	}
	p.plan(preview)
}

func (p *plain) plan(v steps.Preview) {
	if v.Pending() {
		p.say("Plan %s:", short(v.Hash))
	}
	for _, e := range v.Effects {
		if e.Action == steps.Nothing {
			continue
		}
		p.say("  step %d, %s", number(e.Change.Step()), steps.CleanLine(e.Change.Summary()))
	}
	for _, f := range v.Findings {
		p.finding(f)
	}
}

func (p *plain) diffs(v steps.Preview) error {
	p.write("Show every change of a file? yes or no [no]: ")
	line, err := p.reply("the plan")
	if err != nil || !strings.HasPrefix(line, "y") {
		return err
	}
	for _, e := range v.Effects {
		for diff := range strings.Lines(e.Diff) {
			p.copied(steps.Clean(strings.TrimSuffix(diff, "\n")))
		}
	}
	return nil
}

func blocked(v steps.Preview) bool {
	for _, f := range v.Findings {
		if f.Severity == steps.Blocker {
			return true
		}
	}
	return false
}

// short is as much of a hash as people compare.
func short(hash string) string { return hash[:min(8, len(hash))] }

// follow tells what a run does until it has ended. The first interrupt stops it, and what it did is taken back.
func (p *plain) follow(run string) (int, error) {
	p.say("Safe to close this window: the run goes on. sudo %s attach", p.options.Called)
	events := make(chan steps.Event, 64)
	var result steps.Result
	var err error
	go func() {
		defer close(events)
		result, err = p.machine.Follow(context.WithoutCancel(p.ctx), run, func(e steps.Event) { events <- e })
	}()
	interrupt, beat := p.ctx.Done(), time.NewTicker(heartbeat)
	defer beat.Stop()
	now := ""
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return p.ended(result, err)
			}
			beat.Reset(heartbeat)
			now = p.event(e, now)
		case <-beat.C:
			p.say("%s still running: %s", time.Now().Format(time.TimeOnly), now)
		case <-interrupt:
			if errors.Is(context.Cause(p.ctx), ErrTerminated) {
				return steps.ExitCancelled, nil
			}
			interrupt = nil
			p.say("Stopping after this change; everything is taken back.")
			if err := p.machine.Stop(context.WithoutCancel(p.ctx), run); err != nil {
				p.say("Error: %s", steps.CleanLine(err.Error()))
			}
		}
	}
}

// event says one event and returns what goes on now.
func (p *plain) event(e steps.Event, now string) string {
	text := e.Text
	if text == "" && e.Change != nil {
		text = e.Change.Summary()
	}
	text = steps.CleanLine(text)
	switch {
	case e.Check != nil || e.Output != "": // the report says what matters of it
	case e.Change == nil && endWords[steps.Outcome(text)] != "": // what stays on the screen says it
	case e.Report != nil:
		for _, c := range e.Report.Checks {
			if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
				p.say("  %s: %s %s: %s", verdictWord(c.Verdict), c.Name, c.Address, steps.CleanLine(c.Detail))
			}
		}
	case e.Status == steps.Started:
		return text
	case e.Status != steps.Unchanged && text != "":
		p.say("%s %s: %s", e.Time.Local().Format(time.TimeOnly), e.Status, text)
	}
	return now
}

// ended says how it ended, in the words that stay on the screens.
func (p *plain) ended(r steps.Result, err error) (int, error) {
	if r.Outcome == "" {
		return 0, errors.Join(err, r.Err)
	}
	if r.Err == nil {
		r.Err = err
	}
	var standing steps.SiteStatus
	if status, err := p.machine.Status(context.WithoutCancel(p.ctx)); err == nil && isLive(r) {
		standing = standingOf(status, address(r))
	}
	for _, line := range farewell(p.shared, r, standing, unbroken) {
		p.say("%s", line)
	}
	return steps.ExitStatus(r.Outcome, r.Err), nil
}
