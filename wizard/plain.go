package wizard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// plain asks the same questions as the screens, one line at a time: for screen readers, for terminals without a cursor,
// and for who likes it so. One fact a line, marks as words, nothing is ever drawn over.
type plain struct {
	*shared
	lines <-chan string // closed at the end of input
	out   io.Writer
}

// What somebody may say instead of an answer.
var (
	errBack = errors.New("back")
	errQuit = errors.New("quit")
	errEnd  = errors.New("input ended")
)

// ErrTerminated is the cause of the end of a context that SIGTERM ended. Sudo sends it when a session goes, and nobody wants the
// run to stop by that; who presses ctrl+c does. To all others it is like any end of a context.
var ErrTerminated = fmt.Errorf("told to end: %w", context.Canceled)

// Plain asks and answers in lines until it is done, and returns the exit status.
func Plain(ctx context.Context, in io.Reader, out io.Writer, m Machine, o Options) int {
	o.Theme.Color = false
	p := &plain{shared: &shared{ctx: ctx, machine: m, options: o, theme: o.Theme}, lines: linesOf(ctx, in), out: out}
	p.host, _ = os.Hostname()
	p.host = steps.CleanLine(p.host)
	status, err := p.run()
	if err != nil {
		p.say("sslwizard: error: %s", steps.CleanLine(err.Error()))
		for _, fix := range steps.Fixes(err) {
			p.say("  %s", fix)
		}
		return steps.ExitStatus("", err)
	}
	return status
}

// linesOf reads in the background, so that an interrupt is heard while somebody thinks.
func linesOf(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		const longest = 64 << 10
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, longest)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// say says lines, wrapped for who reads them.
func (p *plain) say(format string, args ...any) { p.write(fmt.Sprintf(format, args...) + "\n") }

// sentence says what may be a question already.
func (p *plain) sentence(text string) {
	if text = strings.TrimSuffix(text, "."); !strings.HasSuffix(text, "?") {
		text += "."
	}
	p.say("%s", text)
}

// copied says a line that somebody may copy: it is whole, however long it is.
func (p *plain) copied(line string) { _, _ = fmt.Fprintln(p.out, p.theme.Fold(line)) }

// write writes text that need not end with a line: an answer may stand behind it.
func (p *plain) write(text string) {
	const hanging = 2
	for line := range strings.Lines(p.theme.Fold(text)) {
		body := strings.TrimRight(line, " \n")
		lead := len(body) - len(strings.TrimLeft(body, " "))
		_, _ = fmt.Fprint(p.out, theme.Wrap(body, lead+hanging, p.options.Width)+line[len(body):])
	}
}

func (p *plain) run() (int, error) {
	p.say("sslwizard %s on %s, plain mode: one question at a time.", p.options.Version, p.host)
	p.say("Enter takes the [default]. \"?\" explains, \"<\" goes back, \"plan\" shows what would change so far, \"quit\" stops.")
	p.say("Nothing changes before you type \"yes\" at the end.")
	if run, err := p.machine.Active(p.ctx); err == nil && run != "" {
		p.say("\nA run goes on already; this is what it does.")
		return p.follow(run)
	}
	facts, err := p.machine.Facts(p.ctx)
	if err != nil {
		return 0, err
	}
	facts.Nearby = p.machine.Nearby(p.ctx, facts)
	p.begin(facts)
	return p.converse()
}

// begin starts from a file's answers, from what was kept, from the one site that is set up here, or anew.
func (p *plain) begin(facts steps.Facts) {
	if p.options.Answers != nil {
		p.talk = resumeTalk(facts, *p.options.Answers)
		return
	}
	p.talk = newTalk(facts)
	kept, ok, err := p.machine.Load(p.ctx)
	if sites := facts.Managed.Sites; (err != nil || !ok) && len(sites) == 1 {
		p.talk = resumeTalk(facts, sites[0].Answers())
		p.say("\n%s is set up here: its answers are offered as defaults. Another name makes another site.", sites[0].Name)
	}
	if err != nil || !ok {
		return
	}
	answers, err := steps.ParseAnswers("kept answers", kept.Answers)
	if len(answers) != 1 || err != nil {
		return
	}
	p.talk = resumeTalk(facts, answers[0])
	p.say("\nThe answers of %s are offered as defaults.", kept.Time.Local().Format("2 January 15:04"))
}

