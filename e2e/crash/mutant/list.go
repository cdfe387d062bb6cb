package mutant

const (
	hostWrite = "system/host/write.go"
	journal   = "system/apply/journal.go"
	revert    = "system/apply/revert.go"
	units     = "system/apply/revert_units.go"
	leaving   = "system/apply/revert_packages.go"
	state     = "system/apply/state.go"
)

func one(name, file, old, text string) Mutant {
	return Mutant{Name: name, Text: []Replacement{{File: file, Old: old, New: text}}}
}

// Transaction are ways to break the transaction that a kill, an error or an edit has to bring to light. What only a loss of
// power shows, a file or folder that is not stored, is in Unstored.
var Transaction = []Mutant{
	one("the intent is not in the journal before the act", "system/apply/run.go", "	if !tellsItself(c) {\n		if err := s.j.flush()", "	if false {\n		if err := s.j.flush()"),
	one("the run is open before its record is there", journal, "	err := j.write(phaseName(p.Number), p)\n", "	if err := j.open(); err != nil {\n		return err\n	}\n	err := j.write(phaseName(p.Number), p)\n"),
	one("files are written in place", hostWrite, `	if err := l.writeTemp(at, temp, f); err != nil {
		unix.Unlinkat(at.fd, temp, 0)
		return err
	}
	return l.swap(at, temp, base)`, `	_ = temp
	fd, err := unix.Openat(at.fd, base, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), base)
	defer file.Close()
	if _, err := file.Write(f.Data); err != nil {
		return err
	}
	return adopt(fd, f)`),
	one("the old file is deleted before the new one is renamed", hostWrite, "	if err := unix.Renameat(at.fd, temp, at.fd, base); err != nil {", "	unix.Unlinkat(at.fd, base, 0)\n	if err := unix.Renameat(at.fd, temp, at.fd, base); err != nil {").in("install, native, own certificate"),
	one("the old link is deleted before the new one is there", hostWrite, "	if err := unix.Symlinkat(f.Link, at.fd, temp); err != nil {", "	unix.Unlinkat(at.fd, base, 0)\n	if err := unix.Symlinkat(f.Link, at.fd, temp); err != nil {").in("undo of a switch"),
	one("no backups are made", journal, "range slices.Sorted(maps.Keys(backups)) {", "range slices.Sorted(maps.Keys(backups))[:0] {").in("other answers"),
	one("an error of write is not looked at", hostWrite, "	if _, err := file.Write(f.Data); err != nil {\n		return err\n	}\n", "	_, _ = file.Write(f.Data)\n").in("nginx to native"),
	one("an error of fsync is not looked at", hostWrite, "	if err := l.sync(f); err != nil {", "	if err := l.sync(f); false {"),
	one("fsync is tried again", hostWrite, "	if err := l.sync(f); err != nil {", "	if err := l.sync(f); err != nil && l.sync(f) != nil {"),
	one("the lock is not taken", "system/apply/lock.go", "	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)\n", "	_, err := lock, error(nil)\n"),
	one("owners are not restored", state, "Mode: s.Mode, UID: s.UID, GID: s.GID, Link: s.Link,", "Mode: s.Mode, Link: s.Link,").in("other answers"),
	one("modes are not restored", state, "f := host.File{Data: data, Mode: s.Mode,", "f := host.File{Data: data, Mode: 0o600,"),
	one("attributes are not restored", state, "Link: s.Link, Xattrs: s.Xattrs}", "Link: s.Link}").in("other answers"),
	one("phases are taken back in the order in which they were made", "system/apply/undo.go", "range slices.Backward(target.phases) {", "range target.phases {").in("undo of two phases"),
	one("somebody's edit is overwritten", revert, "	case u.ours(p, b, now, seen):", "	case true:"),
	{Name: "what a killed write left is not swept", Flow: "install, nginx", Text: []Replacement{
		{File: revert, Old: "		if err := host.SweepTemps(u, path.Dir(p.Path)); err != nil {", New: "		if err := error(nil); err != nil {"},
		{File: revert, Old: "		if err := host.SweepTemps(u, dir); err != nil {", New: "		if err := error(nil); dir == \"\" {"},
	}},
	{Name: "folders of ours stay", Text: []Replacement{
		{File: revert, Old: "	u.emptyFolders(reverse)\n", New: ""},
		{File: revert, Old: "		return u.write(p.Path, p.Before)\n	case p.Before.Kind == kindDir && now.Kind == kindNone:", New: "		return nil\n	case p.Before.Kind == kindDir && now.Kind == kindNone:"},
	}},
	one("the user stays", revert, "		return u.removeUser(ctx, b.User)", "		return nil"),
	one("the user who is half gone stays so", "system/apply/user.go", "	if !half {\n", "	if half || !half {\n").in("undo, native"),
	one("the port stays open", revert, "		return u.closePort(ctx, b.Port, seen)", "		return nil"),
	one("a rule of one family stays", "system/apply/port.go", " || ufwHalf(string(out.Stdout), s.Port)", "").in("install, nginx"),
	one("what was started is not stopped", units, "			stop = append(stop, was.Unit)\n", ""),
	one("what was enabled is not disabled", units, "			disable = append(disable, was.Unit)\n", ""),
	one("what was stopped is not started", units, "			start = append(start, was.Unit)\n", "").in("native to nginx"),
	one("systemd does not read its units again", units, `			_, err := u.Run(ctx, systemctl("daemon-reload"))`, "			var err error"),
	one("nothing is reloaded on what was taken back", units, `		u.try("reload "+unit, u.reload(ctx, todo[unit]))`, "		_ = unit").in("install, native, own certificate"),
	one("what served before starts on files that are not back", "system/apply/revert_switch.go", "	if len(u.errs) > told {", "	if told < 0 {").in("undo of a switch"),
	one("the kernel's setting is not set back", "system/apply/revert_switch.go", "	if u.kernel == nil {\n		return nil\n	}\n	now", "	if u.kernel == nil || ctx != nil {\n		return nil\n	}\n	now").in("undo of a switch"),
	one("packages are installed before the journal knows which", "system/apply/packages.go", "	d.progress(\"installing \" + strings.Join(seen.Packages, \", \"))\n	return d.observe(seen)", "	return nil").in("install, nginx"),
	one("packages are removed, and their configuration stays", leaving, "== (verb == \"remove\")", "|| verb == \"remove\"").in("install, nginx"),
	one("what was cut off while it was unpacked is not unpacked again", "system/apply/revert_cutoff.go", "aptInstall(names, \"--reinstall\")", "aptInstall(names)").in("install, nginx"),
	one("dpkg stays cut off", leaving, "	if seen == nil || seen.Packages == nil || !u.dpkgCutOff()", "	if ctx != nil || !u.dpkgCutOff()").in("install, nginx"),
	one("a phase counts as taken back before it is", "system/apply/undo.go", "		if err := u.phase(ctx, p); err != nil {\n", "		j.note(record{Time: e.s.Clock(), Index: -1, What: recordBack, Text: key})\n		_ = j.flush()\n		if err := u.phase(ctx, p); err != nil {\n").in("undo, native"),
	one("an undo that was cut off is not brought to its end", "system/apply/recover.go", "	if j.m.Kind == kindUndo {\n		return e.finishUndo(ctx, j, events)", "	if j.m.Kind == kindUndo {\n		return steps.Result{}, true, j.unlink()").in("undo, native"),
	one("a run counts as taken back although not all of it is", "system/apply/settle.go", "	if revertErr != nil {", "	if revertErr != nil && res.Run == \"\" {"),
}

// Unstored are mutants that only a loss of power brings to light.
var Unstored = []Mutant{
	one("files are not stored before they are renamed", hostWrite, "	if err := l.fsync(file); err != nil {\n		return err\n	}\n", ""),
	one("folders are not stored", hostWrite, "	dir := os.NewFile(uintptr(fd), \".\")\n	defer dir.Close()\n	if err := l.fsync(dir); !errors.Is(err, unix.EINVAL) {", "	dir := os.NewFile(uintptr(fd), \".\")\n	defer dir.Close()\n	if err := error(nil); !errors.Is(err, unix.EINVAL) {"),
}
