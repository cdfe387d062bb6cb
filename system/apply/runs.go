package apply

import (
	"cmp"
	"errors"
	"path"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// run is a finished run.
type run struct {
	m      manifest
	end    result
	undone bool
}

// undoable reports a run that changed something which was not taken back yet.
func (r run) undoable() bool {
	changed := r.end.Outcome == steps.OutcomeDone || r.end.Outcome == steps.OutcomePartial || r.end.Outcome == steps.OutcomeUnverified
	return r.m.Kind == kindApply && changed && !r.end.Blank && !r.undone
}

// runIDs lists the runs that have a folder, the oldest first.
func runIDs(r host.Reader) ([]string, error) {
	f, err := r.ReadFile(steps.DoneDir)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ids := slices.DeleteFunc(slices.Clone(f.Entries), func(id string) bool { return !validID(id) })
	slices.Sort(ids)
	return ids, nil
}

// listRuns reads the finished runs, the oldest first.
func listRuns(r host.Reader) ([]run, error) {
	ids, err := runIDs(r)
	if err != nil {
		return nil, err
	}
	var runs []run
	undone := map[string]bool{}
	for _, id := range ids {
		x, err := readRun(r, id)
		if absent(err) {
			continue // never opened, or still open
		}
		if err != nil {
			return nil, err
		}
		for _, u := range x.m.Undoes {
			undone[u] = true
		}
		runs = append(runs, x)
	}
	for i := range runs {
		runs[i].undone = undone[runs[i].m.ID]
	}
	return runs, nil
}

func readRun(r host.Reader, id string) (run, error) {
	var x run
	j := newJournal(nil, manifest{ID: id})
	ended := readJSON(r, j.file(resultName), &x.end)
	if absent(ended) {
		return x, ended
	}
	var err error
	if x.m, err = readManifest(r, id); absent(err) {
		err = damaged(j.file(manifestName), errors.New("it is gone"))
	}
	return x, cmp.Or(err, ended)
}

// loaded is a finished run with everything that is needed to take it back.
type loaded struct {
	*journal
	end result
}

func loadRun(h host.Host, id string) (loaded, error) {
	j, err := load(h, id)
	if err != nil {
		return loaded{}, err
	}
	l := loaded{journal: j}
	if err := readJSON(h, j.file(resultName), &l.end); err != nil {
		return l, err
	}
	if !slices.Equal(j.numbers(), l.end.Phases) || hashOf(j.log.Bytes()) != l.end.Log {
		return l, damaged(j.dir(), errors.New("something of it is gone"))
	}
	return l, nil
}

// Runs lists the finished runs, the newest first.
func Runs(r host.Reader) ([]steps.RunRecord, error) {
	runs, err := listRuns(r)
	if err != nil {
		return nil, err
	}
	records := make([]steps.RunRecord, 0, len(runs))
	for _, x := range slices.Backward(runs) {
		records = append(records, steps.RunRecord{ID: x.m.ID, Time: x.m.Time, What: x.m.What, Outcome: x.end.Outcome, Undone: x.undone})
	}
	return records, nil
}

// Unended returns the ID of a run that is under way or never ended; "" when there is none.
func Unended(r host.Reader) (string, error) {
	s, _, err := stateAt(r, steps.JournalDir)
	if err != nil || s.Kind != kindLink {
		return "", err
	}
	return steps.CleanLine(path.Base(s.Link)), nil
}
