package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What dpkg keeps: a line for each package, and a file while it is at work, which tells the next one that it was cut off.
const (
	database = "/var/lib/dpkg/status"
	updates  = "/var/lib/dpkg/updates/0001"
)

// cutOff is the state of a package whose first unpacking has begun and not ended: nothing is removed of it before it is
// unpacked again. A removal that has begun is merely half-installed.
const cutOff = "half-installed!"

type parcel struct {
	needs []string
	files map[string]string // configuration files are those below /etc
	unit  string
}

var archive = map[string]parcel{
	"nginx-common": {files: map[string]string{
		"/etc/nginx/nginx.conf":                 "events {}\nhttp { include /etc/nginx/conf.d/*.conf; include /etc/nginx/sites-enabled/*; }\n",
		"/etc/nginx/mime.types":                 "types {}\n",
		"/etc/nginx/conf.d/.keep":               "",
		"/usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n[Install]\nWantedBy=multi-user.target\n",
		"/usr/share/nginx/html/index.html":      "<h1>Welcome to nginx!</h1>\n",
	}},
	"nginx": {needs: []string{"nginx-common"}, unit: "nginx.service", files: map[string]string{"/usr/sbin/nginx": ""}},
}

func packages() (map[string]string, error) {
	text, err := read(database)
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 {
			all[f[0]] = f[1]
		}
	}
	return all, err
}

// note changes the state of a package; "" has dpkg forget it.
func note(name, state string) error {
	all, err := packages()
	if err != nil {
		return err
	}
	if all[name] = state; state == "" {
		delete(all, name)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintln(&b, name, all[name])
	}
	if err := put(database, b.String(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(updates, nil, 0o644) // until it is done
}

func dpkgQuery(args []string) error {
	if len(args) != 3 || args[0] != "-W" || args[1] != "-f" {
		return errUnknown
	}
	all, err := packages()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch args[2] {
		case `${Package} ${db:Status-Status}\n`:
			fmt.Println(name, strings.TrimSuffix(all[name], "!"))
		case `${Package} ${db:Status-Eflag}\n`:
			fmt.Println(name, map[bool]string{true: "reinstreq", false: "ok"}[all[name] == cutOff])
		default:
			return errUnknown
		}
	}
	return err
}

func dpkg(args []string) error {
	verb, _ := strings.CutPrefix(args[0], "--")
	switch {
	case len(args) > 2 && (verb == "purge" || verb == "remove") && args[1] == "--":
		return takeAway(verb, args[2:])
	case strings.Join(args, " ") != "--force-confold --configure -a":
		return errUnknown
	}
	all, err := packages()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "unpacked" || all[name] == "half-configured" {
			if err := configure(name); err != nil {
				return err
			}
		}
	}
	return take(updates)
}

func aptCache(args []string) error {
	words := plain(args)
	noCache := len(args) == 4 && args[0] == "-oDir::Cache::pkgcache=" && args[1] == "-oDir::Cache::srcpkgcache=" // else it would write
	if !noCache || len(words) != 2 || words[0] != "policy" {
		return errUnknown
	}
	if _, ok := archive[words[1]]; ok {
		fmt.Printf("%s:\n  Installed: (none)\n  Candidate: 1.26.3-3\n", words[1])
	}
	return nil
}

func aptGet(args []string) error {
	words := plain(args)
	if len(words) < 2 {
		return errUnknown
	}
	verb, names := words[0], words[1:]
	dry, again := slices.Contains(args, "-s"), slices.Contains(args, "--reinstall")
	switch {
	case verb != "install" && verb != "remove" && verb != "purge":
		return errUnknown
	case there(updates):
		return failed(100, "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.")
	case dry:
		return simulate(verb, names, again)
	}
	if verb != "install" {
		return takeAway(verb, names)
	}
	for _, name := range chosen(verb, names, again) {
		if err := install(name); err != nil {
			return err
		}
	}
	return take(updates)
}

// takeAway removes packages as dpkg does it: not one that it was cut off in while it unpacked it.
func takeAway(verb string, names []string) error {
	if name, err := stuck(names); err != nil || name != "" {
		return cmp.Or(err, failed(100, "dpkg: error processing package %s (--%s):\n package is in a very bad inconsistent state; you should\n"+
			" reinstall it before attempting a removal", name, verb))
	}
	for _, name := range names {
		if err := map[string]func(string) error{"remove": remove, "purge": purge}[verb](name); err != nil {
			return err
		}
	}
	return take(updates)
}

