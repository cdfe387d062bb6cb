package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// rooted is a machine in a temporary folder, and the folder.
func rooted(t *testing.T) (*Linux, string) {
	t.Helper()
	dir := t.TempDir()
	return New(dir), dir
}

// mine is a file that the testing user may create.
func mine(data string, mode fs.FileMode) File {
	return File{Data: []byte(data), Mode: mode, UID: os.Geteuid(), GID: os.Getegid()}
}

func TestWriteFileMakesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	link := mine("", fs.ModeSymlink|0o777)
	link.Link = "b"
	for _, c := range []struct {
		path string
		file File
	}{
		{"/d", mine("", fs.ModeDir|0o750)},
		{"/d/key", mine("secret", 0o600)},
		{"/d/key", mine("other", 0o640)},
		{"/d/tool", mine("x", 0o755|fs.ModeSetuid)},
		{"/d/link", link},
		{"/d", mine("", fs.ModeDir|fs.ModeSticky|0o711)},
	} {
		if err := l.WriteFile(c.path, c.file); err != nil {
			t.Fatal(err)
		}
		got, err := l.ReadFile(c.path)
		if err != nil || got.Mode != c.file.Mode || !bytes.Equal(got.Data, c.file.Data) || got.Link != c.file.Link ||
			got.UID != c.file.UID || got.GID != c.file.GID {
			t.Errorf("%s is %+v, %v; want %+v", c.path, got, err, c.file)
		}
	}
	assertNoTemps(t, filepath.Join(dir, "d"))
}

func assertNoTemps(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if IsTemp(e.Name()) {
			t.Errorf("left over: %s", e.Name())
		}
	}
}

// Whoever recovers removes what IsTemp says: all that an interrupted write leaves, and nothing of somebody else.
func TestIsTemp(t *testing.T) {
	t.Parallel()
	for range 100 {
		if name := tempName(); !IsTemp(name) {
			t.Errorf("%s is not taken for a temporary file", name)
		}
	}
	for _, name := range []string{"", tempPrefix, tempPrefix + "notes", tempPrefix + "ABC", tempName() + ".bak", tempName() + "A", "x" + tempName(),
		tempPrefix + strings.Repeat("a", 26), tempPrefix + strings.Repeat("1", 26)} {
		if IsTemp(name) {
			t.Errorf("%q is taken for a temporary file", name)
		}
	}
}

func TestOwnersAreSet(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	t.Parallel()
	l, _ := rooted(t)
	link := File{Mode: fs.ModeSymlink | 0o777, Link: "x", UID: 7, GID: 8}
	for path, f := range map[string]File{"/f": {Mode: 0o640, UID: 7, GID: 8}, "/d": {Mode: fs.ModeDir | 0o750, UID: 7, GID: 8}, "/l": link} {
		if err := l.WriteFile(path, f); err != nil {
			t.Fatal(err)
		}
		if got, err := l.ReadFile(path); err != nil || got.UID != 7 || got.GID != 8 || got.Mode != f.Mode {
			t.Errorf("%s is %v %d:%d, %v", path, got.Mode, got.UID, got.GID, err)
		}
	}
}

func TestOtherKindsAreNotReplaced(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	link := mine("", fs.ModeSymlink|0o777)
	link.Link = "x"
	for path, f := range map[string]File{
		"/link": mine("x", 0o644), "/folder": mine("x", 0o644), "/pipe": mine("x", 0o644), "/file": link,
	} {
		if err := l.WriteFile(path, f); err == nil || !strings.Contains(err.Error(), "not replaced") {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"/link", "/file", "/pipe"} {
		if err := l.WriteFile(path, mine("", fs.ModeDir|0o755)); err == nil {
			t.Errorf("%s became a folder", path)
		}
	}
	assertNoTemps(t, dir)
}

func TestReadFileKnowsKinds(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.Symlink("folder", filepath.Join(dir, "link")))
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "folder", "b"), []byte("b"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "folder", "a"), nil, 0o644))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	must(t, os.Symlink("/folder", filepath.Join(dir, "absolute")))
	if f, err := l.ReadFile("/link"); err != nil || f.Link != "folder" || f.Mode.Type() != fs.ModeSymlink {
		t.Errorf("link: %+v, %v", f, err)
	}
	if f, err := l.ReadFile("/folder"); err != nil || !slices.Equal(f.Entries, []string{"a", "b"}) {
		t.Errorf("folder: %+v, %v", f, err)
	}
	if f, err := l.ReadFile("/pipe"); err != nil || f.Mode.Type() != fs.ModeNamedPipe {
		t.Errorf("pipe: %+v, %v", f, err)
	}
	for _, path := range []string{"/link/b", "/absolute/b"} { // an absolute link stays below the root
		if f, err := l.ReadFile(path); err != nil || string(f.Data) != "b" {
			t.Errorf("%s: %+v, %v", path, f, err)
		}
	}
	for _, path := range []string{"/nothing", "/nothing/below", "/folder/nothing"} {
		if _, err := l.ReadFile(path); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot read /") {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"relative", "/a/../b", "/a/", ""} {
		if _, err := l.ReadFile(path); err == nil {
			t.Errorf("%q was read", path)
		}
	}
}

func TestReadFileReadsProc(t *testing.T) {
	t.Parallel()
	f, err := New("").ReadFile("/proc/self/stat")
	if err != nil || len(f.Data) == 0 {
		t.Errorf("got %d bytes, %v", len(f.Data), err)
	}
}

