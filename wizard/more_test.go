package wizard

import (
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// withNginx is a talk in which a step has advanced questions.
func withNginx(t *testing.T) *talk {
	t.Helper()
	k := answered(t)
	tell(t, k, "install.executor", steps.ExecutorNginx)
	return k
}

func TestMoreSettingsScreens(t *testing.T) {
	t.Parallel()
	golden(t, "step-more", func(s *shared) screen {
		s.talk = withNginx(t)
		st := newStep(s, steps.IDCerts)
		st.form.jump(len(st.form.fields) - 1)
		return st
	})
	golden(t, "step-more-open", func(s *shared) screen {
		s.talk = withNginx(t)
		st := newStep(s, steps.IDCerts)
		st.form.jump(len(st.form.fields) - 1)
		st.form.unfold()
		return st
	})
}

// The advanced questions cost no key to whoever does not want them, and one to whoever does.
func TestMoreSettings(t *testing.T) {
	t.Parallel()
	begin := func() model {
		s := themed(t, &fake{}, themes["utf8"])
		s.talk = withNginx(t)
		return newModel(s, newStep(s, steps.IDCerts))
	}
	m, _ := press(begin(), "enter")
	if at(t, m) != steps.IDSSL {
		t.Errorf("enter leads to %s:\n%s", at(t, m), m.View())
	}
	for _, key := range []string{"enter", " ", "right"} {
		m := reach(t, begin(), keyMore)
		if strings.Contains(m.View(), " > Diffie") || !strings.Contains(m.View(), "More settings (1)") {
			t.Fatalf("they are not folded:\n%s", m.View())
		}
		if m, _ = press(m, key); at(t, m) != steps.IDCerts || focused(m).q.Key != "certs.dhGroup" || strings.Contains(m.View(), "More settings") {
			t.Errorf("%q opens %q:\n%s", key, focused(m).q.Key, m.View())
		}
		m, _ = press(m, "down", " ", "enter", "esc")
		if m.talk.value("certs.dhGroup") != steps.FFDHE2048 || !strings.Contains(m.View(), "Diffie") {
			t.Errorf("%q is hidden:\n%s", m.talk.value("certs.dhGroup"), m.View())
		}
	}
}

// An answer that is not the usual one is never hidden, and neither is what is wrong.
func TestMoreSettingsThatMatterAreShown(t *testing.T) {
	t.Parallel()
	shown := func(k *talk) bool {
		s := themed(t, &fake{}, themes["utf8"])
		s.talk = k
		return slices.ContainsFunc(newStep(s, steps.IDCerts).form.fields, func(f *field) bool { return f.q.Key == "certs.dhGroup" })
	}
	k := withNginx(t)
	if shown(k) {
		t.Error("they are open for no reason")
	}
	tell(t, k, "certs.dhGroup", steps.FFDHE3072)
	if !shown(k) {
		t.Error("the group that was chosen is hidden")
	}
	tell(t, k, "certs.dhGroup", steps.DHNone)
	k.drafts["certs.dhGroup"] = "ffdhe1"
	if !shown(k) {
		t.Error("what was typed and is wrong is hidden")
	}
}

// In plain mode they are asked when somebody says so, and offered where one of them was answered.
func TestPlainMoreSettings(t *testing.T) {
	t.Parallel()
	const gate, question = "More settings (1)? yes or no ", "Diffie-Hellman group\n"
	upTo := []string{"nginx", "", "shop.example.com", "", ""}
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
		not   string
	}{
		{"enter goes on", []string{""}, []string{gate + "[no]: ", "Step 3 of 7"}, question},
		{"yes asks", []string{"y", "2"}, []string{question, "Chosen: ffdhe2048.", "Step 3 of 7"}, ""},
		{"it is explained", []string{"?", "no"}, []string{"Diffie-Hellman group. What they are now", "Step 3 of 7"}, question},
		{"back and forth", []string{"yes", "<", "no"}, []string{question, gate + "[yes]: ", "Step 3 of 7"}, ""},
		{"back from it", []string{"<"}, []string{gate + "[no]: Days that"}, question},
		{"another word", []string{"maybe", "no"}, []string{`Error: yes or no, please; not "maybe".`, "Step 3 of 7"}, question},
		{"the end", nil, []string{"input ended at more settings of certs; nothing was changed."}, question},
		{"quit", []string{"quit"}, []string{"stopped; nothing was changed."}, question},
		{"what was said is offered", []string{"y", "2", "<", "", "", ""}, []string{gate + "[yes]: "}, ""},
	} {
		said, status := converse(t, &fake{}, append(slices.Clone(upTo), c.lines...)...)
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, said)
			}
		}
		if c.not != "" && strings.Contains(said, c.not) || status != steps.ExitCancelled {
			t.Errorf("%s: exit status %d\n%s", c.name, status, said)
		}
	}
}
