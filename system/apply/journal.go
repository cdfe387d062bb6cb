package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// version of the journal's format. A newer one is never touched (H04).
const version = 1

// What a run is.
const (
	kindApply = "apply"
	kindUndo  = "undo"
)

// manifest is what a run sets out to do; written before anything else, never changed.
type manifest struct {
	Version  int               `json:"version"`
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"`
	Kind     string            `json:"kind"`
	What     string            `json:"what"`
	Executor string            `json:"executor,omitempty"`
	Sites    []string          `json:"sites,omitempty"`
	Changes  []json.RawMessage `json:"changes,omitempty"` // the whole plan
	Undoes   []string          `json:"undoes,omitempty"`  // newest first
	Kernel   *KernelState      `json:"kernel,omitempty"`  // of an undo: what it changes for a moment, as it was
	Receipt  receipt           `json:"receipt"`           // before the run
}

// phase is what one phase is about to change, as it was. The record of a phase is the commit of the one before it.
type phase struct {
	Number  int     `json:"number"`
	Entries []entry `json:"entries"`
}

// entry is one change that has something to do.
type entry struct {
	Index  int          `json:"index"` // in the plan
	Key    string       `json:"key"`
	Action steps.Action `json:"action"`
	Before Before       `json:"before"`
}

// result is how a run ended.
type result struct {
	Outcome  steps.Outcome `json:"outcome"`
	Time     time.Time     `json:"time"`
	Error    string        `json:"error,omitempty"`
	Reverted []int         `json:"reverted,omitempty"` // phases that were taken back
	Blank    bool          `json:"blank,omitempty"`    // nothing of what it did is left: no other phase changed anything
	Undone   []string      `json:"undone,omitempty"`
	Kept     []string      `json:"kept,omitempty"`
	Receipt  receipt       `json:"receipt"`          // after the run
	Phases   []int         `json:"phases,omitempty"` // those that there are
	Log      string        `json:"log"`              // SHA-256 of what was noted in events.jsonl
}

// record is one line of events.jsonl, which ends with its seal.
type record struct {
	Time  time.Time `json:"time"`
	Index int       `json:"index"` // change in the plan; -1: the run
	What  string    `json:"what"`  // a steps.Status, "intent", "seen" or "back"
	Text  string    `json:"text,omitempty"`
	Seen  *Seen     `json:"seen,omitempty"`
}

const (
	recordIntent = "intent"
	recordSeen   = "seen"
	recordBack   = "back" // of an undo: a phase of another run is taken back
)

// journal is a run's folder.
type journal struct {
	h      host.Host
	m      manifest
	log    bytes.Buffer
	begun  map[int]bool
	seen   map[int]*Seen
	back   map[string]bool // of an undo: the phases that are taken back, as "RUN/phase-N.json"
	phases []phase
	opened bool
	unit   []byte // steps.RecoverService while it is open
}

func (j *journal) dir() string             { return path.Join(steps.DoneDir, j.m.ID) }
func (j *journal) file(name string) string { return path.Join(j.dir(), name) }
func phaseName(n int) string               { return fmt.Sprintf("phase-%d.json", n) }

const (
	manifestName = "manifest.json"
	resultName   = "result.json"
	eventsName   = "events.jsonl"
	backupDir    = "bk"
)

// create makes the run's folder with its manifest. Nothing refers to it yet. A folder that is there is written as it is: who
// made it, the lock for one, may not have had the disk store its name, and all that is below would go with it.
func (j *journal) create() error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{{steps.StateDir, 0o711}, {steps.DoneDir, 0o700}, {j.dir(), 0o700}, {j.file(backupDir), 0o700}} {
		f, err := j.h.ReadFile(dir.path)
		if absent(err) {
			f, err = host.File{Mode: fs.ModeDir | dir.mode}, nil
		}
		if err != nil {
			return err
		}
		if err := j.h.WriteFile(dir.path, f); err != nil {
			return err
		}
	}
	return j.write(manifestName, j.m)
}

