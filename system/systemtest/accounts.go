package systemtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// The next free user and group id of the simulation.
const firstID = 990

func (d *Debian) useradd(args []string) (host.Output, func() host.Output, bool) {
	name := args[len(args)-1]
	return host.Output{}, func() host.Output {
		if d.account("/etc/passwd", name) != "" {
			return Exit(9, "useradd: user '"+name+"' already exists\n")
		}
		id := d.addGroup(name)
		d.appendLine("/etc/passwd", fmt.Sprintf("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin", name, id, id))
		return host.Output{}
	}, true
}

func (d *Debian) groupadd(args []string) (host.Output, func() host.Output, bool) {
	name := args[len(args)-1]
	return host.Output{}, func() host.Output {
		if d.account("/etc/group", name) != "" {
			return Exit(9, "groupadd: group '"+name+"' already exists\n")
		}
		d.addGroup(name)
		return host.Output{}
	}, true
}

func (d *Debian) userdel(args []string) (host.Output, func() host.Output, bool) {
	name := args[len(args)-1]
	return host.Output{}, func() host.Output {
		if d.account("/etc/passwd", name) == "" {
			return Exit(6, "userdel: user '"+name+"' does not exist\n")
		}
		d.dropLine("/etc/passwd", name)
		d.dropLine("/etc/group", name)
		return host.Output{}
	}, true
}

func (d *Debian) groupdel(args []string) (host.Output, func() host.Output, bool) {
	name := args[len(args)-1]
	return host.Output{}, func() host.Output {
		if d.account("/etc/group", name) == "" {
			return Exit(6, "groupdel: group '"+name+"' does not exist\n")
		}
		d.dropLine("/etc/group", name)
		return host.Output{}
	}, true
}

func (d *Debian) getent(args []string) (host.Output, func() host.Output, bool) {
	if len(args) != 2 || args[0] != "passwd" && args[0] != "group" {
		return host.Output{}, nil, false
	}
	if found := d.account("/etc/"+args[0], args[1]); found != "" {
		return Stdout(found + "\n"), nil, true
	}
	return Exit(2, ""), nil, true
}

func (d *Debian) addGroup(name string) int {
	if found := d.account("/etc/group", name); found != "" {
		id, _ := strconv.Atoi(strings.Split(found, ":")[2])
		return id
	}
	id := firstID
	for strings.Contains(string(d.tree.nodes["/etc/group"].Data), fmt.Sprintf(":%d:", id)) {
		id--
	}
	d.appendLine("/etc/group", fmt.Sprintf("%s:x:%d:", name, id))
	return id
}

func (d *Debian) account(file, name string) string {
	for line := range strings.SplitSeq(string(d.tree.nodes[file].Data), "\n") {
		if strings.HasPrefix(line, name+":") {
			return line
		}
	}
	return ""
}

func (d *Debian) appendLine(file, text string) {
	f := d.tree.nodes[file]
	f.Data = append(slices.Clone(f.Data), text+"\n"...)
	d.tree.nodes[file] = f
}

func (d *Debian) dropLine(file, name string) {
	f := d.tree.nodes[file]
	var kept []string
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		if !strings.HasPrefix(line, name+":") {
			kept = append(kept, line)
		}
	}
	f.Data = []byte(strings.Join(kept, "\n"))
	d.tree.nodes[file] = f
}
