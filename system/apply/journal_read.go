package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// unfinished returns the run that is open, nil when there is none.
func unfinished(h host.Host) (*journal, error) {
	s, _, err := stateAt(h, steps.JournalDir)
	if err != nil || s.Kind == kindNone {
		return nil, err
	}
	id := path.Base(s.Link)
	if s.Kind != kindLink || !validID(id) {
		return nil, damaged(steps.JournalDir, fmt.Errorf("it is not a link to a run"))
	}
	j, err := load(h, id)
	if absent(err) {
		return nil, damaged(steps.DoneDir+"/"+id, err)
	}
	if err != nil {
		return nil, err
	}
	j.opened = true
	return j, nil
}

// load reads a run.
func load(h host.Host, id string) (*journal, error) {
	m, err := readManifest(h, id)
	if err != nil {
		return nil, err
	}
	j := newJournal(h, m)
	for _, part := range []func() error{j.readPhases, j.readLog, j.check} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// readManifest reads what a run was begun for. That of a newer version may be sealed in another way: it is not ours to judge (H04).
func readManifest(r host.Reader, id string) (manifest, error) {
	var m manifest
	name := newJournal(nil, manifest{ID: id}).file(manifestName) // where it is looked for, whatever it says of itself
	err := readJSON(r, name, &m)
	switch {
	case m.Version > version:
		return m, &steps.Failure{
			Text: fmt.Sprintf("cannot read the journal of run %s: a newer sslwizard wrote it; nothing was touched", id), Code: "H04",
			Fixes: []string{"use the newer sslwizard"},
		}
	case err != nil:
		return m, err
	case m.ID != id:
		return m, damaged(name, fmt.Errorf("it is of run %q", m.ID))
	}
	return m, nil
}

// ofNewer reports that what was read is of a newer version.
func ofNewer(err error) bool {
	f, is := errors.AsType[*steps.Failure](err)
	return is && f.Code == "H04"
}

// readPhases reads the records of the phases; the first one has none when it had nothing to do.
func (j *journal) readPhases() error {
	for n := 0; ; n++ {
		var p phase
		err := readJSON(j.h, j.file(phaseName(n)), &p)
		switch {
		case absent(err) && n > 0:
			return nil
		case absent(err):
		case err != nil:
			return err
		case p.Number != n:
			return damaged(j.file(phaseName(n)), fmt.Errorf("it is of phase %d", p.Number))
		default:
			j.phases = append(j.phases, p)
		}
	}
}

// check holds the parts against each other: every entry is of the plan, and whatever was begun is in a phase.
func (j *journal) check() error {
	known := map[int]bool{-1: true}
	for _, p := range j.phases {
		for _, e := range p.Entries {
			if e.Index < 0 || e.Index >= len(j.m.Changes) {
				return damaged(j.file(phaseName(p.Number)), fmt.Errorf("the plan has no change %d", e.Index))
			}
			known[e.Index] = true
		}
	}
	for index := range j.begun {
		if !known[index] {
			return damaged(j.dir(), fmt.Errorf("the record of the change %d is gone", index))
		}
	}
	return nil
}

func (j *journal) readLog() error {
	f, err := j.h.ReadFile(j.file(eventsName))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	text, intact := unsealed(f.Data)
	if !intact {
		return damaged(j.file(eventsName), fmt.Errorf("it is not what was written"))
	}
	for line := range bytes.Lines(text) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return damaged(j.file(eventsName), err)
		}
		j.learn(r)
	}
	j.log.Write(text)
	return nil
}

// readJSON reads a file of the journal. Whatever is wrong with it, nothing is guessed (H05).
func readJSON(r host.Reader, name string, into any) error {
	f, err := r.ReadFile(name)
	if err != nil {
		return err
	}
	data, intact := unsealed(f.Data)
	if err := json.Unmarshal(data, into); err != nil {
		return damaged(name, err)
	}
	if !intact {
		return damaged(name, fmt.Errorf("it is not what was written"))
	}
	return nil
}

func damaged(name string, err error) error {
	return &steps.Failure{
		Text: "cannot read the journal: " + name + " is damaged; nothing was touched", Code: "H05", Err: err,
		Fixes: []string{"the backups of what was changed are below " + steps.DoneDir + ", the plan in manifest.json beside them"},
	}
}
