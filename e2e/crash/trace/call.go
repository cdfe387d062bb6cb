//go:build linux && amd64

package trace

import (
	"fmt"
	"strings"
	"syscall"
)

// Call is one system call that can change a file. Paths are absolute, as the caller sees them, links in folders not
// followed; of a call on an open file it is the name that the file has at that moment.
type Call struct {
	N     int    // from 1, in the order of the calls
	PID   int    // thread
	Name  string // "renameat", "write"; the …at and …64 forms as the program used them
	Path  string
	To    string // new name of a rename, link or symlink (whose target is in Data)
	Data  []byte // what is written, the link's target, or the attribute's value; only when recording
	At    int64  // where in the file it is written, in bytes; -1: at its end
	Flags uint64 // of open, rename and unlink
	Mode  uint32 // of open, mkdir and chmod
	UID   int    // of chown; -1: as it is
	GID   int
	Attr  string        // name of an extended attribute
	Size  int64         // of truncate
	FD    int           // of calls on an open file; what open returned
	Errno syscall.Errno // how it failed; 0: it did not
}

// String is the call in a line: "12 renameat /etc/.x → /etc/x".
func (c Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s", c.N, c.Name, c.Path)
	if c.To != "" {
		fmt.Fprintf(&b, " → %s", c.To)
	}
	if c.Errno != 0 {
		fmt.Fprintf(&b, ": %v", c.Errno)
	}
	return b.String()
}
