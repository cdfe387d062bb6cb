package world

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Flags that chattr(1) sets, which not every server has.
const (
	Immutable  = unix.STATX_ATTR_IMMUTABLE // the same bit as FS_IMMUTABLE_FL
	AppendOnly = unix.STATX_ATTR_APPEND    // and as FS_APPEND_FL
)

// Attribute sets an extended attribute of a file or folder of the server; name real files.
func (s *Server) Attribute(name, attribute string, value []byte) {
	s.w.t.Helper()
	if err := unix.Lsetxattr(s.path(name), attribute, value, 0); err != nil {
		s.w.t.Fatalf("server %s: cannot set %s of %s: %v", s.Suite, attribute, name, err)
	}
}

// ACL lets one more user read a file, or what is in a folder, by a POSIX ACL; with byDefault whatever is made in the
// folder from now on too.
func (s *Server) ACL(name string, uid uint32, byDefault bool) {
	s.w.t.Helper()
	info, err := os.Stat(s.path(name))
	if err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
	mode := uint16(info.Mode().Perm())
	reading := uint16(4)
	if info.IsDir() {
		reading = 5
	}
	value := binary.LittleEndian.AppendUint32(nil, 2) // the version of the format
	for _, entry := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, mode >> 6 & 7, ^uint32(0)}, {2, reading, uid}, {4, mode >> 3 & 7, ^uint32(0)}, {16, mode>>3&7 | reading, ^uint32(0)}, {32, mode & 7, ^uint32(0)}} {
		value = binary.LittleEndian.AppendUint16(value, entry.tag)
		value = binary.LittleEndian.AppendUint16(value, entry.perm)
		value = binary.LittleEndian.AppendUint32(value, entry.id)
	}
	s.Attribute(name, "system.posix_acl_access", value)
	if byDefault {
		s.Attribute(name, "system.posix_acl_default", value)
	}
}

// Flag sets a flag of chattr(1) on a file of the server, until the test ends; name real files.
func (s *Server) Flag(name string, flag int) {
	s.w.t.Helper()
	set := func(flag int) error {
		file, err := os.Open(s.path(name))
		if err != nil {
			return err
		}
		defer file.Close()
		return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flag)
	}
	if err := set(flag); err != nil {
		s.w.t.Fatalf("server %s: cannot set the flags of %s: %v", s.Suite, name, err)
	}
	s.w.t.Cleanup(func() { _ = set(0) })
}

// Had reports whether the image has something at a path, or the manifest.
func (s *Server) Had(before Manifest, name string) bool {
	if entry, changed := before[name]; changed {
		return entry.Mode != gone
	}
	_, err := os.Lstat(s.lower + name)
	return err == nil
}

// Git runs this machine's git in a folder of the server.
func (s *Server) Git(dir string, args ...string) string {
	s.w.t.Helper()
	return must(s.w.t, append([]string{"git", "-c", "safe.directory=*", "-C", s.path(dir)}, args...)...)
}
