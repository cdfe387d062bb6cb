package apply

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestOnRealFiles runs the whole way on a real file system, with the real host and the real lock.
func TestOnRealFiles(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: files of root are written")
	}
	root := t.TempDir()
	seed(t, root)
	before := treeOf(t, root)
	store := &store{}
	e := New(host.New(root), Services{
		Certificates: store, Prober: &prober{}, Locker: FileLock{Root: root}, Self: func() ([]byte, error) { return self, nil },
	})
	first := apply(t, e, filesPlan("one\n"), steps.OutcomeDone)
	apply(t, e, filesPlan("one\n"), steps.OutcomeNothing)
	apply(t, e, filesPlan("two\n"), steps.OutcomeDone)
	if records, err := Runs(e.h); err != nil || len(records) != 2 || records[0].ID <= records[1].ID {
		t.Errorf("%+v, %v", records, err)
	}
	if res, err := e.Undo(t.Context(), first.Run, nil); err != nil {
		t.Fatalf("%+v, %v", res, err)
	}
	for path, was := range before {
		if is := treeOf(t, root)[path]; is != was {
			t.Errorf("%s was %q and is %q", path, was, is)
		}
	}
	for path := range treeOf(t, root) {
		if _, was := before[path]; !was && !strings.HasPrefix(path, steps.StateDir) {
			t.Errorf("%s is left", path)
		}
	}
	if _, err := e.UndoAll(t.Context(), false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(root, steps.StateDir)); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", steps.StateDir, err)
	}
}

func seed(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"/etc", "/var/lib", "/usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\n", "/etc/old": "theirs\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func filesPlan(content string) steps.Plan {
	in := steps.For(steps.IDInstall)
	return steps.Plan{Sites: []steps.Site{shop}, Changes: []steps.Change{
		steps.EnsureDir{For: in, Path: steps.SitesDir, Mode: 0o755},
		steps.EnsureDir{For: in, Path: steps.CertsDir, Mode: 0o750},
		steps.WriteFile{For: in, Path: steps.SiteFile(shop.Name), Content: []byte(content), Mode: 0o600},
		steps.InstallBinary{For: in, Path: steps.BinaryPath, SHA256: hashOf(self), Size: int64(len(self))},
		steps.IssueLocal{For: in, Site: shop.Name},
		steps.Verify{For: in, Sites: []steps.Site{shop}},
		steps.Checkpoint{For: in},
	}}
}

func apply(t *testing.T, e *Engine, p steps.Plan, want steps.Outcome) steps.Result {
	t.Helper()
	shown, err := e.Preview(t.Context(), e.h, p)
	if err != nil {
		t.Fatal(err)
	}
	res, err := e.Apply(t.Context(), shown, nil)
	if err != nil || res.Outcome != want {
		t.Fatalf("%+v, %v", res, err)
	}
	return res
}

func treeOf(t *testing.T, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(data)
		}
		tree[strings.TrimPrefix(path, root)] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
