// Package proxy is the native data plane: it ends TLS, answers HTTP-01 and TLS-ALPN-01 challenges, redirects on port 80, and passes
// requests and WebSockets on to each site's upstream.
//
// It faces the internet, so it carries nothing of the installer: it never writes a file, starts a program or asks the
// network for anything but the upstreams of its configuration, and the only files that it reads are challenge tokens.
// What a client says about itself (X-Forwarded-*, Forwarded, X-Real-IP) never reaches an upstream. A configuration is
// compiled whole and swapped by one pointer; a request sees the old one or the new one, never parts of both.
package proxy
