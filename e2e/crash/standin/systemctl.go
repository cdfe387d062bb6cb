package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What systemd knows is below /run, and what starts at boot are links, as on a real server.
const (
	units   = "/etc/systemd/system/"
	running = "/run/standin/" // NAME: what an active unit has read of its configuration
	loaded  = "/run/standin-loaded"
)

// recoverUnit matters at the next boot, when everything is read anew: that systemd still knows it until then, although it is gone, is
// no difference.
const recoverUnit = "sslwizard-recover.service"

var unitFolders = []string{units, "/usr/lib/systemd/system/"}

// configured is what a unit reads when it starts or is reloaded.
var configured = map[string][]string{
	"sslwizard-proxy.service": {"/etc/sslwizard/sites", "/var/lib/sslwizard/certs", "/usr/local/bin/sslwizard"},
	"nginx.service":           {"/etc/nginx", "/var/lib/sslwizard/certs"},
}

func systemctl(args []string) error {
	words := plain(args)
	if len(words) == 0 {
		return errUnknown
	}
	verb, names := words[0], words[1:]
	switch {
	case verb == "daemon-reload" && len(names) == 0:
		return daemonReload()
	case len(names) == 0:
		return errUnknown
	case verb == "show" && slices.Contains(args, "LoadState,ActiveState") && len(names) == 1:
		fmt.Printf("LoadState=%s\nActiveState=%s\n", word(file(names[0]) != "", "loaded", "not-found"), word(there(running+names[0]), "active", "inactive"))
		return nil
	case verb == "show" && slices.Contains(args, "NRestarts") && len(names) == 1:
		fmt.Println("0")
		return nil
	case verb == "is-enabled" && len(names) == 1:
		return isEnabled(names[0])
	}
	act, ok := map[string]func(string) error{
		"start": start, "restart": start, "reload": reload, "reload-or-restart": reload, "stop": stop, "enable": enable, "disable": disable,
		"reset-failed": func(string) error { return nil },
	}[verb]
	if !ok {
		return errUnknown
	}
	for _, name := range names {
		if err := act(name); err != nil {
			return err
		}
	}
	if (verb == "enable" || verb == "disable") && !slices.Contains(args, "--no-reload") {
		return daemonReload()
	}
	return nil
}

// daemonReload has systemd read its unit files; links that have units start at boot are read at the next boot.
func daemonReload() error {
	all, err := os.ReadDir(units)
	if err != nil {
		return err
	}
	var read []string
	for _, f := range all {
		if f.Type().IsRegular() && f.Name()[0] != '.' && f.Name() != recoverUnit {
			read = append(read, digest(units+f.Name()))
		}
	}
	return put(loaded, strings.Join(read, "\n")+"\n", 0o644)
}

func word(yes bool, one, other string) string {
	if yes {
		return one
	}
	return other
}

func file(unit string) string {
	for _, dir := range unitFolders {
		if there(dir + unit) {
			return dir + unit
		}
	}
	return ""
}

func isEnabled(unit string) error {
	if file(unit) == "" {
		return failed(4, "not-found")
	}
	links, err := wants(unit)
	if err != nil {
		return err
	}
	switch {
	case len(links) == 0:
		fmt.Println("static")
	case there(links[0]):
		fmt.Println("enabled")
	default:
		fmt.Println("disabled")
		return failed(1, "")
	}
	return nil
}

// wants are the links that have a unit start at boot.
func wants(unit string) ([]string, error) {
	text, err := read(file(unit))
	var links []string
	for line := range strings.Lines(text) {
		if targets, ok := strings.CutPrefix(strings.TrimSpace(line), "WantedBy="); ok {
			for _, target := range strings.Fields(targets) {
				links = append(links, units+target+".wants/"+unit)
			}
		}
	}
	return links, err
}

func start(unit string) error {
	if file(unit) == "" {
		return failed(5, "Failed to start %s: Unit %s not found.", unit, unit)
	}
	if unit == "nginx.service" && !there("/usr/sbin/nginx") {
		return failed(1, "Job for nginx.service failed because the control process exited with error code.")
	}
	return put(running+unit, configuration(unit), 0o644)
}

func reload(unit string) error {
	if !there(running + unit) {
		return failed(1, "%s is not active, cannot reload.", unit)
	}
	return put(running+unit, configuration(unit), 0o644)
}

func stop(unit string) error { return take(running + unit) }

func enable(unit string) error {
	links, err := wants(unit)
	if err != nil || file(unit) == "" {
		return failed(1, "Failed to enable unit: Unit file %s does not exist. %v", unit, err)
	}
	for _, link := range links {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(file(unit), link); err != nil && !there(link) {
			return err
		}
	}
	return nil
}

// disable takes the links away, also those of a unit whose file is gone, and the folders that are empty then.
func disable(unit string) error {
	links, err := filepath.Glob(units + "*.wants/" + unit)
	if err != nil {
		return err
	}
	if file(unit) == "" && len(links) == 0 {
		return failed(1, "Failed to disable unit: Unit file %s does not exist.", unit)
	}
	for _, link := range links {
		if err := take(link); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(link)) // fails when there is more in it
	}
	return nil
}

func configuration(unit string) string {
	var all []string
	for _, root := range configured[unit] {
		all = append(all, digest(root))
	}
	return strings.Join(all, "\n") + "\n"
}

// digest is what is below a folder, by names and contents. What is random in a certificate is left out: the link that is
// current says which one it is.
func digest(root string) string {
	sum := sha256.New()
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case strings.Contains(name, ".sslwizard-") || strings.HasSuffix(name, ".new") || strings.HasSuffix(name, ".dpkg-new"):
			return nil // unfinished, and read by nobody
		case d.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(name)
			fmt.Fprintln(sum, name, to)
		case d.Type().IsRegular() && !strings.HasPrefix(name, "/var/lib/sslwizard/certs/"):
			text, _ := os.ReadFile(name)
			fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(text))
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil))
}
