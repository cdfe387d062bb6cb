package inspect

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Where other programs keep what they renew. Each list is looked at as it is; nobody else's home is searched.
const (
	certbotDir    = "/etc/letsencrypt/renewal"
	acmeShDir     = "/root/.acme.sh"
	caddyDir      = "/var/lib/caddy/.local/share/caddy/certificates"
	dehydratedTxt = "/etc/dehydrated/domains.txt"
)

var legoDirs = []string{"/var/lib/lego/certificates", "/etc/lego/certificates", "/root/.lego/certificates"}

// maxRenewers is how many certificates of others are listed.
const maxRenewers = 100

// renewers finds the certificates that other programs of this host renew. Most of it is for root only.
func (in *inspector) renewers() []steps.Renewer {
	all := slices.Concat(in.certbot(), in.acmeSh(), in.caddy(), in.lego(), in.dehydrated())
	return all[:min(len(all), maxRenewers)]
}

// certbot has a file for each certificate; its names are in the certificate.
func (in *inspector) certbot() []steps.Renewer {
	var all []steps.Renewer
	for _, file := range in.some(certbotDir) {
		name, ok := strings.CutSuffix(file, ".conf")
		text := in.read(path.Join(certbotDir, file))
		if !ok || text == "" || setting(text, "autorenew") == "False" {
			continue
		}
		names := in.namesIn(path.Join("/etc/letsencrypt/live", name, "cert.pem"), setting(text, "cert"))
		all = append(all, renewer("certbot", name, path.Join(certbotDir, file), names))
	}
	return all
}

// acmeSh has a folder for each certificate.
func (in *inspector) acmeSh() []steps.Renewer {
	var all []steps.Renewer
	for _, dir := range in.some(acmeShDir) {
		name := strings.TrimSuffix(dir, "_ecc")
		file := path.Join(acmeShDir, dir, name+".conf")
		text := in.read(file)
		if main := setting(text, "Le_Domain"); main != "" {
			all = append(all, renewer("acme.sh", main, file, append([]string{main}, strings.Split(setting(text, "Le_Alt"), ",")...)))
		}
	}
	return all
}

// caddy has a folder for each CA, and in it one for each name.
func (in *inspector) caddy() []steps.Renewer {
	var all []steps.Renewer
	for _, ca := range in.some(caddyDir) {
		if ca == "local" { // its own CA counts for nobody
			continue
		}
		for _, name := range in.some(path.Join(caddyDir, ca)) {
			plain := strings.Replace(name, "wildcard_", "*", 1)
			all = append(all, renewer("Caddy", plain, path.Join(caddyDir, ca, name), []string{plain}))
		}
	}
	return all
}

// lego has a certificate file for each.
func (in *inspector) lego() []steps.Renewer {
	var all []steps.Renewer
	for _, dir := range legoDirs {
		for _, file := range in.some(dir) {
			name, ok := strings.CutSuffix(file, ".crt")
			if ok && !strings.HasSuffix(name, ".issuer") {
				all = append(all, renewer("lego", strings.Replace(name, "_.", "*.", 1), path.Join(dir, file), in.namesIn(path.Join(dir, file))))
			}
		}
	}
	return all
}

// dehydrated has a line for each certificate: its names, and behind ">" what it is called.
func (in *inspector) dehydrated() []steps.Renewer {
	var all []steps.Renewer
	for _, line := range lines(in.read(dehydratedTxt)) {
		line, _, _ = strings.Cut(line, ">")
		if names := strings.Fields(line); len(names) > 0 && !strings.HasPrefix(line, "#") {
			all = append(all, renewer("dehydrated", names[0], dehydratedTxt, names))
		}
	}
	return all
}

// some are the first names in a folder.
func (in *inspector) some(dir string) []string {
	names := in.entries(dir)
	return names[:min(len(names), maxRenewers)]
}

func renewer(tool, name, file string, names []string) steps.Renewer {
	r := steps.Renewer{Tool: tool, Name: clean(name), File: clean(file)}
	for _, n := range names {
		if d, err := steps.ParseDomain(strings.TrimSpace(n)); err == nil {
			r.Names = append(r.Names, d)
		}
	}
	return r
}

// setting finds "key = value" or key='value'.
func setting(text, key string) string {
	for _, line := range lines(text) {
		if name, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(name) == key {
			return strings.Trim(strings.TrimSpace(value), `'"`)
		}
	}
	return ""
}

// namesIn are the names in the first certificate of the first of these files that has one.
func (in *inspector) namesIn(files ...string) []string {
	for _, file := range files {
		if !path.IsAbs(file) {
			continue
		}
		block, _ := pem.Decode(bytes.TrimSpace([]byte(in.read(file))))
		if block == nil {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			return c.DNSNames
		}
	}
	return nil
}
