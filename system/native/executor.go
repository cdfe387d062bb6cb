package native

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
)

// Executor plans for the native proxy.
type Executor struct{}

var _ steps.Executor = Executor{}

// Name implements steps.Executor.
func (Executor) Name() string { return steps.ExecutorNative }

// Fit implements steps.Executor.
func (Executor) Fit(s steps.Site, f steps.Facts) []steps.Finding {
	var found []steps.Finding
	if f.Services != "systemd" {
		found = append(found, steps.Finding{
			Step: steps.IDInstall, Code: "H10", Severity: steps.Blocker,
			Text: "cannot run the native proxy: no systemd runs on this server",
			Fix:  []string{"sslwizard serve --http 0.0.0.0:80 --https 0.0.0.0:443    runs it by hand, or from the service manager that is here"},
		})
	}
	for _, u := range s.Proxy.Upstreams() {
		if hidden := hiddenFolder(u.Path); u.Socket() && hidden != "" {
			found = append(found, steps.Finding{
				Step: steps.IDProxy, Code: "hidden-socket", Severity: steps.Blocker,
				Text: "cannot reach the upstream " + steps.CleanLine(u.Path) + ": the service sees nothing below " + hidden,
				Fix: []string{"have the application make its socket in a folder of its own below /run (RuntimeDirectory= of its unit)",
					"or have it listen on 127.0.0.1 and give that as the upstream"},
			})
		}
	}
	return found
}

// hiddenFolder returns the folder that the sandbox of the service hides and in which the socket is, or "". It follows
// ProtectHome= and PrivateTmp= of the unit.
func hiddenFolder(socket string) string {
	for _, folder := range []string{"/home", "/root", "/run/user", "/tmp", "/var/tmp"} {
		if strings.HasPrefix(path.Clean(socket), folder+"/") {
			return folder
		}
	}
	return ""
}

// unitFile is one of our units with its content.
type unitFile struct {
	name    string
	content []byte
}

func (u unitFile) path() string { return assets.UnitFolder + u.name }
func (u unitFile) key() string  { return steps.FileKey(u.path()) }

func (u unitFile) write() steps.Change {
	return steps.WriteFile{For: steps.For(steps.IDInstall), Path: u.path(), Content: u.content, Mode: 0o644}
}

// sockets are those of every host; that of HTTP/3 is there only for sites that ask.
func sockets(f steps.Facts) []unitFile {
	return []unitFile{
		{assets.ProxyHTTPSocket, assets.ProxySocketUnit("http", 80, f.IPv6)},
		{assets.ProxyHTTPSSocket, assets.ProxySocketUnit("https", 443, f.IPv6)},
	}
}

func socket3(f steps.Facts) unitFile {
	return unitFile{assets.ProxyHTTP3Socket, assets.ProxySocketUnit("http3", 443, f.IPv6)}
}

func service(f steps.Facts, sites []steps.Site) unitFile {
	return unitFile{assets.ProxyService, assets.ProxyServiceUnit(f.Binary(), logsToFiles(sites), steps.HTTP3(sites))}
}

func logsToFiles(sites []steps.Site) bool {
	return slices.ContainsFunc(sites, func(s steps.Site) bool { return s.LogFile(steps.LogDir) != "" })
}

// rotation has what logrotate does with the access logs that are files, and nothing where none is.
func rotation(sites []steps.Site, f steps.Facts) []steps.Change {
	install := steps.For(steps.IDInstall)
	switch _, there := f.Managed.Files[rotationFile]; {
	case logsToFiles(sites):
		return []steps.Change{
			steps.EnsureDir{For: install, Path: path.Dir(rotationFile), Mode: 0o755}, // where there is no logrotate yet
			steps.WriteFile{For: install, Path: rotationFile, Content: assets.LogRotation(steps.LogDir, steps.ProxyUser), Mode: 0o644},
		}
	case there:
		return []steps.Change{steps.RemoveFile{For: install, Path: rotationFile}}
	}
	return nil
}

// rotationFile is where logrotate finds it.
const rotationFile = "/etc/logrotate.d/sslwizard"

