package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// kept reports which attributes a backup has to keep: a user's own, ACLs, the SELinux label, capabilities. The rest
// belongs to the file system.
func kept(name string) bool {
	return strings.HasPrefix(name, "user.") || slices.Contains(
		[]string{aclAccess, aclDefault, "security.selinux", "security.capability"}, name)
}

// xattrs reads the attributes that can be read; a file system without any is no error. It is nil when there are none.
func xattrs(fd int) map[string][]byte {
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size == 0 {
		return nil
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return nil
	}
	var found map[string][]byte
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:size]), "\x00"), "\x00") {
		if value, ok := xattr(fd, name); ok && kept(name) {
			if found == nil {
				found = map[string][]byte{}
			}
			found[name] = value
		}
	}
	return found
}

func xattr(fd int, name string) ([]byte, bool) {
	size, err := unix.Fgetxattr(fd, name, nil)
	if err != nil {
		return nil, false
	}
	value := make([]byte, size)
	if size > 0 {
		size, err = unix.Fgetxattr(fd, name, value)
	}
	return value[:max(size, 0)], err == nil
}

// setXattrs sets what is given and leaves the rest. A label that the kernel does not want is left to its policy.
func setXattrs(fd int, attrs map[string][]byte) error {
	for name, value := range attrs {
		err := unix.Fsetxattr(fd, name, value, 0)
		if err != nil && name != "security.selinux" {
			return fmt.Errorf("its attribute %s cannot be set: %w", cleanLine(name), err)
		}
	}
	return nil
}

// dropACL takes away what a new file inherited from the default ACL of its folder: a key that is 0600 has to be
// readable by its owner only.
func dropACL(fd int) {
	for _, name := range []string{aclAccess, aclDefault} {
		if err := unix.Fremovexattr(fd, name); errors.Is(err, unix.ENOTSUP) {
			return
		}
	}
}
