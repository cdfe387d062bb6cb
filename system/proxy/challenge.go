package proxy

import "github.com/c93d5bcb/sslwizard/steps"

// maxToken bounds a token's name: it is under 200 bytes with every CA.
const maxToken = 256

// challenge answers an HTTP-01 request (RFC 8555 section 8.3) from the webroot. It is answered for every name and never
// redirected: a token is no secret, and the name may be about to become ours.
func (x *exchange) challenge(token string) {
	if !validToken(token) {
		token = "" // there is no such file
	}
	x.file(steps.ChallengePath, token, "text/plain; charset=utf-8")
}

// validToken accepts the base64url alphabet, which is all that a token may use (RFC 8555 section 8.3): no separator, dot
// or escape, so nothing else can be named.
func validToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
