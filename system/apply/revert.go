package apply

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// undoing takes a phase back. It can be done again after it was interrupted: every act asks the host first whether
// there is anything to take back.
type undoing struct {
	host.Host
	e      *Engine
	j      *journal // of the run whose changes are taken back
	events *feed
	begun  func(index int) bool
	// always has units reloaded even if this run did not see them reload: after a crash or a restart they may run
	// with what is being taken back.
	always bool
	// ended says that the run had come to its end: a unit that does not run now was stopped by somebody since.
	ended bool
	// refused is a unit that went on with its old configuration when it was told to reload: it never took what is being
	// taken back, so it has nothing to take again. Where it said so itself, declined, it is not even told.
	refused  string
	declined bool
	// kernel is the setting that a switch changes for a moment, as it was; nil when it is not changed.
	kernel *KernelState
	did    []string
	kept   []string
	errs   []error
}

func (e *Engine) undoing(j *journal, events *feed, begun func(int) bool, always bool) *undoing {
	return &undoing{Host: e.h, e: e, j: j, events: events, begun: begun, always: always}
}

// phase takes one phase back, in the order in which nothing is missed: units that we started stop while their files are
// there, files come back newest first, then what the package manager, the accounts and the firewall hold, then what
// runs takes its configuration again, and last the units that we stopped start, on what is theirs again. Where the phase
// handed the ports over, what served before comes back ahead of all this.
func (u *undoing) phase(ctx context.Context, p phase) error {
	reverse := slices.Clone(p.Entries)
	slices.Reverse(reverse)
	over := u.j.handsOver(p)
	back := over && u.comeBack(ctx, p, reverse)
	var stay []string
	if !over { // else its ports are another one's again
		stay = u.stayOn(ctx, p)
	}
	off := u.unitsOff(ctx, p, over, stay)
	if over {
		u.try("set the kernel back", u.undoKernel(ctx))
	}
	if !off {
		return errors.Join(u.errs...) // the next start begins again here: without its file a unit cannot be disabled any more
	}
	for _, e := range reverse {
		u.try("undo "+e.Key, u.files(e))
	}
	if !back || touchesUnits(reverse, kindNone) {
		u.daemonReload(ctx, reverse)
	}
	for _, e := range reverse {
		u.try("undo "+e.Key, u.others(ctx, e))
	}
	u.emptyFolders(reverse)
	u.reloads(ctx, p)
	u.unitsOn(ctx, p)
	return errors.Join(u.errs...)
}

// last takes back the phase that was under way when a run failed or ended early.
func (u *undoing) last(ctx context.Context) error {
	p := u.j.phases[len(u.j.phases)-1]
	u.kernel = kernelOf(p)
	return u.phase(ctx, p)
}

func (u *undoing) try(what string, err error) {
	if err != nil {
		u.errs = append(u.errs, fmt.Errorf("cannot %s: %w", what, diskFault(err)))
	}
}

// files takes back what an entry changed of files, and sweeps what an interrupted write left: one that was killed, or one whose disk
// refused the clearing away too.
func (u *undoing) files(e entry) error {
	seen := u.j.seen[e.Index]
	for _, p := range slices.Backward(e.Before.Paths) {
		if err := host.SweepTemps(u, path.Dir(p.Path)); err != nil {
			return err
		}
		if err := u.path(p, e.Before, seen); err != nil {
			return err
		}
	}
	for _, dir := range e.Before.folders() {
		if err := host.SweepTemps(u, dir); err != nil {
			return err
		}
	}
	if e.Before.Store != nil {
		return u.undoStore(e.Before.Store, seen)
	}
	return nil
}

// folders are those in which taking the change back writes beside its paths: an undo that was killed left something there.
func (b Before) folders() []string {
	var all []string
	add := func(paths []Path) {
		for _, p := range paths {
			if dir := path.Dir(p.Path); !slices.Contains(all, dir) {
				all = append(all, dir)
			}
		}
	}
	if b.User != nil {
		add(b.User.Files)
	}
	if b.Port != nil {
		add(b.Port.Saved)
	}
	if b.Packages != nil {
		add(b.Packages.Trees)
	}
	return all
}

