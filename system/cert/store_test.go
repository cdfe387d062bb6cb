package cert

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const site = "shop.example.com"

var domains = []steps.Domain{"shop.example.com", "www.shop.example.com"}

func local(t *testing.T, group string) Version {
	t.Helper()
	v, err := issueLocal(group)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func issueLocal(group string) (Version, error) {
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		return Version{}, err
	}
	ca, err := NewAuthority(key, "web1", domains, noon)
	if err != nil {
		return Version{}, err
	}
	leafKey, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		return Version{}, err
	}
	chain, err := ca.Issue(leafKey.Public(), domains, 90, noon)
	if err != nil {
		return Version{}, err
	}
	text, err := MarshalKey(leafKey)
	return Version{Key: text, Chain: EncodeChain(chain), Meta: Meta{Source: SourceLocal, Group: group, Made: noon}}, err
}

func add(t *testing.T, m *systemtest.Host, v Version) string {
	t.Helper()
	name, err := Add(m, site, v)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAddThenSwitch(t *testing.T) {
	t.Parallel()
	m, v := newMachine(t), local(t, "sslwizard")
	if name := add(t, m, v); name != "v0001" {
		t.Fatalf("the first version is called %s", name)
	}
	if _, err := Current(m, site); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an added version is current before the switch: %v", err)
	}
	if err := Switch(m, site, "v0001"); err != nil {
		t.Fatal(err)
	}
	got, err := Current(m, site)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Key) != string(v.Key) || string(got.Chain) != string(v.Chain) || got.Meta.Source != SourceLocal {
		t.Error("what was read back is not what was stored")
	}
	facts, err := CurrentFacts(m, site)
	if err != nil {
		t.Fatal(err)
	}
	if !SameDomains(facts.Domains, domains) || facts.Key != steps.ECDSAP256 || facts.SHA256 != got.Meta.SHA256 || facts.SHA256 == "" {
		t.Errorf("the facts are wrong: %+v", facts)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		group   string
		key     fs.FileMode
		gid     int
		folders int
	}{{"sslwizard", 0o640, 998, 998}, {"", 0o600, 0, 0}} {
		m := newMachine(t)
		name := add(t, m, local(t, test.group))
		dir := steps.CertsDir + "/" + site
		want := map[string]struct {
			mode fs.FileMode
			gid  int
		}{
			steps.StateDir:                      {fs.ModeDir | 0o711, 0},
			steps.CertsDir:                      {fs.ModeDir | 0o750, test.folders},
			dir:                                 {fs.ModeDir | 0o750, test.folders},
			dir + "/" + name:                    {fs.ModeDir | 0o750, test.folders},
			dir + "/" + name + "/key.pem":       {test.key, test.gid},
			dir + "/" + name + "/fullchain.pem": {0o644, 0},
			dir + "/" + name + "/meta.json":     {0o644, 0},
		}
		for p, w := range want {
			if f := at(t, m, p); f.Mode != w.mode || f.GID != w.gid || f.UID != 0 {
				t.Errorf("group %q: %s is %v %d:%d, want %v 0:%d", test.group, p, f.Mode, f.UID, f.GID, w.mode, w.gid)
			}
		}
	}
}

func TestHalfWrittenIsNeverCurrent(t *testing.T) {
	t.Parallel()
	good := local(t, "sslwizard")
	for writes := 0; ; writes++ {
		m := newMachine(t)
		if err := Switch(m, site, add(t, m, good)); err != nil {
			t.Fatal(err)
		}
		m.DieAt(writes + 1)
		name, err := Add(m, site, good)
		if err == nil {
			err = Switch(m, site, name)
		}
		m.Revive()
		if err == nil {
			if writes < 5 {
				t.Fatalf("only %d writes were seen: the test does not look", writes)
			}
			return
		}
		if !errors.Is(err, systemtest.ErrDead) {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		if current, err := CurrentName(m, site); err != nil || current != "v0001" {
			t.Errorf("after %d writes %q is current (%v)", writes, current, err)
		}
		if name, err := Add(m, site, good); err != nil || Switch(m, site, name) != nil {
			t.Errorf("after %d writes nothing can be added any more: %v", writes, err)
		}
		if err := Prune(m, site); err != nil {
			t.Errorf("after %d writes: %v", writes, err)
		}
		if all, _ := folders(m, site); len(all) != 2 && len(all) != 3 {
			t.Errorf("after %d writes the rest stayed: %v", writes, all)
		}
	}
}

func TestSwitchRefusesIncomplete(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	name := add(t, m, local(t, ""))
	if err := m.Remove(steps.CertsDir + "/" + site + "/" + name + "/meta.json"); err != nil {
		t.Fatal(err)
	}
	if err := Switch(m, site, name); err == nil {
		t.Error("an incomplete version became current")
	}
}

func TestPruneKeepsTheCurrentAndTheNewest(t *testing.T) {
	t.Parallel()
	m, v := newMachine(t), local(t, "")
	for range 6 {
		add(t, m, v)
	}
	if err := Switch(m, site, "v0002"); err != nil {
		t.Fatal(err)
	}
	if err := Prune(m, site); err != nil {
		t.Fatal(err)
	}
	got, err := Versions(m, site)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"v0002", "v0004", "v0005", "v0006"}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if name := add(t, m, v); name != "v0007" {
		t.Errorf("a number was used again: %s", name)
	}
}

func TestReadableBy(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	v := local(t, "sslwizard")
	if err := Switch(m, site, add(t, m, v)); err != nil {
		t.Fatal(err)
	}
	if !ReadableBy(m, site, "sslwizard") || ReadableBy(m, site, "") || ReadableBy(m, site, "www-data") || ReadableBy(m, site, "absent") {
		t.Error("the readers of a key are judged wrongly")
	}
	v.Meta.Group = ""
	if err := Switch(m, site, add(t, m, v)); err != nil {
		t.Fatal(err)
	}
	if ReadableBy(m, site, "sslwizard") || !ReadableBy(m, site, "") {
		t.Error("after the switch to no group the readers are judged wrongly")
	}
	if err := Switch(m, site, "v0001"); err != nil {
		t.Fatal(err)
	}
	if !ReadableBy(m, site, "sslwizard") {
		t.Error("the way back to the old version is closed")
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	m, v := newMachine(t), local(t, "absent")
	if _, err := Add(m, site, v); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown group gives %v", err)
	}
	v.Meta.Group, v.Chain = "", []byte("not PEM")
	if _, err := Add(m, site, v); err == nil {
		t.Error("a chain that is none was stored")
	}
}

func TestVersionNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"v0001": 1, "v9999": 9999, "v10000": 10000, "v01": 0, "v00001": 0, "w0001": 0, "v000x": 0, "": 0, "v0000": 0, "v-001": 0} {
		if n, ok := number(name); n*b2i(ok) != want {
			t.Errorf("number(%q) = %d, %t", name, n, ok)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
