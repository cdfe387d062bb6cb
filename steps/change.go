package steps

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Change is one thing that shall be so on the host. The set is closed: system/apply knows how to preview, do and undo
// each. A change describes the wanted state, never an action that depends on the present one; whether there is
// anything to do is found by the preview.
type Change interface {
	Step() ID
	// Key identifies the thing that is changed ("file:/etc/x", "unit:nginx.service"); a plan has each key once.
	Key() string
	// Summary is one line for people.
	Summary() string
	change()
}

// For is the step that a change belongs to; every change embeds it.
type For ID

// Step implements Change.
func (f For) Step() ID { return ID(f) }
func (For) change()    {}

// InstallPackages has the package manager install what is missing of Names. Services that the packages bring do not
// get started by the installation (policy-rc.d), so that the plan decides when they start.
type InstallPackages struct {
	For
	Names []string
}

// EnsureUser has a system user with a group of the same name, no login shell and no home.
type EnsureUser struct {
	For
	Name string
}

// EnsureDir has a folder with exactly this mode and owner. Owner and Group are names; empty is root.
type EnsureDir struct {
	For
	Path         string
	Mode         fs.FileMode
	Owner, Group string
}

// WriteFile has a whole file of ours with exactly this content, mode and owner. A file that somebody else edited
// since we wrote it (drift) blocks the run, as does a file that was there before us.
type WriteFile struct {
	For
	Path         string
	Content      []byte
	Mode         fs.FileMode
	Owner, Group string
}

// RemoveFile has no file there. Only files of ours are named.
type RemoveFile struct {
	For
	Path string
}

// InstallBinary copies the running sslwizard to Path (0755), for the units that run it. SHA256 is its content.
type InstallBinary struct {
	For
	Path   string
	SHA256 string
	Size   int64
}

// ReloadUnits has the service manager read its unit files again (systemctl daemon-reload) when one of On changed.
type ReloadUnits struct {
	For
	On []string
}

// EnableUnit has a unit start at boot and, with Start, run now.
type EnableUnit struct {
	For
	Unit  string
	Start bool
}

// DisableUnit has a unit neither run nor start at boot.
type DisableUnit struct {
	For
	Unit string
}

// OpenPort has the firewall that is in charge allow the port from everywhere, now and after a restart. It never
// enables a firewall.
type OpenPort struct {
	For
	Firewall string // Firewall.Kind
	Table    string // Firewall.Table, for nftables
	Port     Port
}

// IssueLocal has a usable certificate for the site: when there is none, or when the present one is local and does not
// fit, it is made by the local CA of this server. A trusted certificate is never replaced by a local one, unless
// Force says that the site asked for no trusted certificate.
type IssueLocal struct {
	For
	Site    string
	Domains []Domain
	KeyType KeyType
	Days    int
	Force   bool
	Group   string // who may read the key beside root; "" for nobody
}

// ImportCertificate stores the user's own certificate and key (trusted.source: files) as the site's current one.
type ImportCertificate struct {
	For
	Site        string
	Domains     []Domain
	Certificate string
	PrivateKey  string
	Group       string
}

// ObtainCertificate has a certificate of the ACME directory for the site (RFC 8555), not due for renewal.
type ObtainCertificate struct {
	For
	Site    string
	Domains []Domain
	KeyType KeyType
	Trusted SiteTrusted
	Webroot string
	Group   string
}

// TestConfig runs the executor's own check of the configuration that was just written ("nginx -t"), when one of On
// changed.
type TestConfig struct {
	For
	Executor string
	On       []string
}

// Rehearse runs the new configuration of these sites in a scratch instance on loopback ports, with an echo
// application behind it, and probes it over TLS and WSS, before anything live changes; when one of On is to change.
// Binaries and packages that the rehearsal needs are already there when it runs.
type Rehearse struct {
	For
	Executor string
	Sites    []Site
	On       []string
}

// Reload has a running unit take its new configuration, when one of On changed, and proves by observation that it did. A
// unit that the same run starts after those changes has read them, and is not reloaded.
type Reload struct {
	For
	Executor string
	Unit     string
	On       []string
}

