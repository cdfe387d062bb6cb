package steps

import (
	"fmt"
	"strings"
)

// ClientCA is a file of CAs whose clients a site lets in, as it was read.
type ClientCA struct {
	PEM     []byte   // its certificates and nothing else, as they are copied; empty: it cannot be read without root
	Expired []string // the CAs in it whose time is over
}

// clientFindings are about the file of the clients' CAs. One that cannot be used was refused when it was read.
func clientFindings(s Site, f Facts) []Finding {
	if s.SSL.ClientAuth == "" {
		return nil
	}
	var found []Finding
	ca := f.ClientCAs[s.Name]
	if len(ca.PEM) == 0 {
		found = append(found, Finding{Code: "H01", Severity: Warning, Text: "the file in ssl.clientCA can be read by root only, so it is not looked at", Fix: []string{"sudo sslwizard"}})
	}
	if len(ca.Expired) > 0 {
		found = append(found, Finding{Code: "client-ca", Severity: Warning,
			Text: fmt.Sprintf("the file in ssl.clientCA has CAs whose time is over, and their clients will be refused: %s", strings.Join(ca.Expired, ", ")),
			Fix:  []string{"take them out of " + CleanLine(s.SSL.ClientCA) + ", or put the new ones in"}})
	}
	if s.SSL.ClientAuth == ClientRequired {
		found = append(found, Finding{Code: "client-auth", Severity: Info,
			Text: "who has no certificate of these CAs will not get in, and the proof of the site ends where they would be refused",
			Fix:  []string{"sslwizard probe https://" + string(s.Certs.Domains[0]) + " --client-cert FILE --client-key FILE    proves the rest"}})
	}
	return found
}

// clientCAs copies them to where the executors read them, and takes away what is not read any more.
func (b *planBuilder) clientCAs() {
	for _, s := range b.sites {
		path := ClientCAFile(s.Name)
		_, ours := b.facts.Managed.Files[path]
		switch text := b.facts.ClientCAs[s.Name].PEM; {
		case s.SSL.ClientAuth != "" && len(text) > 0:
			w := WriteFile{For: For(IDSSL), Path: path, Content: text, Mode: 0o600}
			if b.group != "" {
				w.Mode, w.Group = 0o640, b.group
			}
			b.add(w)
		case s.SSL.ClientAuth == "" && ours:
			b.add(RemoveFile{For: For(IDSSL), Path: path})
		}
	}
}
