package wizard

import (
	"context"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// focused is the field that has the focus.
func focused(m model) *field { return m.top().(*stepScreen).form.focused() }

// reach moves the focus to a question.
func reach(t *testing.T, m model, key string) model {
	t.Helper()
	for range 20 {
		if focused(m).q.Key == key {
			return m
		}
		m, _ = press(m, "tab")
	}
	t.Fatalf("%s cannot be reached:\n%s", key, m.View())
	return m
}

func paste(m model, text string) model {
	msg := keyMsg(text)
	msg.Paste = true
	m, _ = tellModel(m, msg)
	return m
}

// The keys of a list: what ends an item begins the next, ctrl+x and an emptied line take one away.
func TestListKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		keys []string
		want string
	}{
		{"a space begins the next", []string{"a.example.com", " ", "b.example.com"}, "a.example.com, b.example.com"},
		{"a comma does too", []string{"a.example.com", ",", "b.example.com"}, "a.example.com, b.example.com"},
		{"down, then typing", []string{"a.example.com", "down", "b.example.com"}, "a.example.com, b.example.com"},
		{"ctrl+x takes the line", []string{"a.example.com", " ", "b.example.com", "up", "ctrl+x"}, "b.example.com"},
		{"ctrl+x behind the last", []string{"a.example.com", " ", "b.example.com", "down", "ctrl+x"}, "a.example.com"},
		{"an emptied line goes", []string{"a.example.com", " ", "b", "backspace", "backspace"}, "a.example.com"},
		{"in the middle of an item", []string{"a.example.comb.example.com", "home", "right", "right", "right", "right", "right", "right", "right", "right", "right", "right", "right", "right", "right", " "}, "a.example.com, b.example.com"},
	} {
		m := somewhere(t, &fake{}, steps.IDCerts)
		if m, _ = press(m, c.keys...); focused(m).text() != c.want {
			t.Errorf("%s: %q", c.name, focused(m).text())
		}
		if got := m.talk.value("certs.domains"); got != c.want {
			t.Errorf("%s: the answer is %q", c.name, got)
		}
	}
}

func TestPastedListIsItems(t *testing.T) {
	t.Parallel()
	m := paste(somewhere(t, &fake{}, steps.IDCerts), "a.example.com\r\nb.example.com c.example.com,\n")
	if got := focused(m).list.items(); !slices.Equal(got, []string{"a.example.com", "b.example.com", "c.example.com"}) {
		t.Errorf("%q", got)
	}
	m = paste(somewhere(t, &fake{}, steps.IDProxy), "http://127.0.0.1:\n3000\x07\n")
	if strings.ContainsAny(focused(m).text(), "\n\x07") {
		t.Errorf("%q", focused(m).text())
	}
}

// What cannot be told from something else on a screen is not taken, and the reason is said.
func TestRefusedCharacters(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{"漢": "one column wide", "\u202e": "U+202E", "\u200b": "U+200B", "e\u0301": "one column wide"} {
		for _, id := range []steps.ID{steps.IDCerts, steps.IDProxy} {
			m := somewhere(t, &fake{}, id)
			before := strings.TrimSuffix(text, string([]rune(text)[len([]rune(text))-1]))
			m, _ = press(m, text)
			if got := focused(m).text(); !strings.HasSuffix(got, before) || strings.Contains(got, text) || !strings.Contains(m.View(), why) {
				t.Errorf("%s %q: has %q and says\n%s", id, text, got, m.top().status())
			}
			m, _ = press(m, "x")
			if strings.Contains(m.View(), why) {
				t.Errorf("%s %q: the reason stays", id, text)
			}
		}
	}
}

func TestLongPasteIsBounded(t *testing.T) {
	t.Parallel()
	m := paste(somewhere(t, &fake{}, steps.IDProxy), strings.Repeat("a", 10<<10))
	if got := len(focused(m).text()); got > longestLine {
		t.Errorf("%d characters", got)
	}
	lint(t, "long paste", "utf8", tea.WindowSizeMsg{Width: 80, Height: 24}, m.View())
	m = paste(somewhere(t, &fake{}, steps.IDCerts), strings.Repeat("a\n", 10<<10))
	lint(t, "long list", "utf8", tea.WindowSizeMsg{Width: 80, Height: 24}, m.View())
}

// Going down through a choice changes nothing; space does, and Enter takes what is under the cursor.
func TestChoice(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDSSL)
	m, _ = press(m, "down", "down")
	if m.talk.value("ssl.profile") != "intermediate" || focused(m).q.Key != "ssl.http2" {
		t.Errorf("passing by chose %q; the focus is on %s", m.talk.value("ssl.profile"), focused(m).q.Key)
	}
	m, _ = press(m, "up", "down", " ")
	if m.talk.value("ssl.profile") != "modern" {
		t.Errorf("space chose %q", m.talk.value("ssl.profile"))
	}
	m, _ = press(m, "up", "enter")
	if m.talk.value("ssl.profile") != "intermediate" || at(t, m) != steps.IDRedirect {
		t.Errorf("enter chose %q", m.talk.value("ssl.profile"))
	}
}

