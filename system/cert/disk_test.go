package cert

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// onDisk is a real file system in which the store's files can belong to root.
func onDisk(t *testing.T) (*host.Linux, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("files that belong to root can be made by root only; the store was tested in memory")
	}
	root := t.TempDir()
	for _, dir := range []string{"etc", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc/group"), []byte("root:x:0:\nsslwizard:x:998:\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return host.New(root), root
}

// TestKeyAndChainNeverDisagree reads the pair as fast as it can while it is switched and pruned.
func TestKeyAndChainNeverDisagree(t *testing.T) {
	t.Parallel()
	h, root := onDisk(t)
	pairs := []Version{local(t, "sslwizard"), local(t, "sslwizard"), local(t, "")}
	change := func(v Version) {
		name, err := Add(h, site, v)
		if err == nil {
			err = Switch(h, site, name)
		}
		if err == nil {
			err = Prune(h, site)
		}
		if err != nil {
			t.Error(err)
		}
	}
	change(pairs[0])
	stop := make(chan struct{})
	reads := 0
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			v, err := Current(h, site)
			if err != nil {
				t.Errorf("nothing was there for a moment: %v", err)
				return
			}
			if !matches(t, v) {
				t.Error("a key and a chain that are not one pair were read")
				return
			}
			reads++
		}
	})
	for i := range 20 {
		change(pairs[i%len(pairs)])
	}
	close(stop)
	reader.Wait()
	t.Logf("%d reads", reads)
	if link, err := os.Readlink(filepath.Join(root, steps.CertsDir, site, "current")); err != nil || link != "v0021" {
		t.Errorf("current is %q (%v)", link, err)
	}
	info, err := os.Stat(filepath.Join(root, steps.CurrentKey(site)))
	if err != nil || info.Mode() != fs.FileMode(0o640) {
		t.Errorf("the key is %v (%v)", info.Mode(), err)
	}
}

func matches(t *testing.T, v Version) bool {
	t.Helper()
	key, err := ParseKey(v.Key)
	if err != nil {
		t.Error(err)
		return false
	}
	chain, err := ParseChain(v.Chain)
	if err != nil {
		t.Error(err)
		return false
	}
	return SameKey(key.Public(), chain[0].PublicKey)
}