// path takes one path back, by the rule of dpkg's configuration files: as it was before: nothing to do; as we made it:
// restored; anything else is somebody's work and stays.
func (u *undoing) path(p Path, b Before, seen *Seen) error {
	now, f, err := stateAt(u, p.Path)
	if err != nil || now.equal(p.Before) {
		return err
	}
	if now.Kind == kindDir || p.Before.Kind == kindDir {
		return u.folder(p, now, f)
	}
	if b.Store != nil && p.Before.Kind == kindLink && !exists(u, path.Join(path.Dir(p.Path), p.Before.Link)) {
		u.keepOnce(p.Path, "it stays as it is: the certificate that it pointed to before is gone")
		return nil
	}
	switch {
	case now.same(p.Before): // only mode or owner differ: a write of ours with the same content
	case u.ours(p, b, now, seen):
	default:
		return u.keepTheirs(p, now, f)
	}
	return u.write(p.Path, p.Before)
}

// ours reports whether what is at the path now is what the change made of it.
func (u *undoing) ours(p Path, b Before, now State, seen *Seen) bool {
	if p.After != nil {
		return now.same(*p.After)
	}
	mark, known := mapValue(seen, p.Path)
	switch {
	case !known:
		return true // killed before it could be observed: nobody else writes there
	case now.mark() == mark && now.Kind != kindNone:
		return true
	}
	return b.Store != nil && p.Before.Kind == kindNone && now.Kind == kindLink // a renewal moved the link of a site that goes
}

// write makes a path what it was.
func (u *undoing) write(name string, before State) error {
	if before.Kind == kindNone {
		if err := u.Remove(name); err != nil {
			return err
		}
		u.undone("removed " + name)
		return nil
	}
	data, err := u.backup(before)
	if err != nil {
		return err
	}
	if err := u.WriteFile(name, before.file(data)); err != nil {
		return err
	}
	u.undone("restored " + name)
	return nil
}

// backup reads the bytes of a file as it was. A backup that is not what was recorded is never used (X07).
func (u *undoing) backup(before State) ([]byte, error) {
	if before.Kind != kindFile {
		return nil, nil
	}
	f, err := u.ReadFile(u.j.file(path.Join(backupDir, path.Base(before.Backup))))
	if err != nil {
		return nil, fmt.Errorf("cannot read the backup: %w", err)
	}
	if hashOf(f.Data) != before.SHA256 {
		return nil, &steps.Failure{
			Text: "cannot use the backup " + u.j.file(path.Join(backupDir, before.Backup)) + ": it is not what was recorded", Code: "X07",
			Fixes: []string{"compare it with the present file by hand"},
		}
	}
	return f.Data, nil
}

// keepTheirs leaves a file that somebody edited, and puts beside it what would have been restored.
func (u *undoing) keepTheirs(p Path, now State, f host.File) error {
	switch {
	case p.Before.Kind == kindNone && now.Kind == kindFile && readByName(p.Path):
		return u.setAside(p.Path, f)
	case p.Before.Kind != kindFile:
		if now.Kind != kindNone {
			u.keepOnce(p.Path, "it was changed since; yours stays")
		}
		return nil
	}
	data, err := u.backup(p.Before)
	if err != nil {
		return err
	}
	beside := u.free(p.Path+".sslwizard-saved", p.Before)
	if now.Kind == kindNone {
		u.keepOnce(p.Path, "it was deleted since and stays so; what was there before sslwizard is in "+beside)
	} else {
		u.keepOnce(p.Path, "it was changed since; yours stays, what was there before sslwizard is in "+beside)
	}
	return u.WriteFile(beside, p.Before.file(data))
}