func TestLoopsOfLinksEnd(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	if _, err := l.ReadFile("/loop/x"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v", err)
	}
	if err := l.WriteFile("/loop/x", mine("", 0o644)); !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v", err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.MkdirAll(filepath.Join(dir, "full/empty"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	if err := l.Remove("/full"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a folder with entries: %v", err)
	}
	for _, path := range []string{"/full/empty", "/full", "/link", "/file", "/file", "/no/parent"} {
		if err := l.Remove(path); err != nil {
			t.Error(err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left over: %v", entries)
	}
}

// A failed fsync leaves the old file, no temporary one, and is not tried again.
func TestFailedSyncIsFinal(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, l.WriteFile("/f", mine("old", 0o644)))
	calls := 0
	l.sync = func(*os.File) error { calls++; return &fs.PathError{Op: "sync", Path: "x", Err: unix.EIO} }
	err := l.WriteFile("/f", mine("new", 0o644))
	if !errors.Is(err, unix.EIO) || calls != 1 || err.Error() != "cannot write /f: the disk did not store it: input/output error" {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "f")); string(got) != "old" {
		t.Errorf("the file is %q", got)
	}
	assertNoTemps(t, dir)
}

func TestRootWritesOnlyWhereOthersCannot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: who owns a folder matters for root only")
	}
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "open"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "open"), 0o777))
	must(t, os.MkdirAll(filepath.Join(dir, "open", "below"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "theirs"), 0o755))
	must(t, os.Chown(filepath.Join(dir, "theirs"), 1234, 0))
	must(t, os.Symlink("open", filepath.Join(dir, "link")))
	must(t, os.MkdirAll(filepath.Join(dir, "group", "below"), 0o755))
	must(t, os.Chown(filepath.Join(dir, "group"), 0, 1234))
	must(t, os.Chmod(filepath.Join(dir, "group"), 0o775))
	must(t, os.Mkdir(filepath.Join(dir, "wheel"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "wheel"), 0o775))
	l := New("")
	for _, name := range []string{"open", "open/below", "theirs", "link", "group", "group/below"} {
		var unsafe *FolderError
		err := l.WriteFile(filepath.Join(dir, name, "key"), mine("secret", 0o600))
		if !errors.As(err, &unsafe) || !strings.Contains(err.Error(), "not safe to write in") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, l.WriteFile(filepath.Join(dir, "key"), mine("secret", 0o600)))          // /tmp above it is sticky
	must(t, l.WriteFile(filepath.Join(dir, "wheel", "key"), mine("secret", 0o600))) // root's own group
	if err := l.WriteFile("/tmp/sslwizard-test-key", mine("secret", 0o600)); err == nil {
		os.Remove("/tmp/sslwizard-test-key")
		t.Error("root wrote a key into /tmp")
	}
}

func TestXattrsAreKeptAndInheritedACLsAreNot(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	f := mine("x", 0o600)
	f.Xattrs = map[string][]byte{"user.note": []byte("hello")}
	if err := l.WriteFile("/f", f); errors.Is(err, unix.ENOTSUP) {
		t.Skip("the file system of the temporary folder has no user attributes")
	} else if err != nil {
		t.Fatal(err)
	}
	if got, err := l.ReadFile("/f"); err != nil || string(got.Xattrs["user.note"]) != "hello" {
		t.Errorf("got %+v, %v", got.Xattrs, err)
	}
	// user::rwx user:1234:rwx group::r-x mask::rwx other::---, as the kernel stores it
	acl := []byte("\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x02\x00\x07\x00\xd2\x04\x00\x00" +
		"\x04\x00\x05\x00\xff\xff\xff\xff\x10\x00\x07\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff")
	if err := unix.Setxattr(dir, aclDefault, acl, 0); err != nil {
		t.Skipf("the file system of the temporary folder has no ACLs: %v", err)
	}
	must(t, l.WriteFile("/key", mine("secret", 0o600)))
	got, err := l.ReadFile("/key")
	if err != nil || got.Xattrs[aclAccess] != nil || got.Mode != 0o600 {
		t.Errorf("the key is %v with %v, %v", got.Mode, got.Xattrs, err)
	}
	shared := mine("x", 0o770)
	shared.Xattrs = map[string][]byte{aclAccess: acl}
	must(t, l.WriteFile("/shared", shared))
	if got, _ := l.ReadFile("/shared"); !bytes.Equal(got.Xattrs[aclAccess], acl) {
		t.Errorf("the given ACL is not there: %v", got.Xattrs)
	}
}

// A file such as /usr/bin/ping has its rights as an attribute, which the kernel takes away from whatever is written to.
func TestCapabilitiesAreKept(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give a file capabilities; CI is root")
	}
	l, _ := rooted(t)
	f := mine("x", 0o755)
	f.Xattrs = map[string][]byte{"security.capability": []byte("\x01\x00\x00\x02\x00\x20\x00\x00" + // cap_net_raw=ep, version 2
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")}
	must(t, l.WriteFile("/ping", f))
	if got, err := l.ReadFile("/ping"); err != nil || !bytes.Equal(got.Xattrs["security.capability"], f.Xattrs["security.capability"]) {
		t.Errorf("got %q, %v", got.Xattrs, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
