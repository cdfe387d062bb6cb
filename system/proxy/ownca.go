package proxy

import (
	"net/http"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// caFiles are what the page of this server's own CA is made of, with their types. Telephones look at the type only.
var caFiles = map[string]string{
	steps.CAPageFile: "text/html; charset=utf-8",
	steps.CACertFile: "application/x-x509-ca-cert",
}

// ownCA answers with the page of this server's own CA, over plain HTTP only: who needs it has no other way in yet.
func (x *exchange) ownCA() bool {
	name, ok := strings.CutPrefix(x.path(), steps.CAPath)
	if !ok || x.secure || !x.site.Trusted.CAPage {
		return false
	}
	if name == "" {
		name = steps.CAPageFile
	}
	kind, known := caFiles[name]
	if !known {
		x.refuse(http.StatusNotFound)
		return true
	}
	x.file(steps.CAPath, name, kind)
	return true
}
