package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	l, dir := rooted(t)
	must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	passwd := "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/:\nbad:x:many:1::\nshort:x\nnegative:x:-1:-1::\n"
	must(t, os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(passwd), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "etc/group"), []byte("adm:x:4:a,b\n"), 0o644))
	if uid, gid, err := LookupUser(l, "www-data"); err != nil || uid != 33 || gid != 34 {
		t.Errorf("www-data is %d:%d, %v", uid, gid, err)
	}
	if uid, gid, err := LookupUser(l, ""); err != nil || uid != 0 || gid != 0 {
		t.Errorf("nobody named is %d:%d, %v", uid, gid, err)
	}
	if gid, err := LookupGroup(l, "adm"); err != nil || gid != 4 {
		t.Errorf("adm is %d, %v", gid, err)
	}
	for _, name := range []string{"short", "www", "nobody"} {
		if _, _, err := LookupUser(l, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"bad", "negative"} {
		if _, _, err := LookupUser(l, name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
