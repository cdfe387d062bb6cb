package proxy

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/c93d5bcb/sslwizard/steps"
)

// front is the handler of a listener: it decides what a request means before any part of it is passed on.
func (s *Server) front(secure bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		knowTLS(r)
		x := newExchange(s, s.table(), w, r, secure)
		defer x.end()
		if refusal := x.understand(); refusal != 0 {
			x.refuse(refusal)
			return
		}
		x.answer()
	})
}

// understand finds the site and target that a request means, and returns the status to refuse it with, or 0. Whatever
// can be read in two ways is refused, never interpreted.
func (x *exchange) understand() int {
	if status := x.extendedConnect(); status != 0 {
		return status
	}
	r := x.in
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return http.StatusMethodNotAllowed
	}
	target, ok := originForm(r, x.scheme())
	name, valid := hostName(r.Host)
	if !ok || !valid || !httpguts.ValidHeaderFieldName(r.Method) { // a method is a token too; HTTP/2 does not check it
		return http.StatusBadRequest
	}
	if status := x.misformed(); status != 0 {
		return status
	}
	x.target, x.name = target, name
	if strings.HasPrefix(target, steps.ChallengePath) && x.key == "" {
		return 0 // answered for every name
	}
	return x.find()
}

// find sets the site. Over TLS it has to be the one that the handshake was for: a connection to one site must not
// reach another, whatever Host says, nor one whose clients have to prove more than this one did when it began.
func (x *exchange) find() int {
	found := x.table.lookup(x.name)
	switch {
	case !x.secure && found == nil:
		return http.StatusNotFound
	case x.secure && (found == nil || found != x.connected()):
		return http.StatusMisdirectedRequest
	case x.secure && !found.clients.admits(x.in.TLS):
		x.Header().Set("Connection", "close") // over HTTP/2 too: a new one makes a handshake
		return http.StatusMisdirectedRequest
	}
	x.site = found
	if client := clientOf(found.Proxy, x.peer, x.in.Header); client != x.peer {
		x.via, x.from = x.from, addressText(client)
	}
	return 0
}

// connected is the site that the TLS handshake was for, in the table of this request: after a swap that took it away
// there is none.
func (x *exchange) connected() *site {
	return x.table.bySNI(x.in.TLS.ServerName, x.reached)
}

// answer gives the first answer that fits: a challenge, a redirect, or what the upstream says.
func (x *exchange) answer() {
	if x.key != "" {
		x.connect()
		return
	}
	if !x.ours() {
		x.pass()
	}
}

// ours gives an answer of our own, if there is one.
func (x *exchange) ours() bool {
	if token, ok := strings.CutPrefix(x.path(), steps.ChallengePath); ok {
		x.challenge(token)
		return true
	}
	return x.ownCA() || x.redirect()
}

// originForm is the request target as path and query, byte for byte. An absolute-form target (RFC 9112 section 3.2.2)
// has to name this scheme and the host that the request is for.
func originForm(r *http.Request, scheme string) (string, bool) {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		rest, ok := strings.CutPrefix(target, scheme+"://")
		if !ok {
			return "", false
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		if !strings.EqualFold(rest[:end], r.Host) { // user information, or another authority
			return "", false
		}
		if target = rest[end:]; !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	return target, visible(target)
}

// visible reports whether a target has only bytes that may be in one; '#' never is (RFC 9112 section 3.2).
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '#' {
			return false
		}
	}
	return true
}
