package steps

import (
	"errors"
	"strings"
)

// Kind is how a question is asked and what its answer looks like.
type Kind string

// The kinds.
const (
	KindText     Kind = "text"
	KindBool     Kind = "bool"
	KindNumber   Kind = "number"
	KindChoice   Kind = "choice"
	KindList     Kind = "list"
	KindDuration Kind = "duration"
	KindSize     Kind = "size"
	KindHeaders  Kind = "headers"
)

// Question is one thing that is asked. The questions are the one source of the screens, the plain prompts, the
// answers file with its template and schema, and the table in the docs.
type Question struct {
	Key      string // path in the answers file: "certs.domains"
	Step     ID
	Label    string   // a few words; ends with "?" only if it is a sentence
	Help     string   // one or two sentences: what it is
	Why      string   // why the default is what it is
	Shell    []string // what a person would type or write instead, corrected
	Kind     Kind
	Options  []Option // for KindChoice
	Default  string   // in the form of Answers.Text; from the facts where they say more; "" where there is none. See After
	From     string   // where the default was seen ("listens here: node, shop.service"); "" where it is only a default
	Consent  bool     // never answered for the user
	Required bool     // has no default
	Advanced bool     // hardly anybody needs it: a person has to ask for the question; it has a default and is no consent
	// When says whether the question makes sense after these answers; nil: always.
	When func(Answers) bool
	// Else is another default that these answers call for, and in words for whom and why; "", "" where they do not.
	Else func(Answers) (value, why string)
}

// Option is one of the values of a choice.
type Option struct {
	Value, Label string
}

// Relevant reports whether the question makes sense after these answers.
func (q Question) Relevant(a Answers) bool { return q.When == nil || q.When(a) }

// After is the question with the default that holds beside these answers.
func (q Question) After(a Answers) Question {
	if q.Else != nil {
		if value, why := q.Else(a); value != "" {
			q.Default, q.From = value, why
		}
	}
	return q
}

// Check says whether the text can be the answer to this question, beside the answers that are there already. It is the
// validation of the answers file, so a screen and a file refuse the same things in the same words.
func (q Question) Check(a Answers, text string) error {
	a.origin = nil
	if err := a.Set(q.Key, text); err != nil {
		return err
	}
	_, problems := a.Site()
	for _, p := range problems {
		if p.later != "" && p.later != q.Key {
			continue // what is said later may make it right
		}
		if p.later != "" || p.Path == q.Key || strings.HasPrefix(p.Path, q.Key+"[") || q.Kind == KindHeaders && strings.HasPrefix(p.Path, q.Key+".") {
			return errors.New((&valueError{p.Text, p.Suggestion}).Error())
		}
	}
	return nil
}

// Questions returns every question of the seven steps, in order, whether it makes sense or not; Questions of a Step
// leaves out what does not.
func Questions(f Facts) []Question {
	var all []Question
	for _, s := range All() {
		all = append(all, s.(*step).all(f)...)
	}
	return all
}
