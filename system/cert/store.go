package cert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Meta is meta.json beside a key and its chain. It is written last: a version without it is not complete and never
// becomes current.
type Meta struct {
	Source    string    `json:"source"` // steps.SourceACME, steps.SourceFiles or SourceLocal
	Directory string    `json:"directory,omitempty"`
	Profile   string    `json:"profile,omitempty"`   // as it was asked for
	InPlaceOf string    `json:"inPlaceOf,omitempty"` // the directory that could not issue when this one did
	Group     string    `json:"group,omitempty"`     // who may read the key beside root
	Made      time.Time `json:"made"`
	SHA256    string    `json:"sha256"` // of the leaf's DER
}

// SourceLocal is the source of a certificate of the local CA.
const SourceLocal = "local"

// Version is one key with its chain, as stored. It is never changed once it is there.
type Version struct {
	Name  string // "v0001"
	Key   []byte // PEM; nil when it was not asked for
	Chain []byte // PEM
	Meta  Meta
}

// Facts describes the version's leaf.
func (v Version) Facts() (steps.CertFacts, error) {
	f, err := FactsOf(v.Chain, v.Meta.Source, v.Meta.Directory)
	f.Profile, f.InPlaceOf = v.Meta.Profile, v.Meta.InPlaceOf
	return f, err
}

// The names inside a site's folder.
const (
	currentLink = "current"
	keyFile     = "key.pem"
	chainFile   = "fullchain.pem"
	metaFile    = "meta.json"
)

// Kept is how many versions of a site stay, the current one among them.
const Kept = 3

func siteDir(site string) string             { return path.Join(steps.CertsDir, site) }
func versionDir(site, version string) string { return path.Join(siteDir(site), version) }

// Current reads the version that the site serves, with its key: always the key and the chain of the same version. It
// fails with fs.ErrNotExist when there is none.
func Current(r host.Reader, site string) (Version, error) {
	for tries := 3; ; tries-- {
		name, err := CurrentName(r, site)
		if err != nil {
			return Version{}, err
		}
		v, err := Read(r, site, name)
		if err == nil || tries == 0 || !errors.Is(err, fs.ErrNotExist) {
			return v, err
		}
		// It may have been switched away from and pruned while it was read: then there is another one now.
	}
}

// Read reads one version with its key.
func Read(r host.Reader, site, name string) (Version, error) {
	v, err := load(r, site, name)
	if err != nil {
		return Version{}, err
	}
	key, err := r.ReadFile(path.Join(versionDir(site, name), keyFile))
	if err != nil {
		return Version{}, fmt.Errorf("cannot read the private key of %s: %w", site, err)
	}
	v.Key = key.Data
	return v, nil
}

// CurrentFacts describes the certificate that the site serves, without touching its key.
func CurrentFacts(r host.Reader, site string) (steps.CertFacts, error) {
	name, err := CurrentName(r, site)
	if err != nil {
		return steps.CertFacts{}, err
	}
	return FactsAt(r, site, name)
}

// FactsAt describes the certificate of one version.
func FactsAt(r host.Reader, site, version string) (steps.CertFacts, error) {
	v, err := load(r, site, version)
	if err != nil {
		return steps.CertFacts{}, err
	}
	return v.Facts()
}

// CurrentGroup is the group that may read the key of the current version beside root.
func CurrentGroup(r host.Reader, site string) (string, error) {
	name, err := CurrentName(r, site)
	if err != nil {
		return "", err
	}
	v, err := load(r, site, name)
	return v.Meta.Group, err
}

// CurrentName is the version that `current` names. It fails with fs.ErrNotExist when there is none.
func CurrentName(r host.Reader, site string) (string, error) {
	link, err := r.ReadFile(path.Join(siteDir(site), currentLink))
	if err != nil {
		return "", fmt.Errorf("cannot find the certificate of %s: %w", site, err)
	}
	if _, ok := number(link.Link); link.Mode.Type() != fs.ModeSymlink || !ok {
		return "", fmt.Errorf("cannot follow %s/%s: it is no link to a version", siteDir(site), currentLink)
	}
	return link.Link, nil
}

func load(r host.Reader, site, name string) (Version, error) {
	meta, err := r.ReadFile(path.Join(versionDir(site, name), metaFile))
	if err != nil {
		return Version{}, fmt.Errorf("cannot read the certificate %s of %s: %w", name, site, err)
	}
	v := Version{Name: name}
	if err := json.Unmarshal(meta.Data, &v.Meta); err != nil {
		return Version{}, fmt.Errorf("cannot read %s: it is damaged", path.Join(versionDir(site, name), metaFile))
	}
	chain, err := r.ReadFile(path.Join(versionDir(site, name), chainFile))
	if err != nil {
		return Version{}, fmt.Errorf("cannot read the certificate %s of %s: %w", name, site, err)
	}
	v.Chain = chain.Data
	return v, nil
}

// Versions lists the complete versions of a site, oldest first.
func Versions(r host.Reader, site string) ([]string, error) {
	all, err := folders(r, site)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(name string) bool { return !complete(r, site, name) }), nil
}