// readByName reports a file of our own that a server, systemd or we ourselves read for its name alone. Left in place
// without what it names (certificates, the shared file, the program), it would keep nginx from starting.
func readByName(name string) bool {
	return path.Dir(name) == steps.SitesDir ||
		strings.HasPrefix(name, "/etc/") && strings.HasPrefix(path.Base(name), "sslwizard")
}

// free returns the first of name, name-2, … at which nothing is, or already just this: an undo that goes on after an
// interruption comes by twice.
func (u *undoing) free(name string, content State) string {
	for n, try := 2, name; ; n++ {
		if now, _, err := stateAt(u, try); err != nil || now.Kind == kindNone || now.same(content) {
			return try
		}
		try = fmt.Sprintf("%s-%d", name, n)
	}
}

// setAside keeps a file of ours with somebody's edits under a name that nothing reads.
func (u *undoing) setAside(name string, f host.File) error {
	kept := u.free(name+".sslwizard-kept", stateOf(f))
	if err := u.WriteFile(kept, f); err != nil {
		return err
	}
	if err := u.Remove(name); err != nil {
		return err
	}
	u.keepOnce(name, "it was changed since; yours is in "+kept+", which nothing reads")
	return nil
}

// folder takes back a folder: one of ours goes when it is empty, one that was there gets its mode and owner back.
func (u *undoing) folder(p Path, now State, f host.File) error {
	switch {
	case p.Before.Kind == kindNone && now.Kind == kindDir:
		if len(f.Entries) > 0 {
			return nil // looked at again when everything below it was taken back
		}
		return u.write(p.Path, p.Before)
	case p.Before.Kind == kindDir && now.Kind == kindNone:
		return u.write(p.Path, p.Before)
	case now.same(p.Before) && p.After != nil && now.Mode == p.After.Mode:
		return u.write(p.Path, p.Before)
	}
	u.keepOnce(p.Path, "it was changed since; yours stays")
	return nil
}

// emptyFolders removes folders of ours that could not go before what was in them.
func (u *undoing) emptyFolders(reverse []entry) {
	for _, e := range reverse {
		for _, p := range slices.Backward(e.Before.Paths) {
			if p.Before.Kind == kindNone && p.After != nil && p.After.Kind == kindDir {
				u.try("remove the folder "+p.Path, u.emptyFolder(p.Path))
			}
		}
	}
}

func (u *undoing) emptyFolder(name string) error {
	now, f, err := stateAt(u, name)
	if err != nil || now.Kind != kindDir || name == steps.StateDir || name == steps.DoneDir {
		return err
	}
	if len(f.Entries) > 0 {
		u.keepOnce(name, "it is not empty")
		return nil
	}
	return u.write(name, State{})
}

// others takes back what is not a file. Only what was begun is touched: before that, whatever is there is somebody
// else's.
func (u *undoing) others(ctx context.Context, e entry) error {
	if !u.begun(e.Index) {
		return nil
	}
	b, seen := e.Before, u.j.seen[e.Index]
	switch {
	case b.Packages != nil:
		return u.removePackages(ctx, b.Packages, seen)
	case b.User != nil:
		return u.removeUser(ctx, b.User)
	case b.Port != nil:
		return u.closePort(ctx, b.Port, seen)
	case b.Trust:
		return u.distrust(ctx)
	}
	return nil
}

func (u *undoing) undone(text string) {
	u.did = append(u.did, steps.CleanLine(text))
	u.say(steps.Undone, text)
}

// keepOnce reports something that stays.
func (u *undoing) keepOnce(name, why string) {
	text := steps.CleanLine(name + ": " + why)
	if slices.ContainsFunc(u.kept, func(k string) bool { return k == text || strings.HasPrefix(k, name+": ") }) {
		return
	}
	u.kept = append(u.kept, text)
	u.say(steps.Kept, text)
}

func (u *undoing) say(status steps.Status, text string) {
	now := u.e.s.Clock()
	u.j.note(record{Time: now, Index: -1, What: string(status), Text: text})
	u.events.send(steps.Event{Time: now, Run: u.j.m.ID, Status: status, Text: steps.CleanLine(text)})
}