// Changes implements steps.Executor. The service reads the stored sites themselves, so what is written here is the
// same for every site.
func (Executor) Changes(sites []steps.Site, f steps.Facts) (steps.Stages, error) {
	install := steps.For(steps.IDInstall)
	unit := service(f, sites)
	files := append(sockets(f), unit)
	quic := http3Changes(sites, f)
	serve := quic.before
	var on []string
	for _, u := range files {
		serve = append(serve, u.write())
		on = append(on, u.key())
	}
	serve = append(serve, steps.ReloadUnits{For: install, On: append(on, quic.on...)})
	serve = append(serve, rotation(sites, f)...)
	serve = append(serve, renewSockets(sites, f)...)
	if !there(unit, f) {
		serve = append(serve, quic.after...)
	}
	for _, u := range files { // the sockets first: the service takes them over
		serve = append(serve, steps.EnableUnit{For: install, Unit: u.name, Start: true})
	}
	if there(unit, f) { // where it is new it has just been started
		serve = append(serve, steps.Restart{For: install, Unit: unit.name, On: []string{unit.key()}})
		serve = append(serve, quic.after...)
	}
	// A new program takes over with the reload, and the old one stays for its WebSockets.
	program := []string{steps.FileKey(f.Binary())}
	serve = append(serve, reload(steps.IDWebSockets, slices.Concat(program, siteKeys(sites), certKeys(sites))))
	return steps.Stages{
		KeyGroup: steps.ProxyUser,
		Prepare:  []steps.Change{steps.EnsureUser{For: install, Name: steps.ProxyUser}},
		Serve:    serve,
		Renewed:  []steps.Change{reload(steps.IDTrusted, trustedKeys(sites))},
		Announced: func(on []string) steps.Change {
			return reload(steps.IDSSL, on)
		},
	}, nil
}

// renewSockets restarts a socket whose unit changes (IPv6 came or went). systemd refuses that while the service holds
// it, so the service is drained before; it comes back with the first connection, or when it is enabled after this.
func renewSockets(sites []steps.Site, f steps.Facts) []steps.Change {
	all := sockets(f)
	if steps.HTTP3(sites) {
		all = append(all, socket3(f))
	}
	var restarts []steps.Change
	for _, u := range all {
		sum := sha256.Sum256(u.content)
		if was, ours := f.Managed.Files[u.path()]; ours && was != hex.EncodeToString(sum[:]) {
			restarts = append(restarts, steps.Restart{For: steps.For(steps.IDInstall), Unit: u.name, On: []string{u.key()}})
		}
	}
	if len(restarts) == 0 {
		return nil
	}
	return append([]steps.Change{drain()}, restarts...)
}

func drain() steps.Change {
	return steps.Drain{For: steps.For(steps.IDInstall), Unit: assets.ProxyService, Wait: DrainTime}
}

func reload(step steps.ID, on []string) steps.Change {
	return steps.Reload{For: steps.For(step), Executor: steps.ExecutorNative, Unit: assets.ProxyService, On: on}
}

func siteKeys(sites []steps.Site) []string {
	var keys []string
	for _, s := range sites {
		keys = append(keys, steps.FileKey(steps.SiteFile(s.Name)), steps.FileKey(steps.ClientCAFile(s.Name)))
	}
	return keys
}

func certKeys(sites []steps.Site) []string {
	var keys []string
	for _, s := range sites {
		keys = append(keys, steps.CertKey(s.Name))
	}
	return keys
}

// trustedKeys are the certificates that come after the sites are served; a local one is there before.
func trustedKeys(sites []steps.Site) []string {
	var keys []string
	for _, s := range sites {
		keys = append(keys, steps.CertKey(s.Name)+":"+steps.SourceACME, steps.CertKey(s.Name)+":"+steps.SourceFiles)
	}
	return keys
}

// Removal implements steps.Executor. The sockets go before the service: a socket that still listens would start it
// again. What the service has taken by then it answers while it drains.
func (Executor) Removal(sites []steps.Site, last bool, f steps.Facts) ([]steps.Change, error) {
	if !last {
		return append(withoutHTTP3(sites, f), reload(steps.IDInstall, siteKeys(sites))), nil
	}
	install := steps.For(steps.IDInstall)
	units := append(sockets(f), service(f, nil)) // by their names
	if there(socket3(f), f) {
		units = append([]unitFile{socket3(f)}, units...)
	}
	var off, gone []steps.Change
	var on []string
	for _, u := range units {
		if u.name == assets.ProxyService {
			off = append(off, drain())
		}
		off = append(off, steps.DisableUnit{For: install, Unit: u.name})
		gone = append(gone, steps.RemoveFile{For: install, Path: u.path()})
		on = append(on, u.key())
	}
	gone = append(gone, rotation(nil, f)...)
	return append(append(off, gone...), steps.ReloadUnits{For: install, On: on}), nil
}