// stuck is a package that would go and cannot, because it was cut off while it was unpacked: one that is named, or needs one
// that is.
func stuck(names []string) (string, error) {
	all, err := packages()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		needs := func(other string) bool { return slices.Contains(names, other) }
		if all[name] == cutOff && (needs(name) || slices.ContainsFunc(archive[name].needs, needs)) {
			return name, err
		}
	}
	return "", err
}

// chosen are the packages that a command is about: what is needed comes before, and goes after. What is there is not
// installed again unless that is asked for, not even what is there by half.
func chosen(verb string, names []string, again bool) []string {
	var all []string
	for _, name := range names {
		all = append(append(all, archive[name].needs...), name)
	}
	if verb != "install" {
		return names
	}
	present, _ := packages()
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool {
		there := present[name] == "installed" || present[name] == cutOff
		return there && !(again && slices.Contains(names, name))
	})
}

func simulate(verb string, names []string, again bool) error {
	word := map[string]string{"install": "Inst"}[verb]
	if word == "" {
		word = "Remv"
	}
	for _, name := range chosen(verb, names, again) {
		fmt.Printf("%s %s (1.26.3-3 Debian:13/stable [amd64])\n", word, name)
	}
	return nil
}

func install(name string) error {
	p, ok := archive[name]
	if !ok {
		return failed(100, "E: Unable to locate package %s", name)
	}
	if err := note(name, cutOff); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(p.files)) {
		if err := unpack(file, p.files[file]); err != nil {
			return err
		}
	}
	if err := note(name, "unpacked"); err != nil {
		return err
	}
	return configure(name)
}

func unpack(file, text string) error {
	if there(file) && strings.HasPrefix(file, "/etc/") {
		return nil // what somebody has there stays
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp, mode := file+".dpkg-new", os.FileMode(0o644)
	if strings.HasPrefix(file, "/usr/sbin/") {
		if err := os.Link("/usr/bin/standin", temp); err != nil && !there(temp) {
			return err
		}
		return os.Rename(temp, file)
	}
	if err := os.WriteFile(temp, []byte(text), mode); err != nil {
		return err
	}
	return os.Rename(temp, file)
}

func configure(name string) error {
	if err := note(name, "half-configured"); err != nil {
		return err
	}
	if unit := archive[name].unit; unit != "" {
		if err := enable(unit); err != nil {
			return err
		}
		if policy, err := read("/usr/sbin/policy-rc.d"); err != nil || !strings.Contains(policy, "exit 101") {
			if err := start(unit); err != nil {
				return err
			}
		}
	}
	return note(name, "installed")
}

func remove(name string) error {
	p := archive[name]
	if all, err := packages(); err != nil || all[name] != "half-installed" { // else a removal that was cut off goes on where it was
		if err := note(name, "half-configured"); err != nil {
			return err
		}
		if p.unit != "" {
			if err := stop(p.unit); err != nil {
				return err
			}
		}
		if err := note(name, "half-installed"); err != nil {
			return err
		}
	}
	for _, file := range slices.Sorted(maps.Keys(p.files)) {
		if !strings.HasPrefix(file, "/etc/") {
			if err := sweep(file); err != nil {
				return err
			}
		}
	}
	return note(name, "config-files")
}

func purge(name string) error {
	if all, err := packages(); err != nil || all[name] != "config-files" {
		if err := remove(name); err != nil {
			return err
		}
	}
	p := archive[name]
	if p.unit != "" {
		if links, _ := filepath.Glob(units + "*.wants/" + p.unit); len(links) > 0 {
			if err := disable(p.unit); err != nil {
				return err
			}
		}
	}
	for _, file := range slices.Backward(slices.Sorted(maps.Keys(p.files))) {
		if err := sweep(file); err != nil {
			return err
		}
	}
	return note(name, "")
}

// sweep removes a file of a package, what an unpacking left of it, and the folders that are empty then.
func sweep(file string) error {
	for _, name := range []string{file, file + ".dpkg-new"} {
		if err := take(name); err != nil {
			return err
		}
	}
	for dir := filepath.Dir(file); strings.Contains(dir, "nginx"); dir = filepath.Dir(dir) {
		if err := os.Remove(dir); err != nil && there(dir) {
			break // there is more in it
		}
	}
	return nil
}
