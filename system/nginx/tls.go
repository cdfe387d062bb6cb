package nginx

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// ciphers of the intermediate profile, Mozilla guideline 6.0.
var ciphers = []string{
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
}

// dheCiphers are those of guideline 5.7 that a DH group is for; 6.0 has none. They need an RSA key.
var dheCiphers = []string{
	"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305",
}

func asksDH(s steps.Site) bool { return s.Certs.DHGroup != "" && s.Certs.DHGroup != "none" }

// tlsSettings are the settings of the site's profile (Mozilla guideline 6.0). ssl_ecdh_curve is left to OpenSSL: since
// 3.5 its default has the post-quantum group that older versions refuse by name. Nothing is stapled: Let's Encrypt has
// no OCSP any more.
func tlsSettings(s steps.Site, t target) []conf.Directive {
	protocols, suites := []string{"TLSv1.2", "TLSv1.3"}, ciphers
	if s.SSL.Profile == steps.Modern {
		protocols, suites = []string{"TLSv1.3"}, nil
	} else if asksDH(s) {
		suites = append(append([]string{}, ciphers...), dheCiphers...)
	}
	out := []conf.Directive{conf.D("ssl_protocols", protocols...)}
	if suites != nil {
		out = append(out, conf.D("ssl_ciphers", strings.Join(suites, ":")))
		if asksDH(s) {
			out = append(out, conf.D("ssl_dhparam", dhFile(t.groups, s.Certs.DHGroup)))
		}
	}
	return append(append(out, conf.D("ssl_prefer_server_ciphers", "off")), sessions(t)...)
}

func certificate(site string, t target) []conf.Directive {
	return []conf.Directive{
		conf.D("ssl_certificate", t.root+steps.CurrentChain(site)),
		conf.D("ssl_certificate_key", t.root+steps.CurrentKey(site)),
	}
}

// listenTLS are the listen lines of a TLS server, and how this nginx is told about HTTP/2: since 1.25.1 per server,
// before that per socket.
func listenTLS(sockets []socket, caps steps.NginxCaps, shared, dflt, http2 bool) []conf.Directive {
	flags := []string{"ssl"}
	if http2 && !caps.HTTP2Directive {
		flags = append(flags, "http2")
	}
	return listenLines(sockets, shared, dflt, flags...)
}
