package steps

import (
	"fmt"
	"strings"
)

// Explain tells in Markdown what a question, or all questions of a step, mean: what it is, why the default is what it
// is, and what a person would type instead. With an empty name it tells of everything; docs/answers.md is that text.
func Explain(name string) ([]byte, error) {
	var b strings.Builder
	for _, s := range All() {
		asked := explained(s.(*step).all(Facts{}), name)
		if len(asked) == 0 {
			continue
		}
		if len(asked) > 1 {
			fmt.Fprintf(&b, "## %s\n\n", s.Title())
		}
		for _, q := range asked {
			q.explain(&b)
		}
	}
	if b.Len() == 0 {
		return nil, unexplained(name)
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n"), nil
}

func unexplained(name string) error {
	f := &Failure{Text: "cannot explain \"" + CleanLine(name) + "\": there is no such key or step", Status: ExitUsage,
		Fixes: []string{"sslwizard answers explain    tells of all of them"}}
	if like := nearest(name, explainable()); like != "" {
		f.Fixes = append([]string{"sslwizard answers explain " + like}, f.Fixes...)
	}
	return f
}

// explained are the questions that a name means: one key, or a step.
func explained(all []Question, name string) []Question {
	var some []Question
	for _, q := range all {
		if name == "" || q.Key == name || string(q.Step) == name {
			some = append(some, q)
		}
	}
	return some
}

func explainable() []string {
	var names []string
	for _, id := range IDs() {
		names = append(names, string(id))
	}
	for _, q := range Questions(Facts{}) {
		names = append(names, q.Key)
	}
	return names
}

func (q Question) explain(b *strings.Builder) {
	label := q.Label
	if !strings.HasSuffix(label, "?") {
		label += "."
	}
	fmt.Fprintf(b, "### %s\n\n%s %s\n\n", q.Key, label, strings.TrimSpace(q.Help+" "+q.Why))
	fmt.Fprintf(b, "- %s\n", q.standard())
	if q.Advanced {
		b.WriteString("- among \"More settings\" when a person is asked\n")
	}
	for _, o := range q.Options {
		fmt.Fprintf(b, "- `%s`: %s\n", o.Value, strings.TrimSpace(o.Label))
	}
	if len(q.Shell) > 0 {
		b.WriteString("\nBy hand:\n\n")
		for _, line := range q.Shell {
			fmt.Fprintf(b, "    %s\n", line)
		}
	}
	b.WriteString("\n")
}

// standard says what holds when the file is silent.
func (q Question) standard() string {
	switch {
	case q.Consent:
		return "never assumed: it has to be said where it is needed"
	case q.Required:
		return "has to be said"
	case q.Default == "":
		return "default: empty"
	}
	return "default: `" + q.Default + "`"
}