// folders lists every version folder, complete or not, oldest first.
func folders(r host.Reader, site string) ([]string, error) {
	dir, err := r.ReadFile(siteDir(site))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the certificates of %s: %w", site, err)
	}
	names := slices.DeleteFunc(slices.Clone(dir.Entries), func(name string) bool { _, ok := number(name); return !ok })
	slices.SortFunc(names, func(a, b string) int { x, _ := number(a); y, _ := number(b); return x - y })
	return names, nil
}

func complete(r host.Reader, site, name string) bool {
	_, err := r.ReadFile(path.Join(versionDir(site, name), metaFile))
	return err == nil
}

// number is the N of "vN".
func number(name string) (int, bool) {
	if len(name) < 5 || name[0] != 'v' {
		return 0, false
	}
	n, err := strconv.Atoi(name[1:])
	return n, err == nil && n > 0 && fmt.Sprintf("v%04d", n) == name
}

// Add writes a complete new version into place and returns its name; it does not become current. Key and chain are
// what Version says; Meta.SHA256 is filled in. The group has to exist.
func Add(h host.Host, site string, v Version) (string, error) {
	facts, err := v.Facts()
	if err != nil {
		return "", fmt.Errorf("cannot store the certificate of %s: %w", site, err)
	}
	v.Meta.SHA256 = facts.SHA256
	gid, err := host.LookupGroup(h, v.Meta.Group)
	if err != nil {
		return "", fmt.Errorf("cannot store the certificate of %s: %w", site, err)
	}
	if err := ensureSite(h, site, gid); err != nil {
		return "", err
	}
	if v.Name, err = nextName(h, site); err != nil {
		return "", err
	}
	if err := write(h, site, v, gid); err != nil {
		return "", fmt.Errorf("cannot store the certificate of %s: %w", site, err)
	}
	return v.Name, nil
}

func nextName(r host.Reader, site string) (string, error) {
	all, err := folders(r, site)
	if err != nil {
		return "", err
	}
	last := 0
	if len(all) > 0 {
		last, _ = number(all[len(all)-1])
	}
	return fmt.Sprintf("v%04d", last+1), nil
}

func write(h host.Host, site string, v Version, gid int) error {
	dir := versionDir(site, v.Name)
	meta, err := json.MarshalIndent(v.Meta, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		file host.File
	}{
		{dir, host.File{Mode: fs.ModeDir | 0o750, GID: gid}},
		{path.Join(dir, keyFile), host.File{Data: v.Key, Mode: keyMode(gid), GID: gid}},
		{path.Join(dir, chainFile), host.File{Data: v.Chain, Mode: 0o644}},
		{path.Join(dir, metaFile), host.File{Data: append(meta, '\n'), Mode: 0o644}},
	} {
		if err := h.WriteFile(f.path, f.file); err != nil {
			return err
		}
	}
	return nil
}

func keyMode(gid int) fs.FileMode {
	if gid == 0 {
		return 0o600
	}
	return 0o640
}

// Switch makes a version current, by one rename: a reader sees the old key with the old chain or the new with the new.
func Switch(h host.Host, site, version string) error {
	if !complete(h, site, version) {
		return fmt.Errorf("cannot switch %s to the certificate %s: it is not complete", site, version)
	}
	link := path.Join(siteDir(site), currentLink)
	if err := h.WriteFile(link, host.File{Mode: fs.ModeSymlink | 0o777, Link: version}); err != nil {
		return fmt.Errorf("cannot switch %s to the certificate %s: %w", site, version, err)
	}
	return nil
}

// Prune removes what is older than the newest Kept versions, what was never completed, and what a write that was killed left.
// The current version stays.
func Prune(h host.Host, site string) error {
	current, err := CurrentName(h, site)
	if err != nil {
		return err
	}
	whole, err := Versions(h, site)
	if err != nil {
		return err
	}
	keep := append(whole[max(0, len(whole)-Kept):], current)
	all, err := folders(h, site)
	if err != nil {
		return err
	}
	for _, name := range all {
		if slices.Contains(keep, name) {
			continue
		}
		if err := removeVersion(h, site, name); err != nil {
			return err
		}
	}
	return host.SweepTemps(h, siteDir(site))
}

// Discard removes a version and all that are older, but for the current one: none of them is to be used again.
func Discard(h host.Host, site, version string) error {
	current, err := CurrentName(h, site)
	if err != nil {
		return err
	}
	all, err := folders(h, site)
	if err != nil {
		return err
	}
	last, _ := number(version)
	for _, name := range all {
		if n, _ := number(name); n > last || name == current {
			continue
		}
		if err := removeVersion(h, site, name); err != nil {
			return err
		}
	}
	return nil
}

// removeVersion takes meta.json first, so that a version that is half gone does not count as one.
func removeVersion(h host.Host, site, name string) error {
	dir, err := h.ReadFile(versionDir(site, name))
	if err != nil {
		return fmt.Errorf("cannot look at the old certificate %s of %s: %w", name, site, err)
	}
	for _, file := range append([]string{metaFile}, append(dir.Entries, "")...) {
		if err := h.Remove(path.Join(versionDir(site, name), file)); err != nil {
			return fmt.Errorf("cannot remove the old certificate %s of %s: %w", name, site, err)
		}
	}
	return nil
}
