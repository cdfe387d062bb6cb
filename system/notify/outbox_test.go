package notify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const hookFile = "/etc/hook"

// server takes posts and answers with status.
type server struct {
	*httptest.Server
	status int
	got    []map[string]any
	header http.Header
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{status: http.StatusNoContent}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var said map[string]any
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &said); err != nil || r.URL.Path != "/secret-path" {
			t.Errorf("%s: %v %s", r.URL, err, text)
		}
		s.got, s.header = append(s.got, said), r.Header
		w.Header().Set("Location", "https://elsewhere.test/")
		w.WriteHeader(s.status)
	}))
	t.Cleanup(s.Close)
	return s
}

// put has the host know the URL, as its file for root only.
func (s *server) put(t *testing.T, h *systemtest.Host) {
	t.Helper()
	h.Put(hookFile, host.File{Data: []byte(s.URL + "/secret-path\nAuthorization: Bearer canary\n"), Mode: 0o600})
}

func newHost(t *testing.T) *systemtest.Host {
	t.Helper()
	h := systemtest.New(t)
	h.Dir(steps.StateDir, 0o711)
	return h
}

func message(about string) Message {
	return Message{Host: "web1", Site: "shop.example.com", About: about, Text: "it cannot be renewed\x1b[2J", Fixes: []string{"sudo sslwizard renew"}, Time: noon}
}

