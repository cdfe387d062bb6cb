package proxy

import (
	"net/http"
	"slices"
)

// localAnswer is an answer of the proxy's own, until it is sent. It implements http.ResponseWriter.
type localAnswer struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *localAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *localAnswer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *localAnswer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

func (a *localAnswer) reset() {
	clear(a.header)
	a.status, a.body = 0, nil
}

// names are those of its fields, in the order in which they are sent.
func (a *localAnswer) names() []string {
	names := make([]string, 0, len(a.header))
	for name := range a.header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
