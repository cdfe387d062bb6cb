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
	// Leaf returns the fingerprint of the site's current certificate.
	Leaf(site string) (string, error)
	// Announced returns what is in the site's steps.AltSvcFile; nothing where there is none.
	Announced(site string) []byte
	// ClientCAs returns the stored CAs of a site's clients.
	ClientCAs(site string) ([]byte, error)
}

// entries reads every stored site that the native executor serves, sorted by name. What cannot be read is in the
// error, and the rest is returned all the same.
func entries(from source) ([]entry, error) {
	files, err := from.SiteFiles()
	if err != nil {
		return nil, fmt.Errorf("cannot read the stored sites: %w", err)
	}
	var all []entry
	var errs []error
	for name, content := range files {
		sites, err := steps.Sites(name, content)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, s := range sites {
			if s.Install.Executor != steps.ExecutorNative {
				continue
			}
			leaf, err := from.Leaf(s.Name)
			if err != nil {
				errs = append(errs, fmt.Errorf("cannot use the certificate of %s: %w", s.Name, err))
				continue
			}
			var cas []byte
			if s.SSL.ClientAuth != "" {
				if cas, err = from.ClientCAs(s.Name); err != nil {
					errs = append(errs, fmt.Errorf("cannot use the CAs of the clients of %s: %w", s.Name, err))
					continue
				}
			}
			all = append(all, entry{s, content, leaf, s.Announced(from.Announced(s.Name)), cas})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.site.Name, b.site.Name) })
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return all, errors.Join(errs...)
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
