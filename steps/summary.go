package steps

import (
	"fmt"
	"strings"
	"time"
)

// The summaries of the changes: one line each, in the imperative, beginning with a small letter.

// Summary implements Change.
func (c InstallPackages) Summary() string {
	return "install " + plural(len(c.Names), "the package ", "the packages ") + strings.Join(c.Names, ", ")
}

// Summary implements Change.
func (c EnsureUser) Summary() string { return "add the system user and group " + c.Name }

// Summary implements Change.
func (c EnsureDir) Summary() string {
	return fmt.Sprintf("make the folder %s (%s, %04o)", c.Path, ownership(c.Owner, c.Group), c.Mode.Perm())
}

// Summary implements Change.
func (c WriteFile) Summary() string {
	return fmt.Sprintf("write %s (%s, %04o)", c.Path, ownership(c.Owner, c.Group), c.Mode.Perm())
}

// Summary implements Change.
func (c RemoveFile) Summary() string { return "remove " + c.Path }

// Summary implements Change.
func (c InstallBinary) Summary() string {
	return fmt.Sprintf("copy sslwizard to %s (%.1f MB)", c.Path, float64(c.Size)/1e6)
}

// Summary implements Change.
func (c ReloadUnits) Summary() string { return "have systemd read its unit files again" }

// Summary implements Change.
func (c EnableUnit) Summary() string {
	if c.Start {
		return "start " + c.Unit + ", now and at every boot"
	}
	return "start " + c.Unit + " at every boot"
}

// Summary implements Change.
func (c DisableUnit) Summary() string { return "stop " + c.Unit + " and do not start it at boot" }

// Summary implements Change.
func (c OpenPort) Summary() string {
	return fmt.Sprintf("open port %d/%s in %s", c.Port.Number, c.Port.Proto, c.Firewall)
}

// Summary implements Change.
func (c IssueLocal) Summary() string {
	return fmt.Sprintf("make a certificate for %s by this server's own CA, unless it has one (%s, %d days)",
		domainList(c.Domains), c.KeyType, c.Days)
}

// Summary implements Change.
func (c ImportCertificate) Summary() string {
	return "use the certificate in " + c.Certificate + " for " + domainList(c.Domains)
}

// Summary implements Change.
func (c ObtainCertificate) Summary() string {
	way := c.Trusted.Challenge
	if way == DNS01 {
		way += fmt.Sprintf(" by %s, credentials in %s", c.Trusted.DNS.Provider, c.Trusted.DNS.Credentials)
	}
	return fmt.Sprintf("obtain a certificate for %s from %s (%s)", domainList(c.Domains), c.Trusted.Directory, way)
}

// Summary implements Change.
func (c TestConfig) Summary() string { return "test the configuration of " + c.Executor }

// Summary implements Change.
func (c Rehearse) Summary() string {
	return "rehearse " + siteList(c.Sites) + " on loopback with " + c.Executor + ", over TLS and WSS"
}

// Summary implements Change.
func (c Reload) Summary() string { return "reload " + c.Unit + " and see that it did" }

// Summary implements Change.
func (c Restart) Summary() string { return "restart " + c.Unit }

// Summary implements Change.
func (c Verify) Summary() string {
	if c.Trusted {
		return "verify " + siteList(c.Sites) + " as a browser would"
	}
	return "verify " + siteList(c.Sites) + ", trusting this server's own CA"
}

// Summary implements Change.
func (c Checkpoint) Summary() string { return "keep what works so far, whatever happens after this" }

// Summary implements Change.
func (c Drain) Summary() string {
	return fmt.Sprintf("stop %s once it has answered the requests that it has (at most %s)", c.Unit, c.Wait.Round(time.Second))
}

// Summary implements Change.
func (c Announce) Summary() string {
	if !c.Site.SSL.HTTP3 {
		return "tell browsers that " + c.Site.Name + " has no HTTP/3 any more"
	}
	return "reach " + c.Site.Name + " over HTTP/3 and, if that works, tell browsers of it"
}

// Summary implements Change.
func (c TrustCA) Summary() string {
	if !c.Wanted {
		return "have this host trust its own CA no longer"
	}
	return "have this host trust its own CA, for its own names"
}

// Summary implements Change.
func (c PublishCA) Summary() string {
	if !c.Wanted {
		return "take the page of this server's own CA away"
	}
	return "show this server's own CA on " + c.URL()
}

func ownership(owner, group string) string {
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	return owner + ":" + group
}

func domainList(domains []Domain) string {
	names := make([]string, len(domains))
	for i, d := range domains {
		names[i] = string(d)
	}
	return someOf(names)
}

func siteList(sites []Site) string {
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = s.Name
	}
	return someOf(names)
}

// someOf joins names for one line: beyond three it says how many more there are.
func someOf(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