// A consent that is taken back is no consent, wherever one goes.
func TestConsentTakenBack(t *testing.T) {
	t.Parallel()
	m := reach(t, somewhere(t, &fake{}, steps.IDTrusted), "trusted.acceptTerms")
	m, _ = press(m, " ")
	if m.talk.value("trusted.acceptTerms") != "yes" {
		t.Fatal("space did not say yes")
	}
	m, _ = press(m, " ", "enter")
	if m.talk.value("trusted.acceptTerms") != "no" || at(t, m) != steps.IDTrusted || focused(m).q.Key != "trusted.acceptTerms" {
		t.Errorf("it is %q, the focus is on %s", m.talk.value("trusted.acceptTerms"), focused(m).q.Key)
	}
}

// Enter leads to what is still missing, not on.
func TestEnterLeadsToWhatIsMissing(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDTrusted)
	if m, _ = press(m, "enter"); at(t, m) != steps.IDTrusted || focused(m).q.Key != "trusted.acceptTerms" {
		t.Errorf("the focus is on %s", focused(m).q.Key)
	}
}

// What was found around the server can be taken with a key, one after the other.
func TestTakeWhatWasFound(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDCerts)
	if !strings.Contains(m.View(), "shop.example.com") {
		t.Errorf("what was found is not shown:\n%s", m.View())
	}
	if m, _ = press(m, "ctrl+n"); m.talk.value("certs.domains") != "shop.example.com" {
		t.Errorf("%q", m.talk.value("certs.domains"))
	}
	m = somewhere(t, &fake{}, steps.IDProxy)
	if m, _ = press(m, "backspace", "9", "ctrl+n"); m.talk.value("proxy.upstream") != "http://127.0.0.1:3000" {
		t.Errorf("%q", m.talk.value("proxy.upstream"))
	}
}

// A question that another answer brings appears, and goes again.
func TestAnswersBringQuestions(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDTrusted)
	if strings.Contains(m.View(), "Certificate file") {
		t.Fatal("it is asked already")
	}
	if m, _ = press(m, "down", " "); !strings.Contains(m.View(), "Certificate file") || strings.Contains(m.View(), "Do you agree") {
		t.Errorf("files need paths and no terms:\n%s", m.View())
	}
}

// The world is asked when somebody rests, about what stands there then; a look that nobody waits for any more is stopped.
func TestLooks(t *testing.T) {
	t.Parallel()
	var asked []string
	f := &fake{look: func(key string, a steps.Answers) []steps.Check {
		asked = append(asked, key+"="+a.Text(key))
		return []steps.Check{{Address: a.Text(key), Verdict: steps.OK, Detail: "answers from here"}}
	}}
	m := somewhere(t, f, steps.IDCerts)
	m, _ = press(m, "a.example.com")
	if !slices.Contains(asked, "certs.domains=a.example.com") || !strings.Contains(m.View(), "answers from here") {
		t.Errorf("asked %q:\n%s", asked, m.View())
	}
	m, cmd := tellModel(m, keyMsg("x"))
	stale := cmd() // somebody rested
	m, _ = tellModel(m, keyMsg("y"))
	count := len(asked)
	m, _ = press(m, "up")
	m, cmd = tellModel(m, stale)
	if cmd != nil || len(asked) != count || strings.Contains(m.View(), "answers from here") {
		t.Error("an answer that has changed was looked at")
	}
	m, _ = press(m, "ctrl+r")
	if !strings.Contains(m.View(), "answers from here") {
		t.Errorf("ctrl+r does not look again: %q", asked)
	}
}

// slowly is a machine that looks until it is told to stop.
type slowly struct{ *fake }

func (s slowly) Look(ctx context.Context, _ string, _ steps.Answers) []steps.Check {
	<-ctx.Done()
	return []steps.Check{{Detail: "half of it"}}
}

func TestALookThatNobodyWaitsForIsStopped(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDCerts)
	m.machine = slowly{&fake{t: t}}
	m, cmd := tellModel(m, keyMsg("a.example.com"))
	m, cmd = tellModel(m, cmd())
	m, _ = tellModel(m, keyMsg("x")) // or this test would never end
	if m, _ = tellModel(m, cmd()); strings.Contains(m.View(), "half of it") {
		t.Error("half a look is shown")
	}
}

// Facts that come late fill in what nobody has touched, and leave alone what somebody has, and where the cursor is.
func TestLateFactsFillIn(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	f := debian()
	f.Hostname, f.Listeners, f.Nearby = "web1", nil, steps.Nearby{}
	s.talk = newTalk(f)
	m := newModel(s, newStep(s, steps.IDCerts))
	m, _ = press(m, "mine.example.com", "tab", "down")
	later := debian()
	s.talk.learn(later)
	m, _ = settle(m, func() tea.Msg { return learntMsg{} })
	if got := s.talk.value("certs.domains"); got != "mine.example.com" || focused(m).cursor != 1 {
		t.Errorf("what was typed became %q, the cursor is on option %d", got, focused(m).cursor)
	}
	s.talk = newTalk(f)
	m = newModel(s, newStep(s, steps.IDProxy))
	s.talk.learn(later)
	if m, _ = settle(m, func() tea.Msg { return learntMsg{} }); focused(m).text() != "http://127.0.0.1:3000" {
		t.Errorf("%q", focused(m).text())
	}
}

