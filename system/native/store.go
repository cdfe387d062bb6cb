package native

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
)

// entry is a stored site of ours with the fingerprint of its certificate.
type entry struct {
	site steps.Site
	file []byte // as stored
	leaf string // sha256 of the leaf's DER, in hex
	alt  string // the header Alt-Svc, if there is one
	cas  []byte // of its clients, as stored; empty where none are asked
}

// source is where entries are read from: the service reads files, the installer asks its host.
type source interface {
	// SiteFiles returns the stored sites, by file name.
	SiteFiles() (map[string][]byte, error)
	// Sites returns the sites of a file, as steps.Sites does.
	Sites(name string, content []byte) ([]steps.Site, error)
	// Leaf returns the fingerprint of the site's current certificate.
	Leaf(site string) (string, error)
	// Announced returns what is in the site's steps.AltSvcFile; nothing where there is none.
	Announced(site string) []byte
	// ClientCAs returns the stored CAs of a site's clients.
	ClientCAs(site string) ([]byte, error)
}

// entries reads every stored site that the native executor serves, so many files at once, sorted by name. What cannot be
// read is in the error, and the rest is returned all the same.
func entries(from source, atOnce int) ([]entry, error) {
	files, err := from.SiteFiles()
	if err != nil {
		return nil, fmt.Errorf("cannot read the stored sites: %w", err)
	}
	var all []entry
	var errs []error
	var readers sync.WaitGroup
	var mu sync.Mutex
	names := make(chan string)
	for range atOnce {
		readers.Go(func() {
			for name := range names {
				some, wrong := entriesOf(from, name, files[name])
				mu.Lock()
				all, errs = append(all, some...), append(errs, wrong...)
				mu.Unlock()
			}
		})
	}
	for name := range files {
		names <- name
	}
	close(names)
	readers.Wait()
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.site.Name, b.site.Name) })
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return all, errors.Join(errs...)
}

// entriesOf are those of one file, and what is wrong with it.
func entriesOf(from source, name string, content []byte) (all []entry, errs []error) {
	sites, err := from.Sites(name, content)
	if err != nil {
		return nil, []error{err}
	}
	for _, s := range sites {
		if s.Install.Executor != steps.ExecutorNative {
			continue
		}
		e, err := entryOf(from, s, content)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, e)
	}
	return all, errs
}

func entryOf(from source, s steps.Site, content []byte) (entry, error) {
	leaf, err := from.Leaf(s.Name)
	if err != nil {
		return entry{}, fmt.Errorf("cannot use the certificate of %s: %w", s.Name, err)
	}
	var cas []byte
	if s.SSL.ClientAuth != "" {
		if cas, err = from.ClientCAs(s.Name); err != nil {
			return entry{}, fmt.Errorf("cannot use the CAs of the clients of %s: %w", s.Name, err)
		}
	}
	return entry{s, content, leaf, s.Announced(from.Announced(s.Name)), cas}, nil
}

// fingerprint identifies what the entries say: both sides of a reload compute it, so that the installer can see that
// the service serves what is stored, and not something older.
func fingerprint(all []entry) string {
	var b bytes.Buffer
	for _, e := range all {
		for _, part := range []string{e.site.Name, e.leaf, string(e.file), e.alt, string(e.cas)} {
			b.WriteString(strconv.Itoa(len(part)) + ":" + part)
		}
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// isSiteFile reports whether a name in the folder of sites is a site; editors leave other files there.
func isSiteFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, ".")
}
