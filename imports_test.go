package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/c93d5bcb/sslwizard"

// rule says what a package, and everything below it, may and may not import.
type rule struct {
	pkg    string   // below the module; "" is main
	allow  []string // of ours; nil: all
	forbid []string // of others
	why    string
}

var rules = []rule{
	{"assets", []string{}, nil, "templates are data: they know nothing of us"},
	{"steps", []string{"steps"}, []string{"os", "os/exec", "net/http", "syscall"}, "the language is pure: it must be testable without a host"},
	{"system/acme", []string{"steps", "system/acme"}, nil, "the CA's replies are parsed by a package that can change nothing"},
	{"system/dns01", []string{"steps", "system/acme", "system/resolve", "system/dns01"}, nil, "who speaks to providers is given settings and a way to run one program, not the host"},
	{"system/resolve", []string{"system/resolve"}, nil, "the DNS is asked by a package that can change nothing"},
	{"system/probe", []string{"steps", "system/probe"}, nil, "the probe has to be usable against any server"},
	{"system/proxy", []string{"steps", "assets", "system/proxy"}, nil, "the process that faces the internet carries no installer"},
	{"system", []string{"steps", "assets", "system"}, nil, "the machine does not know who asks"},
	{"wizard", []string{"steps", "wizard"}, nil, "screens know the language, never the machine"},
}

// TestImportRules keeps the architecture: who may know whom, with the reason when a rule is broken.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if r, ok := ruleFor(path); ok {
			for _, imported := range p.Imports {
				if !r.permits(imported) {
					t.Errorf("%s imports %s: %s", path, imported, r.why)
				}
			}
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "github.com/go-acme/lego") && path != "system/acme" {
				t.Errorf("%s imports %s: lego logs to a global logger and takes no context; system/acme alone owns it", path, imported)
			}
			if strings.HasPrefix(imported, "github.com/charmbracelet/") && !strings.HasPrefix(path, "wizard") {
				t.Errorf("%s imports %s: only wizard draws screens", path, imported)
			}
			if strings.HasPrefix(imported, "github.com/quic-go/") && path != "system/proxy" && path != "system/probe" && !strings.HasPrefix(path, "e2e/") {
				t.Errorf("%s imports %s: only what serves HTTP/3 and what asks over it speaks QUIC", path, imported)
			}
			if imported == "os/exec" && !mayStartPrograms(path) {
				t.Errorf("%s imports os/exec: system/host is the one door to programs", path)
			}
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v", err)
	}
	var all []goPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages listed: the test looks at the wrong place", len(all))
	}
	return all
}

// ruleFor returns the first rule whose package contains path: the narrow ones stand before the wide ones.
func ruleFor(path string) (rule, bool) {
	for _, r := range rules {
		if path == r.pkg || strings.HasPrefix(path, r.pkg+"/") {
			return r, true
		}
	}
	return rule{}, false
}

func (r rule) permits(imported string) bool {
	for _, f := range r.forbid {
		if imported == f {
			return false
		}
	}
	ours, ok := strings.CutPrefix(imported, module+"/")
	if !ok || r.allow == nil {
		return true
	}
	for _, a := range r.allow {
		if ours == a || strings.HasPrefix(ours, a+"/") {
			return true
		}
	}
	return false
}

// mayStartPrograms names the packages that may: the door itself, and what never runs on a user's host.
func mayStartPrograms(path string) bool {
	return path == "system/host" || path == "e2e" || strings.HasPrefix(path, "e2e/")
}
