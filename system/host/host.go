// Package host is the one door to the machine: every read, write and command of sslwizard goes through a Reader or a
// Host. Nothing else in the project writes files outside tests or starts programs.
package host

import (
	"context"
	"io/fs"
	"time"
)

// Reader is the half that a preview gets: by its type it cannot write.
type Reader interface {
	// ReadFile returns what is at path without following a final symlink: a regular file with its content, a link
	// with its target, a folder with its entries. It fails with fs.ErrNotExist when nothing is there.
	ReadFile(path string) (File, error)
	// Query runs a command that changes nothing. The error is nil whenever it ran to its end; its exit status is in
	// Output.
	Query(context.Context, Command) (Output, error)
}

// Host is the whole machine. Its methods are safe for concurrent use.
type Host interface {
	Reader
	// WriteFile makes path be f, atomically: temp file beside the target, owner, mode, content, fsync, rename, fsync of
	// the folder. With fs.ModeDir it makes the folder (its parent must be there) or sets the mode and owner of one that
	// is; with fs.ModeSymlink it makes a link to f.Link.
	WriteFile(path string, f File) error
	// Remove removes a file, a link or an empty folder; nothing there is no error.
	Remove(path string) error
	// Run runs a command that changes something. An exit status other than 0 is a *CommandError.
	Run(context.Context, Command) (Output, error)
}

// File is a file, a folder or a link, as Mode's type bits say.
type File struct {
	Data    []byte
	Mode    fs.FileMode // permission and type bits
	UID     int
	GID     int
	Link    string   // target of a link
	Entries []string // names in a folder, sorted
	Xattrs  map[string][]byte
	ModTime time.Time // read only
}

// Command is argv, never a shell. Argv[0] is a bare program name; the host finds it in fixed folders. The environment
// is made from scratch (PATH, LANG=C.UTF-8) and Env is added to it. Stdin is a file in memory
// that the command may also open as /dev/stdin; without it, /dev/null.
type Command struct {
	Argv []string
	// Program is the absolute path of a program of the user's own, run in place of Argv[0]: root's, and writable by nobody
	// else, as every folder above it.
	Program string
	Env     []string
	Stdin   []byte
	Timeout time.Duration // 0: one minute
	// Said gets what the command writes, line by line as it comes: cleaned, bounded, never two at once. May be nil.
	Said func(line string)
}

// Output is what a command said; each stream is cut at 1 MiB.
type Output struct {
	Stdout []byte
	Stderr []byte
	Status int
}