// converse asks step by step, shows the plan, and goes back as often as somebody wants to.
func (p *plain) converse() (int, error) {
	asked := p.steps()
	for n := 0; n < len(asked); {
		err := p.step(asked[n])
		switch {
		case errors.Is(err, errBack):
			n = max(0, n-1)
			p.say("Back in step %d: %s.", number(asked[n].ID()), asked[n].Title())
			continue
		case err != nil:
			return p.stopped(err)
		}
		n++
		if n == len(asked) {
			status, err := p.decide()
			if errors.Is(err, errBack) {
				n--
				p.say("Back in step %d: %s.", number(asked[n].ID()), asked[n].Title())
				continue
			}
			if isEnd(err) {
				return p.stopped(err)
			}
			return status, err
		}
	}
	return steps.ExitOK, nil
}

// steps are those that are asked.
func (p *plain) steps() []steps.Step {
	return slices.DeleteFunc(steps.All(), func(s steps.Step) bool { return !slices.Contains(p.asked(), s.ID()) })
}

func number(id steps.ID) int { return slices.Index(steps.IDs(), id) + 1 }

func isEnd(err error) bool {
	return errors.Is(err, errQuit) || errors.Is(err, errEnd) || errors.Is(err, context.Canceled)
}

// stopped says where it stopped. Nothing was changed: only decide changes anything.
func (p *plain) stopped(err error) (int, error) {
	if !isEnd(err) {
		return 0, err
	}
	what := "stopped"
	if errors.Is(err, errEnd) {
		what = err.Error()
	}
	p.say("\n%s; nothing was changed.", what)
	return steps.ExitCancelled, nil
}

// step asks the questions of a step. Going back from the first leads to the step before.
func (p *plain) step(s steps.Step) error {
	p.say("\nStep %d of 7: %s.", number(s.ID()), s.Title())
	for n, open := 0, false; ; {
		ask := p.turn(s.ID(), n, &open)
		if ask == nil {
			break
		}
		err := ask()
		if errors.Is(err, errBack) && n > 0 {
			n--
			continue
		}
		if err != nil {
			return err
		}
		n++
	}
	for _, f := range p.talk.findings(s.ID()) {
		p.finding(f)
	}
	return p.keep(s.ID())
}

// turn is what is asked in a step after so many turns: its questions, then whether to ask the advanced ones, then those if
// they were opened. It is worked out anew each time, for one answer may make another question sensible.
func (p *plain) turn(id steps.ID, n int, open *bool) func() error {
	ordinary, advanced := apart(p.talk.questions(id))
	behind := n - len(ordinary) - 1
	switch {
	case behind < -1:
		return func() error { return p.ask(ordinary[n]) }
	case behind == -1 && len(advanced) > 0:
		return func() error { return p.askMore(id, advanced, open) }
	case behind >= 0 && behind < len(advanced) && *open:
		return func() error { return p.ask(advanced[behind]) }
	}
	return nil
}

// keep stores what was said; that it cannot be stored is no reason to stop.
func (p *plain) keep(id steps.ID) error {
	_ = p.machine.Save(p.ctx, p.talk.session(id))
	return p.ctx.Err()
}

func (p *plain) finding(f steps.Finding) {
	word := map[steps.Severity]string{steps.Blocker: "stop", steps.Warning: "warning", steps.Info: "note"}[f.Severity]
	p.say("  %s: %s", word, steps.CleanLine(f.Text))
	for _, fix := range f.Fix {
		p.say("    %s", fix)
	}
}

// reply is read where there is no question to go back to or to explain: "<" and "quit" are heard all the same.
func (p *plain) reply(where string) (string, error) {
	line, err := p.read(where)
	switch {
	case err != nil:
		return "", err
	case line == "<":
		return "", errBack
	case line == "quit":
		return "", errQuit
	}
	return line, nil
}

// read takes a line; where says what was asked, for who reads of an end of input later.
func (p *plain) read(where string) (string, error) {
	select {
	case <-p.ctx.Done():
		return "", p.ctx.Err()
	case line, ok := <-p.lines:
		if !ok && p.ctx.Err() != nil {
			return "", p.ctx.Err()
		}
		if !ok {
			return "", fmt.Errorf("%w at %s", errEnd, where)
		}
		return strings.TrimSpace(line), nil
	}
}
