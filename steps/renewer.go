package steps

import "slices"

// Renewer is a certificate that another program of this host renews by itself.
type Renewer struct {
	Tool  string   // "certbot", "acme.sh", "Caddy", "lego", "dehydrated"
	Name  string   // how the tool calls the certificate
	File  string   // where that was seen
	Names []Domain // what it is for
}

// Has reports whether the certificate is for the name.
func (r Renewer) Has(d Domain) bool {
	return slices.ContainsFunc(r.Names, func(n Domain) bool { return n == d || n.Covers(d) })
}

// LetGo is how the tool gives the certificate up, without revoking it.
func (r Renewer) LetGo() string {
	switch r.Tool {
	case "certbot":
		return "write autorenew = False into " + r.File
	case "acme.sh":
		return "sudo acme.sh --remove -d " + r.Name
	case "Caddy":
		return "take the site out of its Caddyfile"
	case "dehydrated":
		return "take the line out of /etc/dehydrated/domains.txt"
	}
	return "take its timer or cron entry away"
}
