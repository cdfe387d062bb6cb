package proxy

import (
	"crypto/tls"
	"net/textproto"
	"strconv"
)

// visitor is what the proxy knows of who sent a request, on whatever data plane that came.
type visitor struct {
	name   string // of the host that was asked for
	from   string // the address, as it is told to others
	scheme string
	secure bool
	tls    *tls.ConnectionState // nil without TLS
}

// forwarded sets the fields that tell the upstream of a visitor, and returns the Host that it is asked for. The site's own
// fields come last: they are what the owner asked for.
func (s *site) forwarded(t *table, v visitor, set func(name, value string)) (host string) {
	port, standard := t.config.httpsPort(), 443
	if !v.secure {
		port, standard = t.config.httpPort(), 80
	}
	host = authority(v.name, port, standard)
	if len(s.Proxy.Trusted) > 0 {
		set(s.Proxy.ClientField(), v.from)
	}
	set("X-Real-Ip", v.from)
	set("X-Forwarded-For", v.from)
	set("X-Forwarded-Proto", v.scheme)
	set("X-Forwarded-Host", host)
	set("X-Forwarded-Port", strconv.Itoa(port))
	s.clients.tell(set, v.tls)
	for _, own := range s.Proxy.Headers {
		if textproto.CanonicalMIMEHeaderKey(own.Name) == "Host" {
			host = own.Value
			continue
		}
		set(own.Name, own.Value)
	}
	return host
}

// promises sets the fields that tell a client over TLS how the site can be reached from now on.
func (s *site) promises(set func(name, value string)) {
	if value := s.hsts(); value != "" {
		set("Strict-Transport-Security", value)
	}
	if s.altSvc != "" {
		set("Alt-Svc", s.altSvc)
	}
}