// Restart restarts a unit when one of On changed: for what a reload cannot take (its program, its unit file).
type Restart struct {
	For
	Unit string
	On   []string
}

// Verify probes the live sites whenever anything of the plan before it changed. With Trusted false only steps 1 to 6
// are judged and the local CA is trusted; with Trusted true the whole.
type Verify struct {
	For
	Sites   []Site
	Trusted bool
}

// Announce has a site announce HTTP/3 to browsers if, and only if, the probe reaches it: the file AltSvcFile says so. A
// site that does not ask for HTTP/3 takes back what it announced.
type Announce struct {
	For
	Executor string
	Site     Site
}

// Checkpoint is the end of a phase: what was applied and verified before it stays, even if something after it fails.
type Checkpoint struct{ For }

// Drain makes an executor that is being replaced stop taking connections, and waits until it answered what it took.
type Drain struct {
	For
	Unit     string
	Wait     time.Duration
	HandOver bool // another executor listens on its ports already and takes what waits in its queues
}

// TrustCA has the programs of this host trust its own CA, for the names that the CA is bound to: in the system's store, and
// in the policies of the browsers that are installed. Without Wanted they trust it no longer.
type TrustCA struct {
	For
	Wanted  bool
	Domains []Domain // that the CA has to be for by then
}

// PublishCA has the certificate of this server's own CA, with a page that says how to come to trust it, in the webroot.
// Without Wanted there is none.
type PublishCA struct {
	For
	Wanted  bool
	Domains []Domain
	Name    Domain // of the site that shows it
}

// Key implements Change, here and below.
func (c InstallPackages) Key() string   { return "packages:" + strings.Join(c.Names, ",") }
func (c EnsureUser) Key() string        { return "user:" + c.Name }
func (c EnsureDir) Key() string         { return "dir:" + c.Path }
func (c WriteFile) Key() string         { return FileKey(c.Path) }
func (c RemoveFile) Key() string        { return FileKey(c.Path) }
func (c InstallBinary) Key() string     { return FileKey(c.Path) }
func (c ReloadUnits) Key() string       { return "daemon-reload:" + string(c.Step()) }
func (c EnableUnit) Key() string        { return "unit:" + c.Unit }
func (c DisableUnit) Key() string       { return "unit:" + c.Unit }
func (c OpenPort) Key() string          { return fmt.Sprintf("port:%d/%s", c.Port.Number, c.Port.Proto) }
func (c IssueLocal) Key() string        { return CertKey(c.Site) + ":local" }
func (c ImportCertificate) Key() string { return CertKey(c.Site) + ":files" }
func (c ObtainCertificate) Key() string { return CertKey(c.Site) + ":acme" }
func (c TestConfig) Key() string        { return "test:" + c.Executor }
func (c Rehearse) Key() string          { return "rehearse:" + c.Executor }
func (c Reload) Key() string            { return "reload:" + c.Unit + ":" + string(c.Step()) }
func (c Restart) Key() string           { return "restart:" + c.Unit }
func (c Verify) Key() string            { return fmt.Sprintf("verify:%t", c.Trusted) }
func (c Checkpoint) Key() string        { return "checkpoint" }
func (c Drain) Key() string             { return "drain:" + c.Unit }
func (c Announce) Key() string          { return FileKey(AltSvcFile(c.Executor, c.Site.Name)) }
func (c TrustCA) Key() string           { return "ca:trusted" }
func (c PublishCA) Key() string         { return "ca:page" }

// FileKey is the key of the file at path, for the On lists.
func FileKey(path string) string { return "file:" + path }

// CertKey is the prefix of every key that changes the certificate of a site, for the On lists: an On entry matches
// every key that it is equal to or that continues it after a colon.
func CertKey(site string) string { return "cert:" + site }

// Matches reports whether the On entry names the key.
func Matches(on, key string) bool {
	return on == key || strings.HasPrefix(key, on+":")
}
