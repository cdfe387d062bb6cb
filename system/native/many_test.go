package native

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

const many = 10_000

// manySites stores so many sites, each with a certificate of its own, and returns what the service is told of them.
// Nothing of it has to outlive the test, so nothing waits for the disk.
func manySites(t testing.TB, count int) ServeOptions {
	t.Helper()
	root := t.TempDir()
	o := ServeOptions{Machine: filepath.Join(root, "none")}
	o.SitesDir, o.CertsDir, o.Webroot = filepath.Join(root, "sites"), filepath.Join(root, "certs"), root
	ca := exampleCA(t)
	for n := range count {
		if err := storeOne(o, ca, fmt.Sprintf("site%05d.example.com", n)); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// exampleCA is a CA for the names in example.com.
func exampleCA(t testing.TB) *cert.Authority {
	t.Helper()
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := cert.NewAuthority(key, "test", []steps.Domain{"example.com"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func storeOne(o ServeOptions, ca *cert.Authority, domain string) error {
	a := steps.Defaults()
	a.Certs.Domains, a.Proxy.Upstream = []string{domain}, "http://127.0.0.1:3000"
	a.Trusted.Source, a.Install.Executor = steps.SourceNone, steps.ExecutorNative
	site, problems := a.Site()
	if len(problems) > 0 {
		return fmt.Errorf("%v", problems)
	}
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return err
	}
	chain, err := ca.Issue(key.Public(), site.Certs.Domains, 30, time.Now())
	if err != nil {
		return err
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return err
	}
	mine := filepath.Join(o.CertsDir, site.Name)
	version := filepath.Join(mine, "v0001")
	return errors.Join(
		os.MkdirAll(o.SitesDir, 0o700), os.MkdirAll(version, 0o700), os.Symlink("v0001", filepath.Join(mine, "current")),
		os.WriteFile(filepath.Join(o.SitesDir, filepath.Base(steps.SiteFile(site.Name))), steps.Print(site), 0o600),
		os.WriteFile(filepath.Join(version, "key.pem"), text, 0o600),
		os.WriteFile(filepath.Join(version, "fullchain.pem"), cert.EncodeChain(chain), 0o600))
}

// BenchmarkStart is what the service does before it serves 10,000 sites, and what it keeps of them in memory; "one is wrong" is
// the same when one of them cannot be served.
func BenchmarkStart(b *testing.B) {
	o := manySites(b, many)
	o.Err = b.Output()
	b.Run("all are right", func(b *testing.B) { benchmarkStart(b, o, many) })
	middle := fmt.Sprintf("site%05d.example.com", many/2)
	file := filepath.Join(o.SitesDir, middle+".yaml")
	text, err := os.ReadFile(file)
	if err == nil { // a domain that another site has
		err = os.WriteFile(file, []byte(strings.ReplaceAll(string(text), middle, "site00001.example.com")), 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run("one is wrong", func(b *testing.B) { benchmarkStart(b, o, many-1) })
}

func benchmarkStart(b *testing.B, o ServeOptions, served int) {
	var d *daemon
	before := live()
	for b.Loop() {
		d = newDaemon(o.withDefaults())
		if err := d.start(); err != nil {
			b.Fatal(err)
		}
		d.access.end()
	}
	b.ReportMetric(float64(live()-before)/float64(served), "B/site")
	if got := len(d.server.Status().Leaves); got != served {
		b.Fatalf("%d sites are served, not %d", got, served)
	}
}

// BenchmarkReload is what a reload costs of which nothing came but one new certificate among 10,000.
func BenchmarkReload(b *testing.B) {
	o := manySites(b, many)
	o.Err = b.Output()
	d := newDaemon(o.withDefaults())
	if err := d.start(); err != nil {
		b.Fatal(err)
	}
	defer d.access.end()
	ca := exampleCA(b)
	const name = "site00007.example.com"
	for b.Loop() {
		b.StopTimer()
		before := d.server.Status().Leaves[name]
		if err := errors.Join(os.RemoveAll(filepath.Join(o.CertsDir, name)), storeOne(o, ca, name)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		d.reload(listeners{})
		if d.server.Status().Leaves[name] == before {
			b.Fatal("the new certificate is not there")
		}
	}
}

// live is how much memory is in use.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestWhatIsLeft: of many sites the wrong ones are left out and named, wherever they stand, without that each site is tried with
// all before it.
func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	o := manySites(t, 40)
	l, err := load(o, newFolder(o))
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[int]bool{1: true, 2: true, 21: true, 39: true}
	for n := range wrong {
		l.config.Sites[n].Site.Certs.Domains = l.config.Sites[0].Site.Certs.Domains
		l.config.Sites[n].Site.Name = fmt.Sprintf("wrong%d", n)
	}
	server := proxy.New(proxy.Options{Log: slog.New(slog.DiscardHandler)})
	err = salvage(server, l.config)
	if err == nil {
		t.Fatal("nothing is said of the wrong ones")
	}
	if got := len(server.Status().Leaves); got != 40-len(wrong) {
		t.Errorf("%d sites are served, not %d", got, 40-len(wrong))
	}
	for n := range wrong {
		if !strings.Contains(err.Error(), fmt.Sprintf("wrong%d", n)) {
			t.Errorf("wrong%d is not named: %v", n, err)
		}
	}
}
