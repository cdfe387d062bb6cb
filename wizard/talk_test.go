package wizard

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// tell answers a question that has to be there.
func tell(t *testing.T, k *talk, key, text string) {
	t.Helper()
	for _, id := range steps.IDs() {
		for _, q := range k.questions(id) {
			if q.Key == key {
				if err := k.say(q, text); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
	}
	t.Fatalf("%s is not asked", key)
}

// An answer to a question that is not asked any more must not stand in the way: nobody could take it back.
func TestAnswersThatAreNotAskedAnyMore(t *testing.T) {
	t.Parallel()
	k := answered(t)
	tell(t, k, "trusted.source", steps.SourceFiles)
	tell(t, k, "trusted.certificate", "/etc/ssl/a.pem")
	tell(t, k, "trusted.key", "/etc/ssl/a.key")
	tell(t, k, "trusted.source", steps.SourceACME)
	if _, problems := k.site(); len(problems) > 0 {
		t.Errorf("files, then ACME: %v", problems)
	}
	if k.drafts["trusted.certificate"] != "/etc/ssl/a.pem" {
		t.Error("the path is lost to whoever changes their mind again")
	}
	tell(t, k, "redirect.canonical", "www.shop.example.com")
	tell(t, k, "certs.domains", "shop.example.com")
	if _, problems := k.site(); len(problems) > 0 {
		t.Errorf("a main name, then one name: %v", problems)
	}
	tell(t, k, "certs.domains", "shop.example.com, api.example.com")
	if got := k.value("trusted.email"); got != "ops@example.com" {
		t.Errorf("the e-mail address became %q", got)
	}
}

// What a step finds is said at that step, before the later ones were answered; but never before its own answers are.
func TestFindingsBeforeTheEnd(t *testing.T) {
	t.Parallel()
	f := debian()
	f.Listeners = append(f.Listeners, steps.Listener{Port: steps.Port{Number: 443, Proto: "tcp"}, PID: 7, Process: "apache2", Unit: "apache2.service"})
	k := newTalk(f)
	k.answers.Certs.Domains, k.answers.Proxy.Upstream = nil, ""
	held := false
	for _, found := range k.findings(steps.IDInstall) {
		held = held || found.Code == "N01"
	}
	if !held {
		t.Error("step 1 does not say that port 443 is held")
	}
	if found := k.findings(steps.IDProxy); found != nil {
		t.Errorf("step 5 speaks about a site without a name: %v", found)
	}
	if k.value("certs.domains") != "" || k.value("proxy.upstream") != "" || k.value("trusted.acceptTerms") != "no" {
		t.Error("what stands in for an answer became one")
	}
}

// The default of a question can depend on what was said before: who serves a name that no public CA issues for has to choose
// nothing in step 7. What a person chose stays.
func TestDefaultFollowsTheNames(t *testing.T) {
	t.Parallel()
	k := answered(t)
	questions := map[string]steps.Question{}
	for _, q := range steps.Questions(k.facts) {
		questions[q.Key] = q
	}
	say := func(key, text, want string) {
		t.Helper()
		if err := k.say(questions[key], text); err != nil {
			t.Fatal(err)
		}
		if got := k.value("trusted.source"); got != want {
			t.Errorf("with %s %s the source is %s, want %s", key, text, got, want)
		}
	}
	say("certs.domains", "app.internal", steps.SourceNone)
	if again := resumeTalk(k.facts, k.answers); again.said["trusted.source"] {
		t.Error("a default is taken for something that was said")
	}
	say("certs.domains", "shop.example.com", steps.SourceACME)
	say("certs.domains", "192.168.1.7", steps.SourceNone)
	say("trusted.source", steps.SourceACME, steps.SourceACME)
	say("certs.domains", "app.internal", steps.SourceACME)
}