// begin stores a phase with its backups and, for the first one, opens the run. After it the host may be changed.
func (j *journal) begin(p phase, backups map[string]host.File) error {
	for _, name := range slices.Sorted(maps.Keys(backups)) {
		f := backups[name]
		if err := j.h.WriteFile(j.file(path.Join(backupDir, name)), host.File{Data: f.Data, Mode: 0o600}); err != nil {
			return err
		}
	}
	err := j.write(phaseName(p.Number), p)
	if err != nil && !j.withdraw(phaseName(p.Number)) {
		j.phases = append(j.phases, p) // it is on the disk, so it counts, although nothing of it is done
	}
	if err != nil {
		return err
	}
	j.phases = append(j.phases, p)
	return j.open()
}

// withdraw removes a file whose writing failed, and reports whether it is gone: a write can fail after the file is in
// its place, and whoever recovers would take it for true.
func (j *journal) withdraw(name string) bool {
	err := j.h.Remove(j.file(name))
	return err == nil || !exists(j.h, j.file(name))
}

// open makes the link that says that this run is under way.
func (j *journal) open() error {
	if j.opened {
		return nil
	}
	link := host.File{Mode: fs.ModeSymlink | fs.ModePerm, Link: path.Join(path.Base(steps.DoneDir), j.m.ID)}
	if err := j.h.WriteFile(steps.JournalDir, link); err != nil {
		return err
	}
	j.opened = true
	return j.guard()
}

func (j *journal) write(name string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	return j.h.WriteFile(j.file(name), host.File{Data: sealed(append(data, '\n')), Mode: 0o600})
}

// numbers are those of the phases.
func (j *journal) numbers() []int {
	var all []int
	for _, p := range j.phases {
		all = append(all, p.Number)
	}
	return all
}

// note adds a line; it is on the disk after the next flush.
func (j *journal) note(r record) {
	r.Text = steps.Clean(r.Text)
	line, err := json.Marshal(r)
	if err != nil {
		return // a record holds nothing that cannot be encoded
	}
	j.log.Write(append(line, '\n'))
	j.learn(r)
}

func (j *journal) learn(r record) {
	switch r.What {
	case recordIntent:
		j.begun[r.Index] = true
	case recordSeen:
		j.seen[r.Index] = j.seen[r.Index].with(r.Seen)
	case recordBack:
		j.back[r.Text] = true
	}
}

// with is what is known after more was seen.
func (s *Seen) with(more *Seen) *Seen {
	if s == nil || more == nil {
		return more
	}
	both := *s
	if more.Packages != nil {
		both.Packages = more.Packages
	}
	if more.Files != nil {
		both.Files = more.Files
	}
	return &both
}

// flush stores what was noted, sealed as the other records are: a line that is lost or means another change would leave
// behind what it was about.
func (j *journal) flush() error {
	if j.log.Len() == 0 {
		return nil
	}
	return j.h.WriteFile(j.file(eventsName), host.File{Data: sealed(bytes.Clone(j.log.Bytes())), Mode: 0o600})
}

// close stores the result and takes the link away: the run is over. The result is what counts: a link that cannot be
// taken away is taken away by the next start.
func (j *journal) close(res result) error {
	if err := j.flush(); err != nil {
		return err
	}
	res.Phases, res.Log = j.numbers(), hashOf(j.log.Bytes())
	if err := j.write(resultName, res); err != nil {
		if !j.withdraw(resultName) {
			return nil
		}
		return err
	}
	_ = j.unlink()
	return nil
}

func (j *journal) unlink() error {
	if err := j.unguard(); err != nil {
		return err
	}
	if err := j.h.Remove(steps.JournalDir); err != nil {
		return err
	}
	j.opened = false
	return nil
}

// discard removes a run that did nothing. What is left of it is swept when the next run begins.
func (j *journal) discard() {
	if s, _, err := stateAt(j.h, steps.JournalDir); err != nil || s.Kind == kindLink && path.Base(s.Link) == j.m.ID && j.unlink() != nil {
		return // it is open, and stays so with all that recovering it needs
	}
	_ = removeAll(j.h, j.dir())
}

func removeAll(h host.Host, root string) error {
	var all []string
	if err := walk(h, root, func(p string, _ host.File) { all = append(all, p) }); err != nil {
		return err
	}
	for _, p := range slices.Backward(all) {
		if err := h.Remove(p); err != nil {
			return err
		}
	}
	return nil
}

func newJournal(h host.Host, m manifest) *journal {
	return &journal{h: h, m: m, begun: map[int]bool{}, seen: map[int]*Seen{}, back: map[string]bool{}}
}