// TestEveryoneIsToldOnce: a webhook over real TLS, the server's mail program and a program of the user's; one that fails is
// tried again later, and the others are not told twice.
func TestEveryoneIsToldOnce(t *testing.T) {
	t.Parallel()
	h, s := newHost(t), newServer(t)
	s.put(t, h)
	h.Put("/opt/tell", host.File{Data: []byte("#!/bin/sh\n"), Mode: 0o755})
	to := Channels(steps.SiteNotify{Command: "/opt/tell", Webhook: hookFile, Email: "ops@example.com"})
	o := Outbox{h}
	for range 2 { // as after a kill before it was noted that it is written down
		if err := o.Add(message("notice"), "leaf", to); err != nil {
			t.Fatal(err)
		}
	}
	now := noon
	sender := &Sender{Host: h, Now: func() time.Time { return now }, HTTP: s.Client()}
	h.Expect(host.Output{}, "tell")
	h.Expect(systemtest.Exit(75, "no mail server"), "sendmail", "-i", "--", "ops@example.com")
	s.status = http.StatusInternalServerError
	results, err := o.Send(t.Context(), sender, nil, false)
	if err != nil || len(results) != 3 || results[0].Err != nil || results[1].Err == nil || results[2].Err == nil {
		t.Fatalf("%v %v", results, err)
	}
	for _, r := range results {
		if strings.Contains(fmt.Sprint(r.Err), "secret") || strings.Contains(fmt.Sprint(r.Err), "canary") {
			t.Errorf("a secret is told: %v", r.Err)
		}
	}
	waiting := Waiting(h, now)
	if len(waiting) != 1 || waiting[0].Code != "R11" || !strings.Contains(waiting[0].Text, "it answers 500") || !strings.Contains(waiting[0].Text, "no mail server") {
		t.Errorf("%+v", waiting)
	}
	if results, err = o.Send(t.Context(), sender, nil, false); err != nil || len(results) != 0 {
		t.Errorf("it is tried again at once: %v %v", results, err)
	}
	now, s.status = now.Add(again), http.StatusOK
	h.Expect(host.Output{}, "sendmail", "-i", "--", "ops@example.com")
	if results, err = o.Send(t.Context(), sender, nil, false); err != nil || len(results) != 2 || results[0].Err != nil || results[1].Err != nil {
		t.Fatalf("%v %v", results, err)
	}
	if all, _ := letters(h); len(all) != 0 || len(Waiting(h, now)) != 0 {
		t.Errorf("%v stay", all)
	}
	got := s.got[1]
	for key, want := range map[string]string{"host": "web1", "site": "shop.example.com", "about": "notice"} {
		if got[key] != want {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	text := fmt.Sprint(got["text"])
	if len(s.got) != 2 || text != got["content"] || !strings.Contains(text, "sudo sslwizard renew") || strings.Contains(text, "\x1b") || s.header.Get("Authorization") != "Bearer canary" {
		t.Errorf("%d posts: %v, %v", len(s.got), got, s.header)
	}
}

// TestAMessageIsGivenUp: one that nobody takes is kept for a week, and none is thrown away before.
func TestAMessageIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	o := Outbox{h}
	to := Channels(steps.SiteNotify{Webhook: hookFile}) // there is no such file
	const sites = 201
	for n := range sites {
		m := message("notice")
		m.Site, m.Time = fmt.Sprint(n), noon.Add(time.Duration(n)*time.Second)
		if err := o.Add(m, fmt.Sprint(n), to); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := letters(h); err != nil || len(all) != sites || !all[0].Message.Time.Equal(noon) {
		t.Fatalf("%d letters: %v", len(all), err)
	}
	now := noon
	sender := &Sender{Host: h, Now: func() time.Time { return now }}
	tries := 0
	for ; now.Before(noon.Add(keep + 12*time.Hour)); now = now.Add(rare) {
		results, err := o.Send(t.Context(), sender, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		tries += len(results)
	}
	if all, _ := letters(h); len(all) != 0 || tries < 20 || tries > 40 {
		t.Errorf("%d stay after %d tries", len(all), tries)
	}
}

// TestManyAreToldInOne: who has many sites is not sent a message for each of them, and status does not show them all.
func TestManyAreToldInOne(t *testing.T) {
	t.Parallel()
	h, s := newHost(t), newServer(t)
	s.put(t, h)
	o, to := Outbox{h}, Channels(steps.SiteNotify{Webhook: hookFile})
	add := func(about string, sites ...string) {
		t.Helper()
		for _, name := range sites {
			m := message(about)
			m.Site = name
			if err := o.Add(m, name, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []string
	for n := range 60 {
		all = append(all, fmt.Sprintf("s%03d.example.com", n))
	}
	add("notice", all...)
	add("expired", "worst.example.com")
	now := noon
	sender := &Sender{Host: h, Now: func() time.Time { return now }, HTTP: s.Client()}
	s.status = http.StatusInternalServerError
	if results, err := o.Send(t.Context(), sender, nil, false); err != nil || len(results) != 1 || results[0].Err == nil {
		t.Fatalf("%d tries: %v", len(results), err)
	}
	if found := Waiting(h, now); len(found) != shown+1 || !strings.Contains(found[shown].Text, "56 more") {
		t.Errorf("%d findings, the last of them %+v", len(found), found[len(found)-1])
	}
	now, s.status = now.Add(again), http.StatusOK
	if results, err := o.Send(t.Context(), sender, nil, false); err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("%d tries: %v", len(results), err)
	}
	last := fmt.Sprint(s.got[len(s.got)-1])
	for _, want := range []string{"61 messages in one (1 expired, 60 notice): worst.example.com, s000.example.com", "and 51 more", "about:many"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in %s", want, last)
		}
	}
	if left, _ := letters(h); len(left) != 0 || len(s.got) != 2 {
		t.Errorf("%d stay, after %d posts", len(left), len(s.got))
	}
	add("notice", all[:few]...)
	if results, err := o.Send(t.Context(), sender, nil, false); err != nil || len(results) != few {
		t.Errorf("%d messages are told in %d: %v", few, len(results), err)
	}
}

// TestAChannelThatHangs: it costs its time once in a round, keeps nobody else waiting, and the next round begins with a message that
// was not tried.
func TestAChannelThatHangs(t *testing.T) {
	t.Parallel()
	h, s := newHost(t), newServer(t)
	s.put(t, h)
	answers := make(chan struct{})
	answer := sync.OnceFunc(func() { close(answers) })
	hangs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-answers
		w.WriteHeader(http.StatusNoContent)
	}))
	hangs.TLS = s.TLS.Clone()
	hangs.StartTLS()
	t.Cleanup(func() { answer(); hangs.Close() })
	h.Put("/etc/hangs", host.File{Data: []byte(hangs.URL), Mode: 0o600})
	o, slow, quick := Outbox{h}, Channel{Webhook, "/etc/hangs"}, Channel{Webhook, hookFile}
	for n := range 3 {
		m := message("notice")
		m.Site, m.Time = fmt.Sprintf("s%d.example.com", n), noon.Add(time.Duration(n)*time.Second)
		if err := o.Add(m, "leaf", []Channel{slow, quick}); err != nil {
			t.Fatal(err)
		}
	}
	now := noon.Add(time.Minute)
	sender := &Sender{Host: h, Now: func() time.Time { return now }, HTTP: s.Client(), Patience: 5 * time.Second}
	results, err := o.Send(t.Context(), sender, nil, false)
	if err != nil || len(results) != 4 || results[0].Channel != slow || results[0].Err == nil || len(s.got) != 3 {
		t.Fatalf("%+v, %v", results, err)
	}
	if found := Waiting(h, now); len(found) != 3 || !strings.Contains(found[2].Text, "did not end in time") {
		t.Errorf("%+v", found)
	}
	answer()
	now = now.Add(again)
	results, err = o.Send(t.Context(), sender, nil, false)
	var order []string
	for _, r := range results {
		order = append(order, r.Message.Site)
	}
	if want := []string{"s1.example.com", "s2.example.com", "s0.example.com"}; err != nil || !slices.Equal(order, want) {
		t.Errorf("%v, %v", order, err)
	}
	if left, _ := letters(h); len(left) != 0 {
		t.Errorf("%+v stay", left)
	}
}

// TestWhoIsToBeToldToday: a message goes to who is named when it is sent, not to who was when it was written; who has it is not
// told again, and of a site that is no more nobody is.
func TestWhoIsToBeToldToday(t *testing.T) {
	t.Parallel()
	mistyped := Channel{Webhook, "/etc/hok"}
	right, mail := Channel{Webhook, hookFile}, Channel{Mail, "ops@example.com"}
	for name, c := range map[string]struct {
		today []Channel
		known bool
		posts int
		stays bool
	}{
		"corrected":                  {[]Channel{right, mail}, true, 1, false},
		"nobody any more":            {nil, true, 0, false},
		"the answers cannot be read": {nil, false, 0, true},
	} {
		h, s := newHost(t), newServer(t)
		s.put(t, h)
		o, now := Outbox{h}, noon
		sender := &Sender{Host: h, Now: func() time.Time { return now }, HTTP: s.Client()}
		if err := o.Add(message("notice"), "leaf", []Channel{mistyped, mail}); err != nil {
			t.Fatal(err)
		}
		h.Expect(host.Output{}, "sendmail", "-i", "--", "ops@example.com")
		if results, err := o.Send(t.Context(), sender, nil, false); err != nil || len(results) != 2 || results[0].Err == nil || results[1].Err != nil {
			t.Fatalf("%s: %v %v", name, results, err)
		}
		now = now.Add(again)
		if _, err := o.Send(t.Context(), sender, func(string) ([]Channel, bool) { return c.today, c.known }, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := letters(h); len(s.got) != c.posts || (len(left) > 0) != c.stays {
			t.Errorf("%s: %d posts, %+v stay", name, len(s.got), left)
		}
	}
}

// TestTheLatestIsTold: a message takes the place of what still waits to be told of the same site. Otherwise trouble that nobody
// could be told of came to them hours after they had read that all is well again, and trouble that came back was not told.
func TestTheLatestIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ abouts, want []string }{
		"over before it was told": {[]string{"critical", "well"}, []string{"well"}},
		"nearer the end":          {[]string{"notice", "warning"}, []string{"warning"}},
		"back again":              {[]string{"unserved", "well", "unserved"}, []string{"unserved"}},
		"written down twice":      {[]string{"notice", "notice"}, []string{"notice"}},
	} {
		h, s := newHost(t), newServer(t)
		s.put(t, h)
		o, now := Outbox{h}, noon
		sender := &Sender{Host: h, Now: func() time.Time { return now }, HTTP: s.Client()}
		send := func(times int) {
			for range times {
				if _, err := o.Send(t.Context(), sender, nil, false); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Hour)
			}
		}
		s.status = http.StatusInternalServerError
		for _, about := range c.abouts {
			m := message(about)
			m.Time = now
			if err := o.Add(m, "leaf", Channels(steps.SiteNotify{Webhook: hookFile})); err != nil {
				t.Fatal(err)
			}
			send(20) // the pause is the longest by now
		}
		s.got, s.status = nil, http.StatusOK
		send(8)
		var got []string
		for _, said := range s.got {
			got = append(got, fmt.Sprint(said["about"]))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: told %v, want %v", name, got, c.want)
		}
	}
}

