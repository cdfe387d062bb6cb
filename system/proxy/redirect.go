package proxy

import "net/http"

// redirect answers with the one redirect that the site asks for: from http to https, and from every name to the
// canonical one, in a single hop. It reports false when the request is to be passed on. A WebSocket on another name is
// passed, because WebSocket clients do not follow redirects.
func (x *exchange) redirect() bool {
	toHTTPS := !x.secure && x.site.Redirect.Enabled
	name := x.name
	if canonical := string(x.site.Redirect.Canonical); canonical != "" && (toHTTPS || !x.webSocket()) {
		name = canonical
	}
	if !toHTTPS && name == x.name {
		return false
	}
	scheme, port, standard := "https", x.table.config.httpsPort(), 443
	if !x.secure && !toHTTPS {
		scheme, port, standard = "http", x.table.config.httpPort(), 80
	}
	status := x.site.Redirect.Status
	if status != http.StatusPermanentRedirect {
		status = http.StatusMovedPermanently
	}
	x.Header().Set("Location", scheme+"://"+authority(name, port, standard)+x.target)
	x.page(status)
	return true
}
