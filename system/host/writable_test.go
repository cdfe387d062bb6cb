package host

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWritable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root is bound by flags and folders of others")
		return
	}
	dir, err := os.MkdirTemp("/run", "writable-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h, file := New(""), filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, filepath.Join(dir, "new"), filepath.Join(dir, "not/there/yet")} {
		if err := h.Writable(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for flag, what := range map[int]string{0x10: "immutable", 0x20: "append-only"} { // FS_IMMUTABLE_FL, FS_APPEND_FL
		flags(t, file, flag)
		if locked, ok := errors.AsType[*LockedError](h.Writable(file)); !ok || locked.Flag != what || locked.Path != file {
			t.Errorf("%s: %+v", what, locked)
		}
		flags(t, file, 0)
		flags(t, dir, flag)
		if locked, ok := errors.AsType[*LockedError](h.Writable(filepath.Join(dir, "not/there/yet"))); !ok || locked.Flag != what {
			t.Errorf("the folder is %s: %+v", what, locked)
		}
		flags(t, dir, 0)
	}
	if err := os.Chown(dir, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*FolderError](h.Writable(file)); !ok {
		t.Error("a folder of somebody else is fine")
	}
}

// flags sets the flags of chattr(1).
func flags(t *testing.T, name string, flags int) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags); err != nil {
		t.Fatal(err)
	}
}
