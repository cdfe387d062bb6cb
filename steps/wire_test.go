package steps

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// line is a value as it is written.
func line(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEventsAcrossProcesses(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)
	rep := Report{Target: "https://shop.test", Checks: []Check{{Step: IDSSL, Name: "tls.versions", Verdict: OK}}}
	for _, e := range []Event{
		{Time: at, Run: "r", Status: Progress, Text: "waiting"},
		{Time: at, Run: "r", Status: Done, Change: WriteFile{For: For(IDSSL), Path: "/etc/x", Mode: 0o644}, Elapsed: 1500 * time.Millisecond},
		{Time: at, Run: "r", Status: Failed, Err: errors.New("no room")},
		{Time: at, Run: "r", Status: Progress, Report: &rep},
		{Time: at, Run: "r", Status: Progress, Check: &Check{Step: IDWebSockets, Name: "ws.ping", Address: "127.0.0.1:443", Verdict: Fail, Code: "W18", Fix: []string{"look"}, Elapsed: 5}},
		{Time: at, Run: "r", Status: Progress, Output: "nginx: configuration file test failed"},
	} {
		var got Event
		if _, ended, err := ReadLine(line(t, LineOfEvent(e)), func(e Event) { got = e }); ended || err != nil {
			t.Errorf("%+v: %t, %v", e, ended, err)
		}
		if e.Change != nil {
			if got.Change.Key() != e.Change.Key() || got.Change.Step() != e.Change.Step() || got.Change.Summary() != e.Change.Summary() {
				t.Errorf("%+v became %+v", e.Change, got.Change)
			}
			if _, err := EncodeChange(got.Change); err == nil {
				t.Error("a change of another process can be written into a journal")
			}
			got.Change, e.Change = nil, nil
		}
		if e.Err != nil && (got.Err == nil || got.Err.Error() != e.Err.Error()) {
			t.Errorf("%v became %v", e.Err, got.Err)
		}
		got.Err, e.Err = nil, nil
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%+v became %+v", e, got)
		}
	}
}

func TestResultsAcrossProcesses(t *testing.T) {
	t.Parallel()
	failure := &Failure{Text: "cannot obtain it", Code: "A01", Fixes: []string{"dig it    shows it"}}
	l := ResultLine{Type: "summary", Run: "r", Outcome: OutcomePartial, Undone: []string{"u"}, ErrorLine: LineOfError(OutcomePartial, failure)}
	r, ended, err := ReadLine(line(t, l), nil)
	if !ended || r.Run != "r" || len(r.Undone) != 1 || ExitStatus(r.Outcome, r.Err) != ExitUnverified || err.Error() != failure.Error() || Fixes(err)[0] != failure.Fixes[0] {
		t.Errorf("%+v, %t, %v", r, ended, err)
	}
	if _, ended, err = ReadLine([]byte(`{"type":"error","message":"another run\u001b[2J","status":75,"code":"H02"}`), nil); !ended || ExitStatus("", err) != ExitTryLater || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("%t, %v", ended, err)
	}
	for _, other := range []string{`{"type":"plan"}`, `{"type":"tomorrow"}`} {
		if _, ended, err := ReadLine([]byte(other), nil); ended || err != nil {
			t.Errorf("%s: %t, %v", other, ended, err)
		}
	}
	if _, _, err := ReadLine([]byte("{torn"), nil); err == nil {
		t.Error("half a line is read")
	}
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte(`{"type":"event","key":"k"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = ReadLine(data, func(e Event) {
			if strings.ContainsRune(e.Text+e.Output, 0x1b) || e.Change != nil && strings.ContainsRune(e.Change.Summary(), 0x1b) {
				t.Errorf("%q", e.Text)
			}
		})
	})
}
