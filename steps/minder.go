package steps

import "fmt"

// Minder is a program that keeps a file of this host as it wants it (Ansible, Puppet …), by what the file says itself.
type Minder struct {
	Tool string // "Ansible"
	File string
}

// minderFindings warn that the next run of such a program may take back what is set up here.
func minderFindings(f Facts) []Finding {
	var found []Finding
	said := map[string]bool{}
	for _, m := range f.Minders {
		if said[m.Tool] {
			continue
		}
		said[m.Tool] = true
		found = append(found, Finding{Code: "H21", Severity: Warning, Text: fmt.Sprintf("%s says that %s manages it: its next run may take back what is set up here", m.File, m.Tool),
			Fix: []string{"have " + m.Tool + " leave files named sslwizard… alone, or run sslwizard from there: sslwizard --non-interactive --answers FILE changes nothing the second time"}})
	}
	return found
}
