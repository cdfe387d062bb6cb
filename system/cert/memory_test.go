package cert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// memory is a host of files only, as strict as the real one: parents have to be there, folders are removed only when
// they are empty. After failAfter writes (when it is not negative) every write fails.
type memory struct {
	mu        sync.Mutex
	files     map[string]host.File
	writes    []string
	failAfter int
}

var _ host.Host = (*memory)(nil)

var errFull = errors.New("no space left on device")

func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{files: map[string]host.File{}, failAfter: -1}
	for _, dir := range []string{"/", "/etc", "/var", "/var/lib"} {
		m.files[dir] = host.File{Mode: fs.ModeDir | 0o755}
	}
	m.files["/etc/group"] = host.File{Mode: 0o644, Data: []byte("root:x:0:\nsslwizard:x:998:\nwww-data:x:33:\n")}
	m.files["/etc/hostname"] = host.File{Mode: 0o644, Data: []byte("web1\n")}
	return m
}

func (m *memory) ReadFile(p string) (host.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.files[p]
	if !ok {
		return host.File{}, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	if f.Mode.IsDir() {
		f.Entries = m.entries(p)
	}
	return f, nil
}

func (m *memory) entries(dir string) []string {
	var names []string
	for p := range m.files {
		if p != "/" && path.Dir(p) == dir {
			names = append(names, path.Base(p))
		}
	}
	slices.Sort(names)
	return names
}

func (m *memory) WriteFile(p string, f host.File) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failAfter == len(m.writes) {
		return &fs.PathError{Op: "write", Path: p, Err: errFull}
	}
	if parent, ok := m.files[path.Dir(p)]; !ok || !parent.Mode.IsDir() {
		return fmt.Errorf("write %s: its folder is not there", p)
	}
	m.writes = append(m.writes, p)
	m.files[p] = f
	return nil
}

func (m *memory) Remove(p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.files[p]; ok && f.Mode.IsDir() && len(m.entries(p)) > 0 {
		return fmt.Errorf("remove %s: it is not empty", p)
	}
	delete(m.files, p)
	return nil
}

func (m *memory) Query(context.Context, host.Command) (host.Output, error) {
	return host.Output{}, errors.New("no command is expected")
}

func (m *memory) Run(context.Context, host.Command) (host.Output, error) {
	return host.Output{}, errors.New("no command is expected")
}
