package world

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Manifest is how a server's tree differs from its image: path → what is there. Since the image never changes, two
// equal manifests are two equal trees.
type Manifest map[string]Entry

// Entry is one thing in a tree. Without there it is nothing: a mode of zero is one that files can have.
type Entry struct {
	there    bool
	Mode     fs.FileMode
	UID, GID uint32
	Size     int64
	SHA256   string // of a file's content, or the target of a link
	Xattrs   string
	ModTime  time.Time // of files only
	touched  bool      // only ModTime differs from the image
}

// gone is the Mode of what the image has and the server has not.
const gone = fs.ModeIrregular

// volatile are the paths that a running server changes by itself, each with the reason; what is below them is not
// compared.
var volatile = map[string]string{
	"/run":                         "not on the disk",
	"/tmp":                         "scratch space",
	"/var/tmp":                     "scratch space",
	"/var/log":                     "logs",
	"/var/cache":                   "caches, of apt and ldconfig among others",
	"/var/lib/systemd":             "random seed, clock, state of timers",
	"/var/lib/apt":                 "package lists and what was installed automatically",
	"/var/lib/dpkg":                "compared by Packages instead",
	"/var/lib/sslwizard-e2e":       "ours",
	"/etc/.updated":                "systemd",
	"/var/.updated":                "systemd",
	"/etc/ld.so.cache":             "rebuilt by package triggers",
	"/root/sslwizard":              "the program under test is brought by the scenario",
	"/var/lib/private":             "systemd makes it on demand",
	"/var/lib/machines":            "systemd makes it on demand",
	"/var/lib/portables":           "systemd makes it on demand",
	"/etc/ssl/certs/java":          "rebuilt by package triggers",
	"/usr/share/python3/runtime.d": "byte code",
}

// Manifest looks at the tree.
func (s *Server) Manifest() Manifest {
	s.w.t.Helper()
	m := Manifest{}
	err := filepath.WalkDir(s.upper, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // gone while we looked: the next look will tell
			}
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, s.upper), "/")
		if _, skip := volatile[name]; skip {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		s.compare(m, name)
		if d.IsDir() && opaque(path) {
			s.hidden(m, name)
		}
		return nil
	})
	if err != nil {
		s.w.t.Fatalf("world: cannot look at the tree: %v", err)
	}
	return m
}

// compare notes what is at name if the image has something else there.
func (s *Server) compare(m Manifest, name string) {
	now, then := look(filepath.Join(s.root, name)), look(filepath.Join(s.lower, name))
	if now == then {
		return
	}
	if !now.there {
		now.Mode = gone
	}
	then.ModTime = now.ModTime
	now.touched = now == then
	m[name] = now
}

// hidden notes what the image has in a folder that was removed and made again.
func (s *Server) hidden(m Manifest, name string) {
	entries, _ := os.ReadDir(filepath.Join(s.lower, name))
	for _, entry := range entries {
		s.compare(m, filepath.Join(name, entry.Name()))
	}
}

func opaque(dir string) bool {
	value := make([]byte, 1)
	n, err := unix.Lgetxattr(dir, "trusted.overlay.opaque", value)
	return err == nil && n == 1 && value[0] == 'y'
}

// look describes what is at a path of this machine.
func look(path string) Entry {
	info, err := os.Lstat(path)
	if err != nil {
		return Entry{}
	}
	stat := info.Sys().(*syscall.Stat_t)
	e := Entry{there: true, Mode: info.Mode(), UID: stat.Uid, GID: stat.Gid, Xattrs: xattrs(path)}
	switch {
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			return Entry{}
		}
		e.Size, e.SHA256, e.ModTime = info.Size(), fmt.Sprintf("%x", sha256.Sum256(data)), info.ModTime()
	case info.Mode()&fs.ModeSymlink != 0:
		e.SHA256, _ = os.Readlink(path)
	}
	return e
}

// xattrs lists the extended attributes, without the overlay's own.
func xattrs(path string) string {
	buf := make([]byte, 4096)
	n, err := unix.Llistxattr(path, buf)
	if err != nil || n == 0 {
		return ""
	}
	var all []string
	for _, name := range strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		value := make([]byte, 4096)
		size, _ := unix.Lgetxattr(path, name, value)
		all = append(all, fmt.Sprintf("%s=%x", name, value[:max(size, 0)]))
	}
	sort.Strings(all)
	return strings.Join(all, ",")
}

// Diff lists how a tree came to differ, one line a path, sorted; nothing for two trees that are equal to the byte,
// with mode, owner, attributes and time of modification. Paths below any of except are left out.
func (m Manifest) Diff(later Manifest, except ...string) []string {
	return m.diff(later, true, except)
}

// Restored is Diff without the times: what was put back has been written again.
func (m Manifest) Restored(later Manifest, except ...string) []string {
	return m.diff(later, false, except)
}

func (m Manifest) diff(later Manifest, times bool, except []string) []string {
	names := map[string]bool{}
	for name := range m {
		names[name] = true
	}
	for name := range later {
		names[name] = true
	}
	var lines []string
	for name := range names {
		before, after := m[name], later[name]
		if !times {
			before, after = before.timeless(), after.timeless()
		}
		if before != after && !Below(name, except) {
			lines = append(lines, fmt.Sprintf("%s: %s → %s", name, before, after))
		}
	}
	sort.Strings(lines)
	return lines
}

func (e Entry) timeless() Entry {
	if e.touched {
		return Entry{}
	}
	e.ModTime = time.Time{}
	return e
}

// Below reports a path that is one of these, or in one of them.
func Below(name string, dirs []string) bool {
	for _, dir := range dirs {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// String is an entry as a test's log shows it.
func (e Entry) String() string {
	switch {
	case e == (Entry{}):
		return "as the image has it"
	case e.Mode == gone:
		return "gone"
	case e.touched:
		return "written again as the image has it"
	}
	short := e.SHA256
	if e.Mode.IsRegular() {
		short = short[:8]
	}
	return strings.TrimSpace(fmt.Sprintf("%s %d:%d %d %s %s", e.Mode, e.UID, e.GID, e.Size, short, e.Xattrs))
}

// Packages lists what dpkg knows of, one line a package with version and state.
func (s *Server) Packages() []string {
	s.w.t.Helper()
	out := s.Must("dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n")
	return strings.Split(strings.TrimSpace(out), "\n")
}
