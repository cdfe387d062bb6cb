package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// EventLine is an Event as an object of `-o json`: one line, the same for a program that reads it and for a screen that
// follows a run in another process.
type EventLine struct {
	Type    string    `json:"type"` // "event"
	Time    time.Time `json:"time"`
	Run     string    `json:"run"`
	Status  Status    `json:"status"`
	Message string    `json:"message"`
	Elapsed float64   `json:"elapsed"` // seconds
	Step    ID        `json:"step,omitempty"`
	Key     string    `json:"key,omitempty"`
	Summary string    `json:"summary,omitempty"`
	Error   string    `json:"error,omitempty"`
	Output  string    `json:"output,omitempty"`
	Check   *Check    `json:"check,omitempty"`
	Report  *Report   `json:"report,omitempty"`
}

// LineOfEvent is the line of an event.
func LineOfEvent(e Event) EventLine {
	l := EventLine{Type: "event", Time: e.Time.UTC(), Run: e.Run, Status: e.Status, Message: Clean(e.Text), Elapsed: e.Elapsed.Seconds(),
		Output: CleanLine(e.Output), Check: e.Check, Report: e.Report}
	if e.Change != nil {
		l.Step, l.Key, l.Summary = e.Change.Step(), e.Change.Key(), e.Change.Summary()
	}
	if e.Err != nil {
		l.Error = Clean(e.Err.Error())
	}
	return l
}

// Event is the event of a line. Its change is known by what it is called only.
func (l EventLine) Event() Event {
	e := Event{Time: l.Time, Run: CleanLine(l.Run), Status: l.Status, Text: Clean(l.Message), Elapsed: time.Duration(l.Elapsed * float64(time.Second)),
		Output: CleanLine(l.Output), Check: l.Check, Report: l.Report}
	if l.Key != "" {
		e.Change = called{For(l.Step), l.Key, CleanLine(l.Summary)}
	}
	if l.Error != "" {
		e.Err = errors.New(Clean(l.Error))
	}
	return e
}

// called is a change of a run in another process: its names, and nothing that could be done with.
type called struct {
	For
	key, summary string
}

func (c called) Key() string     { return c.key }
func (c called) Summary() string { return c.summary }

// ResultLine is a Result as the last object of `-o json`.
type ResultLine struct {
	Type    string    `json:"type"` // "summary"
	Time    time.Time `json:"time"`
	Run     string    `json:"run"`
	Outcome Outcome   `json:"outcome"`
	Undone  []string  `json:"undone"`
	Kept    []string  `json:"kept"`
	Reports []Report  `json:"reports"`
	Live    []string  `json:"live"` // what is live, in sentences
	Undo    string    `json:"undo"` // the run that can be undone, "" for none
	ErrorLine
}

// ErrorLine is an error with the ways on; as an object of its own it has the type "error".
type ErrorLine struct {
	Message string   `json:"error,omitempty"`
	Code    string   `json:"code,omitempty"`
	Fix     []string `json:"fix,omitempty"`
	Status  int      `json:"status"` // the exit status that goes with it
}

// LineOfError is the line of an error; nil is one without a message.
func LineOfError(outcome Outcome, err error) ErrorLine {
	l := ErrorLine{Status: ExitStatus(outcome, err)}
	if err == nil {
		return l
	}
	l.Message, l.Fix = Clean(err.Error()), Fixes(err)
	if f, ok := errors.AsType[*Failure](err); ok {
		l.Code = f.Code
	}
	return l
}

// Err is the error of a line, nil for one without a message.
func (l ErrorLine) Err() error {
	if l.Message == "" {
		return nil
	}
	return &Failure{Text: Clean(l.Message), Code: CleanLine(l.Code), Status: l.Status, Fixes: l.Fix}
}

// ReadLine reads one line of `-o json`: an event goes to sink; the result or the error that ends a run is returned with
// true. Objects of other types, and those of later versions, say nothing here.
func ReadLine(line []byte, sink func(Event)) (Result, bool, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return Result{}, false, fmt.Errorf("cannot read a line of a run: %s", CleanLine(err.Error()))
	}
	switch kind.Type {
	case "event":
		var l EventLine
		if err := json.Unmarshal(line, &l); err != nil {
			return Result{}, false, fmt.Errorf("cannot read an event: %s", CleanLine(err.Error()))
		}
		sink(l.Event())
	case "summary":
		var l ResultLine
		if err := json.Unmarshal(line, &l); err != nil {
			return Result{}, false, fmt.Errorf("cannot read how a run ended: %s", CleanLine(err.Error()))
		}
		return Result{Run: CleanLine(l.Run), Outcome: l.Outcome, Err: l.Err(), Undone: l.Undone, Kept: l.Kept, Reports: l.Reports}, true, l.Err()
	case "error":
		var l struct {
			Message string   `json:"message"`
			Code    string   `json:"code"`
			Fix     []string `json:"fix"`
			Status  int      `json:"status"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return Result{}, false, fmt.Errorf("cannot read why a run ended: %s", CleanLine(err.Error()))
		}
		return Result{}, true, ErrorLine{l.Message, l.Code, l.Fix, l.Status}.Err()
	}
	return Result{}, false, nil
}
