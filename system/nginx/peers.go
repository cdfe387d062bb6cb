package nginx

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// peers have nginx believe what stands before it about who the client is, and nobody else. From there on $remote_addr is the
// client, in the access log too; $realip_remote_addr is the peer.
func peers(s steps.Site, w *words) []conf.Directive {
	if len(s.Proxy.Trusted) == 0 {
		return nil
	}
	var out []conf.Directive
	for _, n := range s.Proxy.Trusted {
		out = append(out, conf.D("set_real_ip_from", n.String()))
	}
	out[0].Comment = "Step proxy: these stand before this server, and tell who the client is."
	return append(out,
		conf.D("real_ip_header", w.literal("the header", s.Proxy.ClientField())),
		conf.D("real_ip_recursive", "on"))
}

// clientFields are the other headers by which applications are told the client: the one that is read tells who was found,
// whoever sent what; the rest are taken away.
func clientFields(s steps.Site) []steps.Header {
	var out []steps.Header
	for _, name := range s.Proxy.ClientFields() {
		h := steps.Header{Name: name}
		if strings.EqualFold(name, s.Proxy.ClientField()) {
			h.Value = "$remote_addr"
		}
		out = append(out, h)
	}
	return out
}

// cannotTrust is an nginx that was built without the module.
func cannotTrust(s steps.Site, c steps.NginxCaps) []steps.Finding {
	if len(s.Proxy.Trusted) == 0 || !c.NoRealIP {
		return nil
	}
	f := blocker("realip", "cannot believe what stands before this nginx: it was built without ngx_http_realip_module", "set proxy.trusted: []", useNative)
	f.Step = steps.IDProxy
	return []steps.Finding{f}
}
