package nginx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

const (
	// clientCert is the client's certificate as RFC 9440 has it; empty where it has none.
	clientCert = "$sslwizard_client_cert"
	// certLines is how many lines of a certificate's PEM are read, of 48 bytes each: twice those of an RSA key of 4096
	// bits. Of a longer one the application is told nothing, as if there were none.
	certLines = 96
	// clientDepth is how many CAs may stand between a client and the root. nginx's default is one.
	clientDepth = "5"
)

func asksClients(s steps.Site) bool { return s.SSL.ClientAuth != "" }

// clientAuth has nginx ask for a certificate. One that is not good, or is missing where it is required, is answered 400.
func clientAuth(s steps.Site, t target) []conf.Directive {
	if !asksClients(s) {
		return nil
	}
	verify := "on"
	if s.SSL.ClientAuth == steps.ClientOptional {
		verify = "optional"
	}
	return []conf.Directive{
		conf.D("ssl_client_certificate", t.clientCA(s)).About("Step ssl: clients show a certificate of these CAs."),
		conf.D("ssl_verify_client", verify),
		conf.D("ssl_verify_depth", clientDepth),
	}
}

// sessions are how a server resumes sessions. The settings that count are those of a socket's default server, which knows
// neither the CAs of a site's clients nor that one of them was taken away since: as soon as any site has some, nothing is
// resumed at all (CVE-2025-23419).
func sessions(t target) []conf.Directive {
	if t.strict {
		return []conf.Directive{conf.D("ssl_session_cache", "off"), conf.D("ssl_session_tickets", "off")}
	}
	out := []conf.Directive{
		conf.D("ssl_session_timeout", "1d"),
		conf.D("ssl_session_cache", "shared:sslwizard:10m"),
	}
	if !t.caps.TicketRotation {
		out = append(out, conf.D("ssl_session_tickets", "off"))
	}
	return out
}

// clientMap makes one line between colons (RFC 8941) of the lines of a PEM. A variable has no other way to lose them.
// Names and classes are short, for nginx reads no parameter of more than 4096 bytes.
func clientMap() conf.Directive {
	pattern, value := `~^-----BEGIN CERTIFICATE-----\n`, ":"
	for n := range certLines {
		pattern += fmt.Sprintf(`(?:(?<sslwizard_c%d>[\w+/=]+)\n)?`, n)
		value += fmt.Sprintf("${sslwizard_c%d}", n)
	}
	return conf.B("map", []string{"$ssl_client_raw_cert", clientCert}, conf.D("default", ""), conf.D(pattern+"-----END", value+":")).
		About("Step ssl: the certificate of a client, as applications are told it (RFC 9440).")
}

// foreignSessions finds the server of somebody else whose sessions ours has to share: the default server's on our socket.
// With a cache and no tickets a client over TLS 1.3 comes back unasked, though its CA was taken away meanwhile.
func foreignSessions(s steps.Site, l layout, f steps.Facts) []steps.Finding {
	if !asksClients(s) {
		return nil
	}
	var all []steps.Finding
	for _, address := range wildcards {
		on := l.on(address, 443, false)
		if s.SSL.HTTP3 {
			on = append(on, l.on(address, 443, true)...)
		}
		for _, o := range on {
			if (address == "" || f.IPv6) && !o.server.Stock && (o.dflt || l.before(o.server)) {
				all = append(all, warning(steps.IDSSL, "client-sessions",
					fmt.Sprintf("%s is the default server of port 443: if it keeps sessions, clients may come back for as long, even if you take their CA away", place(o.server)),
					"write ssl_session_cache off; into that server", useNative))
			}
		}
	}
	return dedupe(all)
}

// clientKeys are the files of CAs that the sites read.
func clientKeys(sites []steps.Site) []string {
	var all []string
	for _, s := range sites {
		if asksClients(s) {
			all = append(all, steps.FileKey(steps.ClientCAFile(s.Name)))
		}
	}
	return all
}

// withClients says what a header of ours is for this site.
func withClients(s steps.Site, h steps.Header) steps.Header {
	if asksClients(s) && strings.EqualFold(h.Name, "Client-Cert") {
		h.Value = clientCert
	}
	return h
}

func anyClients(sites []steps.Site) bool { return slices.ContainsFunc(sites, asksClients) }
