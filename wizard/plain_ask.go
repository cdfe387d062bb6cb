package wizard

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// ask asks until there is an answer that can be right, or somebody wants something else.
func (p *plain) ask(q steps.Question) error {
	p.listOptions(q)
	for {
		p.write(p.prompt(q))
		line, err := p.read(q.Key)
		if err != nil {
			return err
		}
		if heard, err := p.word(line, q); err != nil {
			return err
		} else if heard {
			continue
		}
		text, err := p.meant(q, line)
		if err == nil {
			err = p.talk.say(q, text)
		}
		if err != nil {
			p.sentence("Error: " + steps.CleanLine(err.Error()))
			continue
		}
		p.say("Chosen: %s.", orNothing(steps.CleanLine(p.talk.value(q.Key))))
		p.look(q)
		return nil
	}
}

// word hears what may be said in the place of any answer; it reports whether it was that and all is said about it.
func (p *plain) word(line string, q steps.Question) (heard bool, err error) {
	switch line {
	case "?":
		p.explain(q)
	case "<":
		return true, errBack
	case "quit":
		return true, errQuit
	case "plan":
		p.soFar()
	default:
		return false, nil
	}
	return true, nil
}

// askMore asks whether the advanced questions are wanted; they are offered where one of them was answered before.
func (p *plain) askMore(id steps.ID, advanced []steps.Question, open *bool) error {
	q := more(advanced)
	standard := map[bool]string{true: "yes", false: "no"}[*open || p.talk.special(advanced)]
	for {
		p.write(asking(q.Label) + " yes or no [" + standard + "]: ")
		line, err := p.read("more settings of " + string(id))
		if err != nil {
			return err
		}
		if heard, err := p.word(line, q); err != nil {
			return err
		} else if heard {
			continue
		}
		if line == "" {
			line = standard
		}
		if *open, err = steps.YesNo(line); err == nil {
			return nil
		}
		p.sentence("Error: " + steps.CleanLine(err.Error()))
	}
}

// listOptions lists what can be chosen.
func (p *plain) listOptions(q steps.Question) {
	if q.Kind != steps.KindChoice {
		return
	}
	p.say("%s", q.Label)
	for n, o := range q.Options {
		line := label(o)
		if o.Value == p.talk.value(q.Key) {
			line += " (default)"
		}
		p.say("  %d. %s", n+1, steps.CleanLine(line))
	}
}

func label(o steps.Option) string {
	if text := strings.TrimSpace(o.Label); text != "" {
		return text
	}
	return o.Value
}

// prompt is what stands before the cursor.
func (p *plain) prompt(q steps.Question) string {
	value := steps.CleanLine(p.talk.value(q.Key))
	standard := ""
	if value != "" && !(q.Consent && !p.talk.said[q.Key]) {
		standard = " [" + value + "]"
	}
	switch q.Kind {
	case steps.KindChoice:
		return fmt.Sprintf("Number 1 to %d%s: ", len(q.Options), p.chosen(q))
	case steps.KindBool:
		return asking(q.Label) + " yes or no" + standard + ": "
	case steps.KindList:
		return strings.TrimSuffix(q.Label, "?") + ", separated by spaces" + standard + ": "
	case steps.KindHeaders:
		return q.Label + ", as Name: value; Name: value (or nothing)" + standard + ": "
	}
	if value == "" && !q.Required {
		standard = " (or nothing)"
	}
	return q.Label + standard + ": "
}

func asking(label string) string { return strings.TrimSuffix(label, "?") + "?" }

// chosen is the number of the present choice.
func (p *plain) chosen(q steps.Question) string {
	for n, o := range q.Options {
		if o.Value == p.talk.value(q.Key) {
			return fmt.Sprintf(" [%d]", n+1)
		}
	}
	return ""
}

// meant is the answer that a line stands for: an empty line is the default, a dash is nothing, a number is a choice.
func (p *plain) meant(q steps.Question, line string) (string, error) {
	value := p.talk.value(q.Key)
	switch {
	case line == "" && q.Consent && !p.talk.said[q.Key]:
		return "", fmt.Errorf("this is never assumed: please type yes or no")
	case line == "" && q.Required && value == "":
		return "", fmt.Errorf("this has to be said")
	case line == "":
		return value, nil
	case line == "-" && !q.Required:
		return "", nil
	case q.Kind == steps.KindChoice:
		return picked(q, line)
	}
	return line, nil
}

func picked(q steps.Question, line string) (string, error) {
	found := -1
	for n, o := range q.Options {
		if line == strconv.Itoa(n+1) || line == o.Value {
			found = n
		}
	}
	if found < 0 {
		return "", fmt.Errorf("a number from 1 to %d, please", len(q.Options))
	}
	return q.Options[found].Value, nil
}

func (p *plain) explain(q steps.Question) {
	for _, line := range explanation(q) {
		if strings.HasPrefix(line, "  ") {
			p.copied("  " + line) // a command
			continue
		}
		p.say("  %s", line)
	}
	if !q.Required && !q.Consent && q.Kind != steps.KindChoice && q.Kind != steps.KindBool && q.Kind != kindMore {
		p.say("  - for none.")
	}
}

// explanation is what there is to say about a question, as lines.
func explanation(q steps.Question) []string {
	lines := []string{q.Help}
	if q.Why != "" {
		lines = append(lines, "Why: "+q.Why)
	}
	if q.From != "" {
		lines = append(lines, "The default comes from: "+steps.CleanLine(q.From))
	}
	if len(q.Shell) > 0 {
		lines = append(lines, "By hand you would type:")
		for _, s := range q.Shell {
			lines = append(lines, "  "+s)
		}
	}
	return lines
}

// look says what the world says about an answer.
func (p *plain) look(q steps.Question) {
	for _, c := range p.machine.Look(p.ctx, q.Key, p.talk.answers) {
		p.say("  %s: %s%s", verdictWord(c.Verdict), aboutWhat(c), steps.CleanLine(c.Detail))
		for _, fix := range c.Fix {
			p.say("    %s", fix)
		}
	}
}

// aboutWhat is what a check is about, before what it says; where that names it already, it is not said twice.
func aboutWhat(c steps.Check) string {
	if c.Address == "" || strings.Contains(c.Detail, c.Address) {
		return ""
	}
	return steps.CleanLine(c.Address) + ": "
}

func verdictWord(v steps.Verdict) string {
	switch v {
	case steps.OK:
		return "ok"
	case steps.Warn:
		return "warning"
	case steps.Fail:
		return "wrong"
	}
	return "not looked at"
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
