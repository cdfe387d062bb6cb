package wizard

import (
	"errors"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// talk is what has been said so far, however it was asked: the screens and the plain lines share it.
type talk struct {
	facts   steps.Facts
	answers steps.Answers
	said    map[string]bool   // keys that a person or a file has answered
	drafts  map[string]string // what was typed and is no answer yet
}

// newTalk begins with the defaults, and with what the facts suggest in place of what has none.
func newTalk(f steps.Facts) *talk {
	t := &talk{facts: f, answers: steps.Defaults(), said: map[string]bool{}, drafts: map[string]string{}}
	t.suggest()
	return t
}

// resumeTalk goes on from answers that were kept or given.
func resumeTalk(f steps.Facts, a steps.Answers) *talk {
	t := &talk{facts: f, answers: a, said: map[string]bool{}, drafts: map[string]string{}}
	for _, q := range steps.Questions(f) {
		t.said[q.Key] = a.Text(q.Key) != "" && (q.Required || a.Text(q.Key) != q.After(a).Default)
	}
	t.suggest()
	return t
}

// learn takes facts that came later. What somebody has said already stays.
func (t *talk) learn(f steps.Facts) {
	t.facts = f
	t.suggest()
}

// suggest fills in what nobody has said, except what only a person may say.
func (t *talk) suggest() {
	for _, q := range steps.Questions(t.facts) {
		t.fill(q)
	}
}

// fill takes the default that holds beside the answers so far.
func (t *talk) fill(q steps.Question) {
	if q = q.After(t.answers); q.Default == "" || q.Consent || t.said[q.Key] {
		return
	}
	_ = t.answers.Set(q.Key, q.Default) // a default that does not fit is none
}

// questions are those of a step that make sense now.
func (t *talk) questions(id steps.ID) []steps.Question {
	for _, s := range steps.All() {
		if s.ID() == id {
			return s.Questions(t.answers, t.facts)
		}
	}
	return nil
}

// value is the present answer in the form of Answers.Text.
func (t *talk) value(key string) string { return t.answers.Text(key) }

// say answers a question; an answer that cannot be right is not taken.
func (t *talk) say(q steps.Question, text string) error {
	if err := q.Check(t.answers, text); err != nil {
		return err
	}
	if err := t.answers.Set(q.Key, text); err != nil {
		return err
	}
	t.said[q.Key] = true
	for _, q := range steps.Questions(t.facts) {
		if q.Else != nil {
			t.fill(q) // another default may fit now
		}
	}
	t.tidy()
	return nil
}

// tidy gives up answers to questions that make no sense any more, where they would keep the rest from being a site: the
// path of a certificate after all when one is asked from a CA, the main name of a site that has one name.
func (t *talk) tidy() {
	for _, q := range steps.Questions(t.facts) {
		value := t.answers.Text(q.Key)
		if q.Relevant(t.answers) || value == "" || q.Check(t.answers, value) == nil {
			continue
		}
		t.drafts[q.Key] = value // it is offered again when the question is
		_ = t.answers.Set(q.Key, steps.Defaults().Text(q.Key))
		delete(t.said, q.Key)
	}
}

// withdraw takes an answer back that may only be given on purpose.
func (t *talk) withdraw(q steps.Question) {
	_ = t.answers.Set(q.Key, q.Default)
	delete(t.said, q.Key)
}

// missing is the first question of a step that has no answer that can be right, with what is wrong.
func (t *talk) missing(id steps.ID) (steps.Question, error) {
	for _, q := range t.questions(id) {
		value := t.value(q.Key)
		if q.Required && value == "" {
			return q, errors.New("this has to be said")
		}
		if err := q.Check(t.answers, value); err != nil {
			return q, err
		}
	}
	return steps.Question{}, nil
}

// session is what is kept of the talk while a step is open.
func (t *talk) session(open steps.ID) steps.Session {
	return steps.Session{Answers: steps.PrintAnswers(t.answers), Step: open, Time: time.Now()}
}

// site is the whole answer, when it is one.
func (t *talk) site() (steps.Site, []steps.Problem) { return t.answers.Site() }

// findings are what a step says about the answers on this server, once those up to this step can be part of a site. What
// later steps will ask for is stood in for: who holds port 443 has to be said in step 1, not after step 7.
func (t *talk) findings(id steps.ID) []steps.Finding {
	site, problems := t.supposed(id).Site()
	if len(problems) > 0 {
		return nil
	}
	for _, s := range steps.All() {
		if s.ID() == id {
			return s.Check(site, t.facts)
		}
	}
	return nil
}

// supposed are the answers with something in the place of what has to be said after a step.
func (t *talk) supposed(id steps.ID) steps.Answers {
	stand := map[string]string{"certs.domains": "site.example.com", "proxy.upstream": "http://127.0.0.1:3000", "trusted.acceptTerms": "yes",
		"trusted.source": "none", "trusted.certificate": "/cert.pem", "trusted.key": "/key.pem"}
	a, after := t.answers, false
	for _, s := range steps.IDs() {
		for _, q := range t.questions(s) {
			if value := stand[q.Key]; after && value != "" && q.Check(a, a.Text(q.Key)) != nil {
				_ = a.Set(q.Key, value)
			}
		}
		after = after || s == id
	}
	return a
}
