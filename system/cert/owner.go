package cert

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ReadableBy reports whether the key of the current version has exactly the readers that it should have: root, and
// the group when there is one.
func ReadableBy(r host.Reader, site, group string) bool {
	gid, err := host.LookupGroup(r, group)
	if err != nil {
		return false
	}
	name, err := CurrentName(r, site)
	if err != nil {
		return false
	}
	key, err := r.ReadFile(path.Join(versionDir(site, name), keyFile))
	return err == nil && key.Mode.Perm() == keyMode(gid) && key.UID == 0 && key.GID == gid && passable(r, site, name, gid)
}

// passable reports whether the group can walk to the version; root always can.
func passable(r host.Reader, site, name string, gid int) bool {
	if gid == 0 {
		return true
	}
	for _, dir := range []string{siteDir(site), versionDir(site, name)} {
		d, err := r.ReadFile(dir)
		if err != nil || d.GID != gid || d.Mode.Perm()&0o050 != 0o050 {
			return false
		}
	}
	return true
}

// ensureSite makes the folders above a version where they are missing. The folder of a site takes the group that
// reads it; when the group goes away again it stays passable for the old one, whose versions may still be wanted back.
func ensureSite(h host.Host, site string, gid int) error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{{steps.StateDir, 0o711}, {steps.CertsDir, 0o750}, {siteDir(site), 0o750}} {
		if err := ensureDir(h, dir.path, host.File{Mode: fs.ModeDir | dir.mode, GID: groupOf(dir.path, gid)}); err != nil {
			return err
		}
	}
	if gid == 0 {
		return nil
	}
	if err := h.WriteFile(siteDir(site), host.File{Mode: fs.ModeDir | 0o750, GID: gid}); err != nil {
		return fmt.Errorf("cannot set the group of %s: %w", siteDir(site), err)
	}
	return nil
}

// groupOf leaves the state folder to root.
func groupOf(dir string, gid int) int {
	if dir == steps.StateDir {
		return 0
	}
	return gid
}

// ensureDir makes a folder that is not there and leaves one that is as it is.
func ensureDir(h host.Host, dir string, f host.File) error {
	present, err := h.ReadFile(dir)
	switch {
	case err == nil && present.Mode.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("cannot use %s: it is no folder", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if err := h.WriteFile(dir, f); err != nil {
		return fmt.Errorf("cannot make %s: %w", dir, err)
	}
	return nil
}