// Whatever the world says about an answer is shown, beside the value or below it, and nothing of it twice.
func TestEveryLookIsShown(t *testing.T) {
	t.Parallel()
	long := "https://" + strings.Repeat("long.", 8) + "example.com:8443"
	for _, c := range []struct {
		id     steps.ID
		value  string
		checks []steps.Check
		want   []string
	}{
		{steps.IDProxy, "http://127.0.0.1:3000", []steps.Check{{Address: "http://127.0.0.1:3000", Verdict: steps.OK, Detail: "says hello"}}, []string{"says hello"}},
		{steps.IDProxy, "http://127.0.0.1:3000", []steps.Check{{Verdict: steps.OK, Detail: "says hello"}}, []string{"says hello"}},
		{steps.IDProxy, "http://127.0.0.1:3000", []steps.Check{{Verdict: steps.OK, Detail: "the first"}, {Verdict: steps.Warn, Detail: "the second"}}, []string{"the first", "the second"}},
		{steps.IDProxy, "http://127.0.0.1:3000", []steps.Check{{Verdict: steps.Fail, Detail: "refused", Fix: []string{"ss -ltn    shows who listens"}}}, []string{"refused", "ss -ltn"}},
		{steps.IDProxy, "http://127.0.0.1:3000", []steps.Check{{Address: "[::1]:3000", Verdict: steps.Warn, Detail: "silent"}}, []string{"[::1]:3000: silent"}},
		{steps.IDProxy, "3999", []steps.Check{{Address: "http://127.0.0.1:3999", Verdict: steps.Warn, Detail: "at http://127.0.0.1:3999: mute"}}, []string{"http://127.0.0.1:3999", "mute"}},
		{steps.IDProxy, long, []steps.Check{{Address: long, Verdict: steps.OK, Detail: "says hello"}}, []string{"says hello"}},
		{steps.IDCerts, "a.example.com, b.example.com", []steps.Check{{Address: "a.example.com", Verdict: steps.OK, Detail: "to here"}, {Address: "b.example.com", Verdict: steps.Warn, Detail: "elsewhere"}}, []string{"to here", "elsewhere"}},
		{steps.IDCerts, "a.example.com", []steps.Check{{Address: "A.example.com.", Verdict: steps.Warn, Detail: "capital"}}, []string{"capital"}},
		{steps.IDCerts, "a.example.com", []steps.Check{{Verdict: steps.Warn, Detail: "no DNS server answers"}}, []string{"no DNS server answers"}},
	} {
		for _, size := range sizes {
			m := drawn(somewhere(t, &fake{}, c.id), size)
			f := focused(m)
			f.show(c.value)
			f.say(c.value)
			f.looks = c.checks
			for _, want := range c.want {
				if got := strings.Count(m.View(), want); got != 1 {
					t.Errorf("%v %q is shown %d times:\n%s", size, want, got, m.View())
				}
			}
			lint(t, "looks", "utf8", size, m.View())
		}
	}
}

// Letters that arrive together are no name of a key: "tab" is text in a field, and three keys elsewhere.
func TestLettersTogether(t *testing.T) {
	t.Parallel()
	together := func(text string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)} }
	for _, word := range []string{"tab", "up", "down", "enter", "esc", "ctrl+c", "ctrl+g", "?", "j"} {
		m := somewhere(t, &fake{}, steps.IDCerts)
		m, _ = tellModel(m, together(word))
		if got := focused(m).text(); got != word || m.overlay != nil || at(t, m) != steps.IDCerts {
			t.Errorf("%q became %q", word, got)
		}
	}
	m := somewhere(t, &fake{}, steps.IDSSL)
	if m, _ = tellModel(m, together("jkj")); focused(m).q.Key != "ssl.profile" || focused(m).cursor != 1 {
		t.Errorf("jkj leads to option %d of %s", focused(m).cursor, focused(m).q.Key)
	}
	if m, _ = tellModel(m, together("esc")); at(t, m) != steps.IDSSL || m.overlay != nil {
		t.Error("three letters went back")
	}
}

// A change of mind about where the certificate comes from loses no path.
func TestChangesOfMind(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDTrusted)
	m, _ = press(m, "down", " ")
	m = reach(t, m, "trusted.certificate")
	m, _ = press(m, "/etc/ssl/a.pem")
	m = reach(t, backTo(m, "trusted.source"), "trusted.source")
	m, _ = press(m, "up", " ", "down", " ")
	if m = reach(t, m, "trusted.certificate"); focused(m).text() != "/etc/ssl/a.pem" || m.talk.value("trusted.certificate") != "/etc/ssl/a.pem" {
		t.Errorf("%q, %q", focused(m).text(), m.talk.value("trusted.certificate"))
	}
}

// backTo moves the focus up to a question.
func backTo(m model, key string) model {
	for focused(m).q.Key != key {
		m, _ = press(m, "shift+tab")
	}
	return m
}
