package nginx

import (
	"net/http"
	"strconv"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// downStatuses are what nginx answers by itself when the application does not.
var downStatuses = []int{http.StatusBadGateway, http.StatusGatewayTimeout}

// pageVariable holds the page of a status; the shared file has its text.
func pageVariable(status int) string { return "$sslwizard_page" + strconv.Itoa(status) }

// down answers when the application does not: a short page that says so, and when to try again.
func down(s steps.Site, secure bool) []conf.Directive {
	var pages, locations []conf.Directive
	for _, status := range downStatuses {
		code := strconv.Itoa(status)
		block := []conf.Directive{conf.D("default_type", "text/html"), conf.D("add_header", "Retry-After", "5", "always")}
		if line, ok := hsts(s); ok && secure {
			block = append(block, line)
		}
		block = append(block, conf.D("return", code, pageVariable(status)))
		pages = append(pages, errorPage(s, code))
		locations = append(locations, conf.B("location", []string{"@down" + code}, block...))
	}
	if s.Proxy.Upstream.HTTP2() {
		pages = append(pages, errorPage(s, "413"))
		locations = append(locations, conf.B("location", []string{"@down413"}, conf.D("return", "413")))
		locations = append(locations, refusedCalls(s, secure)...)
	}
	return append(pages, locations...)
}

// errorPage leads to what answers with a status; for an application of gRPC the map chooses whom.
func errorPage(s steps.Site, code string) conf.Directive {
	if s.Proxy.Upstream.HTTP2() {
		return conf.D("error_page", code, "=", "$sslwizard_down"+code)
	}
	return conf.D("error_page", code, "@down"+code)
}

// callRefusals are what a client of gRPC is told in the place of a page: the status in its own numbers. They are those of
// the native proxy.
var callRefusals = []struct{ code, status, message string }{
	{"413", "8", "the request is larger than the proxy accepts"},
	{"502", "14", "the application does not answer"},
	{"504", "4", "the application was silent for too long"},
}

// refusedCalls answer calls of gRPC with their status alone.
func refusedCalls(s steps.Site, secure bool) []conf.Directive {
	var all []conf.Directive
	for _, r := range callRefusals {
		block := []conf.Directive{
			conf.D("default_type", "application/grpc"),
			conf.D("add_header", "grpc-status", r.status, "always"),
			conf.D("add_header", "grpc-message", r.message, "always"),
		}
		if line, ok := hsts(s); ok && secure {
			block = append(block, line)
		}
		all = append(all, conf.B("location", []string{"@call" + r.code}, append(block, conf.D("return", "200", ""))...))
	}
	all[0].Comment = "Step proxy: a client of gRPC understands no page, and gets a status of its own."
	return all
}

// callMaps choose whether a page or a status answers.
func callMaps() []conf.Directive {
	var all []conf.Directive
	for _, r := range callRefusals {
		all = append(all, conf.B("map", []string{"$http_content_type", "$sslwizard_down" + r.code},
			conf.D("default", "@down"+r.code), conf.D(`~^application/grpc($|[+;])`, "@call"+r.code)))
	}
	all[0].Comment = "Step proxy: calls of gRPC that fail are answered otherwise than visitors."
	return all
}