// TestReplacedWhileItIsSent: a message that a newer one replaced while somebody was being told does not come back.
func TestReplacedWhileItIsSent(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	o, to := Outbox{h}, Channels(steps.SiteNotify{Webhook: hookFile})
	if err := o.Add(message("notice"), "leaf", to); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		m := message("well")
		m.Time = noon.Add(time.Second)
		if err := o.Add(m, "leaf", to); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	h.Put(hookFile, host.File{Data: []byte(s.URL), Mode: 0o600})
	if _, err := o.Send(t.Context(), &Sender{Host: h, Now: func() time.Time { return noon }, HTTP: s.Client()}, nil, false); err != nil {
		t.Fatal(err)
	}
	if all, _ := letters(h); len(all) != 1 || all[0].Message.About != "well" {
		t.Errorf("%+v wait", all)
	}
}

// TestPauses: a person who put something right does not wait, a clock that was wrong has nobody wait for years, and what
// nobody tried to send is said.
func TestPauses(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	o, now := Outbox{h}, noon
	if err := o.Add(message("notice"), "leaf", Channels(steps.SiteNotify{Webhook: hookFile})); err != nil {
		t.Fatal(err)
	}
	if found := Waiting(h, noon.Add(unsent)); len(found) != 0 {
		t.Errorf("too early: %+v", found)
	}
	if found := Waiting(h, noon.Add(unsent+1)); len(found) != 1 || !strings.Contains(found[0].Text, "nobody has tried") {
		t.Errorf("%+v", found)
	}
	sender := &Sender{Host: h, Now: func() time.Time { return now }}
	for _, step := range []struct {
		name   string
		pass   time.Duration
		atOnce bool
		tries  int
	}{
		{"the first", 0, false, 1},
		{"in the pause", time.Minute, false, 0},
		{"a person asks", 0, true, 1},
		{"in the pause, again", 0, false, 0},
		{"the clock was in the next day, and is put right", -24 * time.Hour, false, 1},
	} {
		now = now.Add(step.pass)
		if results, err := o.Send(t.Context(), sender, nil, step.atOnce); err != nil || len(results) != step.tries {
			t.Errorf("%s: %v %v", step.name, results, err)
		}
	}
}

