package native

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// folder is the source of the service: it reads its own files, with the rights of its user. It keeps the certificates
// that it read, so that site and fingerprint cannot come from two different versions, and what it made of files, for the next
// time: who has thousands of sites changes one of them.
type folder struct {
	sites, certs, http3 string
	pairs               kept[tls.Certificate]
	parsed              kept[[]steps.Site]
}

func newFolder(o ServeOptions) *folder {
	return &folder{sites: o.SitesDir, certs: o.CertsDir, http3: filepath.Join(filepath.Dir(o.CertsDir), filepath.Base(steps.HTTP3Dir))}
}

// SiteFiles implements source.
func (f *folder) SiteFiles() (map[string][]byte, error) {
	list, err := os.ReadDir(f.sites)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range list {
		if !e.Type().IsRegular() || !isSiteFile(e.Name()) { // a pipe would be waited for, for ever
			continue
		}
		path := filepath.Join(f.sites, e.Name())
		if files[path], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Sites implements source.
func (f *folder) Sites(name string, content []byte) ([]steps.Site, error) {
	return f.parsed.of(name, sha256.Sum256(content), func() ([]steps.Site, error) { return steps.Sites(name, content) })
}

// ClientCAs implements source.
func (f *folder) ClientCAs(site string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.sites, filepath.Base(steps.ClientCAFile(site))))
}

// pair reads key and chain through one resolved version, so that a switch between the two reads cannot mix them.
func (f *folder) pair(site string) (tls.Certificate, error) {
	version, err := filepath.EvalSymlinks(filepath.Join(f.certs, site, "current"))
	if err != nil {
		return tls.Certificate{}, err
	}
	chain, err := os.ReadFile(filepath.Join(version, "fullchain.pem"))
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(filepath.Join(version, "key.pem"))
	if err != nil {
		return tls.Certificate{}, err
	}
	both := sha256.Sum256(slices.Concat(chain, []byte{0}, key)) // no PEM has it
	return f.pairs.of(site, both, func() (tls.Certificate, error) { return tls.X509KeyPair(chain, key) })
}

// Leaf implements source.
func (f *folder) Leaf(site string) (string, error) {
	pair, err := f.pair(site)
	for tries := 3; tries > 0 && errors.Is(err, fs.ErrNotExist); tries-- {
		pair, err = f.pair(site) // the version was switched away from and pruned while it was read: there is another one now
	}
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pair.Certificate[0])
	return hex.EncodeToString(sum[:]), nil
}

// Announced implements source.
func (f *folder) Announced(site string) []byte {
	text, _ := os.ReadFile(filepath.Join(f.http3, path.Base(steps.AltSvcFile(steps.ExecutorNative, site)))) // none: nothing is said
	return text
}

// turn forgets what was not read since the last time.
func (f *folder) turn() {
	f.pairs.turn()
	f.parsed.turn()
}

// loaded is a whole configuration as it was read.
type loaded struct {
	config proxy.Config
	hash   string
}

// load reads everything. With an error the configuration has what could be read nevertheless, without a hash.
func load(o ServeOptions, from *folder) (loaded, error) {
	all, err := entries(from, runtime.GOMAXPROCS(0))
	defer from.turn()
	out := loaded{config: proxy.Config{Webroot: o.Webroot, HTTPPort: portOf(o.HTTP), HTTPSPort: portOf(o.HTTPS), Secret: secret(o.Machine)}}
	for _, e := range all {
		site, serr := served(e, from.pairs.last(e.site.Name))
		if serr != nil {
			err = errors.Join(err, serr)
			continue
		}
		out.config.Sites = append(out.config.Sites, site)
	}
	if err == nil {
		out.hash = fingerprint(all)
	}
	return out, err
}

// served is a site as the proxy takes it.
func served(e entry, pair tls.Certificate) (proxy.Site, error) {
	site := proxy.Site{Site: e.site, Certificate: pair, AltSvc: e.alt}
	if len(e.cas) == 0 {
		return site, nil
	}
	var err error
	if site.ClientCAs, err = cert.ParseChain(e.cas); err != nil {
		return site, fmt.Errorf("cannot use the CAs of the clients of %s: %w", e.site.Name, err)
	}
	return site, nil
}

// machineID is a number that is this host's alone and stays. machine-id(5) asks those who use it to tell it to nobody, and
// to key a hash with it.
const machineID = "/etc/machine-id"

// secret reads it. Without one the proxy makes its own, which ends with the process.
func secret(path string) []byte {
	text, err := os.ReadFile(path)
	text = bytes.TrimSpace(text)
	if err != nil || len(text) != 2*16 { // "uninitialized" at the first boot
		return nil
	}
	return text
}

// salvage serves as much as can be served when not everything can: at boot one site that is wrong must not take the
// others down with it.
func salvage(server *proxy.Server, c proxy.Config) error {
	good := c
	good.Sites = nil
	err := sift(server, &good, c.Sites)
	if len(good.Sites) == 0 {
		return errors.Join(err, errors.New("there is no site that can be served"))
	}
	if serr := server.Swap(good); serr != nil {
		return fmt.Errorf("cannot serve what is left: %w", serr)
	}
	return err
}

// sift adds those of the sites to the good ones that can be served with them, and says what is wrong with the others. It halves
// them until what is wrong stands alone: each of 10,000 sites on top of all before it would take longer than systemd waits.
func sift(server *proxy.Server, good *proxy.Config, sites []proxy.Site) error {
	if len(sites) == 0 {
		return nil
	}
	tried := *good
	tried.Sites = slices.Concat(good.Sites, sites)
	err := server.Check(tried)
	if err == nil {
		*good = tried
		return nil
	}
	if len(sites) == 1 {
		return err
	}
	half := len(sites) / 2
	first := sift(server, good, sites[:half])
	return errors.Join(first, sift(server, good, sites[half:]))
}
