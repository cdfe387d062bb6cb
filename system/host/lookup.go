package host

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// LookupUser returns the user and primary group ids of the named user in /etc/passwd; "" is root. The error of a name
// that is not there is fs.ErrNotExist. os/user is not used: it reads this machine's file whatever the Reader.
func LookupUser(r Reader, name string) (uid, gid int, err error) {
	if name == "" || name == "root" {
		return 0, 0, nil
	}
	ids, err := lookup(r, "/etc/passwd", "user", name, 2)
	if err != nil {
		return 0, 0, err
	}
	return ids[0], ids[1], nil
}

// LookupGroup returns the id of the named group in /etc/group; "" is root. The error of a name that is not there is
// fs.ErrNotExist.
func LookupGroup(r Reader, name string) (int, error) {
	if name == "" || name == "root" {
		return 0, nil
	}
	ids, err := lookup(r, "/etc/group", "group", name, 1)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// lookup finds "name:…:id[:id…]" in file and returns n ids, from the third field on.
func lookup(r Reader, file, what, name string, n int) ([]int, error) {
	f, err := r.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot look up the %s %s: %w", what, cleanLine(name), err)
	}
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		fields := strings.Split(line, ":")
		if fields[0] != name || len(fields) < 2+n {
			continue
		}
		ids := make([]int, n)
		for i := range ids {
			if ids[i], err = strconv.Atoi(fields[2+i]); err != nil || ids[i] < 0 {
				return nil, fmt.Errorf("cannot look up the %s %s: its line in %s is malformed", what, cleanLine(name), file)
			}
		}
		return ids, nil
	}
	return nil, fmt.Errorf("cannot find the %s %s in %s: %w", what, cleanLine(name), file, fs.ErrNotExist)
}
