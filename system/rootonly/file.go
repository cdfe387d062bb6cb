// Package rootonly reads files that root alone may: secrets, and programs of the user's.
package rootonly

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// maxLinks is how many links are followed to a user's file ("live/NAME/fullchain.pem" of certbot is one).
const maxLinks = 10

// Linked is the file that a path leads to.
func Linked(r host.Reader, name string) (host.File, error) {
	for range maxLinks {
		f, err := r.ReadFile(path.Clean(name))
		if err != nil {
			return host.File{}, err
		}
		switch f.Mode.Type() {
		case 0:
			return f, nil
		case fs.ModeSymlink:
			if path.IsAbs(f.Link) {
				name = f.Link
			} else {
				name = path.Join(path.Dir(name), f.Link)
			}
		default:
			return host.File{}, errors.New("it is no file")
		}
	}
	return host.File{}, errors.New("it is a circle of links")
}

// Secret reads a file that nobody but root may read or write. What is found against it is in the second value, which is zero
// when nothing is.
func Secret(r host.Reader, name string) (host.File, steps.RootFile) { return read(r, name, 0o077) }

// Program looks at a program that nobody but root may write. The folders above it are looked at when it is started.
func Program(r host.Reader, name string) steps.RootFile {
	f, seen := read(r, name, 0o022)
	if seen == (steps.RootFile{}) && f.Mode.Perm()&0o100 == 0 {
		seen.Fault = "it may not be run: sudo chmod 755 " + steps.CleanLine(name)
	}
	return seen
}

func read(r host.Reader, name string, others fs.FileMode) (host.File, steps.RootFile) {
	f, err := Linked(r, name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return host.File{}, steps.RootFile{Sealed: true}
	case errors.Is(err, fs.ErrNotExist):
		return host.File{}, steps.RootFile{Absent: true}
	case err != nil:
		return host.File{}, steps.RootFile{Fault: steps.CleanLine(err.Error())}
	case f.UID != 0:
		return host.File{}, steps.RootFile{Open: "its owner, who is not root,"}
	case f.Mode.Perm()&others != 0:
		return host.File{}, steps.RootFile{Open: fmt.Sprintf("others than root (mode %04o)", f.Mode.Perm())}
	}
	return f, steps.RootFile{}
}