// TestNoMessageIsTooLong: what a CA or a program says at length is cut, at the border of a letter.
func TestNoMessageIsTooLong(t *testing.T) {
	t.Parallel()
	m := message("notice")
	m.Text, m.Fixes = strings.Repeat("é", 5000), slices.Repeat([]string{"a" + strings.Repeat("ü", 5000)}, 50)
	m = m.cleaned()
	if body := m.Body(); utf8.RuneCountInString(body) > 2000 || !utf8.ValidString(body) || !strings.Contains(body, "é…") || !strings.Contains(body, "ü…") {
		t.Errorf("%d: %s", len(body), body)
	}
	for line := range strings.Lines(m.Body()) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if again := m.cleaned(); again.Text != m.Text || !slices.Equal(again.Fixes, m.Fixes) {
		t.Errorf("it is cut twice: %q", again.Text)
	}
}

// TestRedirectsAreNotFollowed: what is posted is for one server.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	h, s := newHost(t), newServer(t)
	s.put(t, h)
	s.status = http.StatusTemporaryRedirect
	err := (&Sender{Host: h, HTTP: s.Client()}).Deliver(t.Context(), Channel{Webhook, hookFile}, message("test"))
	if err == nil || !strings.Contains(err.Error(), "it answers 307") || len(s.got) != 1 {
		t.Errorf("%v", err)
	}
	if err := (&Sender{Host: h}).Deliver(t.Context(), Channel{Webhook, hookFile}, message("test")); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a server that is not trusted: %v", err)
	}
}

func TestHookFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://a.test/x\n":                     "",
		"# ours\nhttps://a.test/x\r\nX-A: 1\n":   "",
		"http://a.test/x":                        "its first line is no https URL",
		"https://u:p@a.test/x":                   "its first line is no https URL",
		"xoxb-token":                             "its first line is no https URL",
		"https://a.test/x\nX A: 1":               "a line below the URL is no header field (Name: value)",
		"https://a.test/x\nX-A: \x1b":            "a line below the URL is no header field (Name: value)",
		"https://a.test/x\nhttps://b.test/y z\n": "",
		"\n":                                     "it has no URL",
	} {
		_, err := parseHook(text)
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestUnit: what ended the renewal itself is told once, and once that it runs again; what a renewal says itself is not.
func TestUnit(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	o := Outbox{h}
	to := Channels(steps.SiteNotify{Email: "ops@example.com"})
	told := func(e Ended) string {
		t.Helper()
		if err := o.Unit(e.Wrong(), Message{Host: "web1", Time: noon}, func() ([]Channel, error) { return to, nil }); err != nil {
			t.Fatal(err)
		}
		all, err := letters(h)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, l := range all {
			texts = append(texts, l.Message.About+": "+l.Message.Text)
			if err := h.Remove(l.file); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Join(texts, "\n")
	}
	for _, step := range []struct {
		ended Ended
		want  string
	}{
		{Ended{"success", 0}, ""},
		{Ended{"exit-code", steps.ExitUnverified}, ""},
		{Ended{"exit-code", 0}, "broken: certificates are not renewed: sslwizard-renew.service failed before it began"},
		{Ended{"signal", 9}, "broken: certificates are not renewed: sslwizard-renew.service was ended (signal)"},
		{Ended{"signal", 9}, ""},
		{Ended{"exit-code", 203}, "broken: certificates are not renewed: sslwizard-renew.service ended with status 203"},
		{Ended{"exit-code", steps.ExitUnverified}, "well: the renewal of certificates runs again"},
		{Ended{"success", 0}, ""},
	} {
		if got := told(step.ended); got != step.want {
			t.Errorf("%+v: %q, want %q", step.ended, got, step.want)
		}
		if found := Findings(h); (len(found) == 1) != (step.ended.Wrong() != "") || len(found) == 1 && (found[0].Code != "R01" || len(found[0].Fix) == 0) {
			t.Errorf("%+v: status says %+v", step.ended, found)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	if err := Login(h, nil); err != nil || h.Exists(steps.LoginText) {
		t.Errorf("nothing to say is said: %v", err)
	}
	if err := Login(h, []string{"one\x1b[2J", "2", "3", "4", "5", "6", "7"}); err != nil {
		t.Fatal(err)
	}
	text := h.Content(steps.LoginText)
	if strings.Count(text, "\n") != 7 || !strings.Contains(text, "and 2 more") || strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
	if err := Login(h, nil); err != nil || h.Exists(steps.LoginText) {
		t.Errorf("it stays: %v", err)
	}
}
