package systemtest

import (
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

func (d *Debian) unit(name string) *Unit {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	if d.Units[name] == nil {
		d.Units[name] = &Unit{}
	}
	return d.Units[name]
}

// known reports whether systemd could load the unit: there is a file of it, or the test made it.
func (d *Debian) known(name string) bool {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	template := name
	if at := strings.Index(name, "@"); at > 0 {
		template = name[:at+1] + name[strings.LastIndex(name, "."):]
	}
	for _, dir := range unitFolders {
		for _, file := range []string{name, template} {
			if _, ok := d.tree.nodes[dir+"/"+file]; ok {
				return true
			}
		}
	}
	return d.Units[name] != nil
}

// verbs of systemctl that change something, by what they do to a unit.
var verbs = map[string]func(*Unit){
	"start":                 func(u *Unit) { u.Active = true },
	"restart":               func(u *Unit) { u.Active = true },
	"reload-or-restart":     func(u *Unit) { u.Active = true },
	"try-restart":           func(*Unit) {},
	"try-reload-or-restart": func(*Unit) {},
	"reload":                func(*Unit) {},
	"stop":                  func(u *Unit) { u.Active = false },
	"enable":                func(u *Unit) { u.Enabled = true },
	"disable":               func(u *Unit) { u.Enabled = false },
	"reset-failed":          func(*Unit) {},
}

func (d *Debian) systemctl(args []string) (host.Output, func() host.Output, bool) {
	plain, options := words(joined(args))
	if len(plain) == 0 {
		return host.Output{}, nil, false
	}
	verb, units := plain[0], plain[1:]
	switch verb {
	case "is-active", "is-enabled":
		return d.is(verb, units), nil, true
	case "show":
		return d.showUnits(units, options), nil, true
	case "is-system-running":
		return Stdout("running\n"), nil, true
	case "list-sockets":
		return host.Output{}, nil, true
	case "cat":
		return d.cat(units), nil, true
	case "daemon-reload":
		return host.Output{}, func() host.Output { return host.Output{} }, true
	}
	act, ok := verbs[verb]
	if !ok || len(units) == 0 && verb != "reset-failed" {
		return host.Output{}, nil, false
	}
	now := strings.Contains(strings.Join(options, " ")+" ", "--now ")
	return host.Output{}, func() host.Output { return d.each(verb, units, act, now) }, true
}

func (d *Debian) each(verb string, units []string, act func(*Unit), now bool) host.Output {
	for _, name := range units {
		if !d.known(name) {
			if verb == "enable" || verb == "disable" {
				return Exit(1, fmt.Sprintf("Failed to %s unit: Unit file %s does not exist.\n", verb, name))
			}
			return Exit(5, fmt.Sprintf("Failed to %s %s: Unit %s not found.\n", verb, name, name))
		}
		u := d.unit(name)
		starts := verb == "start" || verb == "restart" || verb == "reload-or-restart" || verb == "enable" && now
		switch {
		case starts && u.FailStart != "":
			u.Active = false
			return Exit(1, "Job for "+name+" failed because "+u.FailStart+"\n")
		case verb == "reload" && !u.Active:
			return Exit(1, fmt.Sprintf("%s is not active, cannot reload.\n", name))
		}
		act(u)
		if now {
			u.Active = verb == "enable"
		}
		if strings.Contains(verb, "reload") || strings.Contains(verb, "restart") {
			d.Reloads = append(d.Reloads, verb+" "+name)
		}
	}
	return host.Output{}
}

func (d *Debian) is(verb string, units []string) host.Output {
	var out host.Output
	for _, name := range units {
		word, status := d.word(verb, name)
		out.Stdout = fmt.Appendf(out.Stdout, "%s\n", word)
		out.Status = status
	}
	return out
}

func (d *Debian) word(verb, name string) (string, int) {
	if !d.known(name) {
		if verb == "is-active" {
			return "inactive", 4
		}
		return "not-found", 4
	}
	u := d.Units[name]
	if u == nil && !strings.Contains(name, ".") {
		u = d.Units[name+".service"]
	}
	if u == nil {
		u = &Unit{}
	}
	switch {
	case verb == "is-active" && u.Active:
		return "active", 0
	case verb == "is-active":
		return "inactive", 3
	case u.Enabled:
		return "enabled", 0
	}
	return "disabled", 1
}

// showUnits prints the properties that are asked for, or the five that the simulation keeps.
func (d *Debian) showUnits(units, options []string) host.Output {
	asked, values := []string{"LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID"}, false
	for _, o := range options {
		switch list, ok := strings.CutPrefix(o, "--property="); {
		case ok:
			asked = strings.Split(list, ",")
		case strings.HasPrefix(o, "-p") && len(o) > 2:
			asked = strings.Split(o[2:], ",")
		case o == "--value":
			values = true
		}
	}
	var b strings.Builder
	for i, name := range units {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, property := range asked {
			if !values {
				b.WriteString(property + "=")
			}
			b.WriteString(d.property(name, property) + "\n")
		}
	}
	return Stdout(b.String())
}

func (d *Debian) property(name, property string) string {
	active, _ := d.word("is-active", name)
	switch property {
	case "Id":
		return name
	case "LoadState":
		if d.known(name) {
			return "loaded"
		}
		return "not-found"
	case "ActiveState":
		return active
	case "SubState":
		return map[string]string{"active": "running", "inactive": "dead"}[active]
	case "UnitFileState":
		state, _ := d.word("is-enabled", name)
		if state == "not-found" {
			return ""
		}
		return state
	case "MainPID":
		if u := d.Units[name]; u != nil && u.Active {
			return fmt.Sprint(u.PID)
		}
		return "0"
	}
	return ""
}

func (d *Debian) cat(units []string) host.Output {
	for _, name := range units {
		for _, dir := range unitFolders {
			if f, ok := d.tree.nodes[dir+"/"+name]; ok {
				return Stdout("# " + dir + "/" + name + "\n" + string(f.Data))
			}
		}
	}
	return Exit(1, "No files found for "+strings.Join(units, " ")+".\n")
}

// joined writes "-p NAMES" as "-pNAMES".
func joined(args []string) []string {
	var all []string
	for i := 0; i < len(args); i++ {
		if args[i] == "-p" && i+1 < len(args) {
			i++
			all = append(all, "-p"+args[i])
			continue
		}
		all = append(all, args[i])
	}
	return all
}
