package apply

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// The journal is on a disk too. When that disk takes nothing more while changes are to be taken back, what the next start
// needs goes to the first of these folders that takes it: each is root's, and often on another file system.
var emergencyFolders = []string{"/root", "/var/backups", "/boot", "/run"}

const emergencyPrefix = "sslwizard-run-"

// emergency is a run's folder in one file: everything that taking the run back needs.
type emergency struct {
	Version int               `json:"version"`
	Run     string            `json:"run"`
	Files   map[string][]byte `json:"files"` // by name in the run's folder
}

func emergencyName(id string) string { return emergencyPrefix + id + ".json" }

// keep stores what was noted. When the journal's disk does not take it, it makes the emergency copy, and err becomes what
// also says where that is.
func (j *journal) keep(err error) error {
	failed := j.flush()
	if failed == nil {
		return err
	}
	f, ok := errors.AsType[*steps.Failure](err)
	if !ok {
		return err
	}
	if where, saved := j.saveElsewhere(); saved {
		f.Fixes = append(f.Fixes, "the log of this run could not be written either, so a copy of it is in "+where+": leave it there, sslwizard reads it when it goes on")
		return err
	}
	f.Fixes = append(f.Fixes, "the log of this run could not be written anywhere. "+j.byHand())
	return err
}

// saveElsewhere writes the copy and returns where it is.
func (j *journal) saveElsewhere() (string, bool) {
	text, err := json.Marshal(emergency{Version: version, Run: j.m.ID, Files: j.whole()})
	if err != nil {
		return "", false
	}
	for _, folder := range emergencyFolders {
		where := path.Join(folder, emergencyName(j.m.ID))
		if j.h.WriteFile(where, host.File{Data: sealed(append(text, '\n')), Mode: 0o600}) == nil {
			return where, true
		}
		_ = j.h.Remove(where) // it may be in its place although the disk did not store it
	}
	return "", false
}

// whole is the run's folder as it should be on the disk: from memory what is in memory, the backups from where they are.
func (j *journal) whole() map[string][]byte {
	files := map[string][]byte{}
	if j.log.Len() > 0 {
		files[eventsName] = sealed(slices.Clone(j.log.Bytes()))
	}
	put := func(name string, v any) {
		if data, err := json.MarshalIndent(v, "", " "); err == nil {
			files[name] = sealed(append(data, '\n'))
		}
	}
	put(manifestName, j.m)
	for _, p := range j.phases {
		put(phaseName(p.Number), p)
		for _, e := range p.Entries {
			for _, was := range e.Before.Paths {
				name := path.Join(backupDir, was.Before.Backup)
				if f, err := j.h.ReadFile(j.file(name)); was.Before.Backup != "" && err == nil {
					files[name] = f.Data
				}
			}
		}
	}
	return files
}

// byHand says what a person would have to put back.
func (j *journal) byHand() string {
	var made, changed []string
	for _, p := range j.phases {
		for _, e := range p.Entries {
			for _, was := range e.Before.Paths {
				if was.Before.Kind == kindNone {
					made = append(made, was.Path)
				} else if was.Before.Backup != "" {
					changed = append(changed, was.Path+" (as "+j.file(path.Join(backupDir, was.Before.Backup))+")")
				}
			}
		}
	}
	text := "By hand: "
	if len(changed) > 0 {
		text += "put back " + strings.Join(changed, ", ") + "; "
	}
	return steps.CleanLine(text + "what was not there before: " + strings.Join(made, ", "))
}

// bringBack writes the parts of an open run that its disk lost from the emergency copy, if there is one. A copy that is not
// what was written is not used.
func bringBack(h host.Host, id string) error {
	name, copied, found := emergencyOf(h, id)
	if !found {
		return nil
	}
	j := newJournal(h, manifest{ID: id})
	for _, dir := range []string{j.dir(), j.file(backupDir)} {
		if exists(h, dir) {
			continue
		}
		if err := h.WriteFile(dir, host.File{Mode: fs.ModeDir | 0o700}); err != nil {
			return diskFault(err)
		}
	}
	for part, data := range copied.Files {
		if now, err := h.ReadFile(j.file(part)); err == nil && hashOf(now.Data) == hashOf(data) {
			continue
		}
		if err := h.WriteFile(j.file(part), host.File{Data: data, Mode: 0o600}); err != nil {
			return diskFault(err)
		}
	}
	return h.Remove(name)
}

func emergencyOf(h host.Reader, id string) (string, emergency, bool) {
	for _, folder := range emergencyFolders {
		name := path.Join(folder, emergencyName(id))
		f, err := h.ReadFile(name)
		if err != nil || !f.Mode.IsRegular() || f.UID != 0 {
			continue
		}
		var e emergency
		data, intact := unsealed(f.Data)
		if !intact || json.Unmarshal(data, &e) != nil || e.Version != version || e.Run != id || !e.fits() {
			continue
		}
		return name, e, true
	}
	return "", emergency{}, false
}

// fits reports whether every part is one of a run's folder.
func (e emergency) fits() bool {
	for name := range e.Files {
		dir, base := path.Split(name)
		if path.Clean(name) != name || dir != "" && dir != backupDir+"/" || base == ".." || base == "." {
			return false
		}
	}
	return true
}
