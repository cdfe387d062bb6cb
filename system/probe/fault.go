package probe

import (
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Whose the failure is.
const (
	blameProxy   = "proxy"
	blameApp     = "app"
	blameNetwork = "network"
)

// fault names a failure: its row of the catalogue (H, N, A, R, W rows; T is TLS and the connection, L the location
// that a redirect names, U the upstream's answer), what Chromium calls it, and what to do.
type fault struct {
	code    string
	browser string
	blame   string
	fix     []string
}

// because returns the fault with another blame and, when there are any, other fixes.
func (f fault) because(blame string, fix ...string) fault {
	f.blame = blame
	if len(fix) > 0 {
		f.fix = fix
	}
	return f
}

func ok(format string, a ...any) outcome {
	return outcome{verdict: steps.OK, detail: fmt.Sprintf(format, a...)}
}

func skip(format string, a ...any) outcome {
	return outcome{verdict: steps.Skip, detail: fmt.Sprintf(format, a...)}
}

func warn(f fault, format string, a ...any) outcome {
	return outcome{verdict: steps.Warn, fault: f, detail: fmt.Sprintf(format, a...)}
}

func fail(f fault, format string, a ...any) outcome {
	return outcome{verdict: steps.Fail, fault: f, detail: fmt.Sprintf(format, a...)}
}

// Codes of a chain that leads to nobody who is trusted.
const (
	CodeSelfSigned = "T15"
	CodeUntrusted  = "T16"
)

// CodeHTTP3 is what is wrong with HTTP/3.
const (
	CodeHTTP3 = "T30"
)

// The connection.
var (
	faultDNS         = fault{"A01", "ERR_NAME_NOT_RESOLVED", blameNetwork, []string{"add an A (and AAAA) record for this name at your DNS provider"}}
	faultRefused     = fault{"T01", "ERR_CONNECTION_REFUSED", blameProxy, []string{"sudo systemctl status sslwizard-proxy nginx    shows on the server why it does not run"}}
	faultTimeout     = fault{"T02", "ERR_CONNECTION_TIMED_OUT", blameNetwork, []string{"open the port in the firewall of the server and in your provider's console"}}
	faultReset       = fault{"T03", "ERR_CONNECTION_RESET", blameProxy, []string{"look at the server's log: it cut the connection during the TLS hello"}}
	faultClosed      = fault{"T04", "ERR_CONNECTION_CLOSED", blameProxy, []string{"often plain HTTP on this port, or no certificate for this name: check the TLS site"}}
	faultPlain       = fault{"T05", "ERR_SSL_PROTOCOL_ERROR", blameProxy, []string{"turn TLS on for this port (nginx: listen 443 ssl)"}}
	faultProtocol    = fault{"T06", "ERR_SSL_PROTOCOL_ERROR", blameProxy, []string{"look at the server's TLS log for this handshake"}}
	faultNoOverlap   = fault{"T07", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", blameProxy, []string{"allow TLS 1.2 and 1.3 with the ciphers of the Mozilla guideline"}}
	faultUnknownName = fault{"T08", "ERR_SSL_UNRECOGNIZED_NAME_ALERT", blameProxy, []string{"add this name to the site and to its certificate"}}
	faultUnreachable = fault{"T09", "ERR_ADDRESS_UNREACHABLE", blameNetwork, []string{"check the route to this address, or delete its DNS record"}}
	faultStalled     = fault{"T10", "ERR_TIMED_OUT", blameProxy, []string{"the port accepts connections but does not answer: look at the server's load and log"}}
	faultClientCert  = fault{"T11", "ERR_BAD_SSL_CLIENT_AUTH_CERT", blameProxy, []string{"do not ask every visitor for a client certificate", "or show one: sslwizard probe … --client-cert FILE --client-key FILE"}}
	faultLetIn       = fault{"T30", "", blameProxy, []string{"ask clients for certificates: sudo sslwizard --only ssl"}}
)

// The certificate.
var (
	faultName        = fault{"T12", "ERR_CERT_COMMON_NAME_INVALID", blameProxy, []string{"get a certificate that has this name in its Subject Alternative Names"}}
	faultExpired     = fault{"T13", "ERR_CERT_DATE_INVALID", blameProxy, []string{"renew the certificate: sudo sslwizard renew"}}
	faultNotYet      = fault{"T14", "ERR_CERT_DATE_INVALID", blameProxy, []string{"check the clocks of this machine and of the server: timedatectl"}}
	faultSelfSigned  = fault{CodeSelfSigned, "ERR_CERT_AUTHORITY_INVALID", blameProxy, []string{"get a trusted certificate: sudo sslwizard --only trusted"}}
	faultUntrusted   = fault{CodeUntrusted, "ERR_CERT_AUTHORITY_INVALID", blameProxy, []string{"get a trusted certificate: sudo sslwizard --only trusted", "or trust this CA on every client, and probe with --ca FILE"}}
	faultLocal       = fault{"A23", "ERR_CERT_AUTHORITY_INVALID", blameProxy, []string{"get a trusted certificate: sudo sslwizard --only trusted", "or trust this CA on every client, and probe with --ca FILE; on the server it is " + steps.CADir + "/ca.pem"}}
	faultIncomplete  = fault{"A23", "ERR_CERT_AUTHORITY_INVALID", blameProxy, []string{"serve the full chain (fullchain.pem), not the leaf alone"}}
	faultStaging     = fault{"A22", "ERR_CERT_AUTHORITY_INVALID", blameProxy, []string{"this is a test certificate: obtain one from the production directory"}}
	faultOrder       = fault{"T17", "", blameProxy, []string{"put the leaf first, then each issuer after what it signed"}}
	faultWeakKey     = fault{"T18", "ERR_CERT_WEAK_KEY", blameProxy, []string{"make a new key: ecdsa-p256, or rsa-2048 and more"}}
	faultKeyType     = fault{"T19", "", blameProxy, []string{"make a new key: sudo sslwizard --only certs"}}
	faultWeakSig     = fault{"T20", "ERR_CERT_WEAK_SIGNATURE_ALGORITHM", blameProxy, []string{"get a certificate that is signed with SHA-256 or better"}}
	faultCertInvalid = fault{"T21", "ERR_CERT_INVALID", blameProxy, []string{"get a server certificate: CA:FALSE, extended key usage serverAuth"}}
	faultLeaf        = fault{"N06", "", blameProxy, []string{"reload the server so that it takes the new certificate"}}
	faultDaysLeft    = fault{"R02", "", blameProxy, []string{"sudo sslwizard renew", "systemctl list-timers sslwizard-renew.timer"}}
	faultClock       = fault{"H09", "ERR_CERT_DATE_INVALID", blameProxy, []string{"set the clocks by network time: sudo timedatectl set-ntp true"}}
)

// The TLS settings.
var (
	faultOldVersion = fault{"T22", "", blameProxy, []string{"allow only the versions of the Mozilla guideline 6.0: sudo sslwizard --only ssl", "nginx before 1.29.2: ssl_protocols of the port's default server count for every site"}}
	faultVersion    = fault{"T23", "", blameProxy, []string{"allow TLS 1.3 (and 1.2 for the intermediate profile): sudo sslwizard --only ssl", "nginx before 1.29.2: ssl_protocols of the port's default server count for every site"}}
	faultCiphers    = fault{"T24", "", blameProxy, []string{"allow only the ciphers of the Mozilla guideline 6.0: sudo sslwizard --only ssl"}}
	faultBroken     = fault{"T25", "", blameProxy, []string{"take RC4, 3DES, export, anonymous and NULL ciphers out of the configuration"}}
	faultALPN       = fault{"T26", "ERR_ALPN_NEGOTIATION_FAILED", blameProxy, []string{"offer h2 and http/1.1 by ALPN"}}
	faultHTTP2      = fault{"T27", "", blameProxy, []string{"sudo sslwizard --only ssl"}}
	faultHTTP3      = fault{CodeHTTP3, "ERR_QUIC_PROTOCOL_ERROR", blameNetwork, []string{"open UDP port 443 in the firewall of the server and in your provider's console", "or do without: ssl.http3: false"}}
	faultAltSvc     = fault{CodeHTTP3, "", blameProxy, []string{"have it proven once more: sudo sslwizard renew"}}
	faultHSTS       = fault{"T28", "", blameProxy, []string{"sudo sslwizard --only ssl"}}
	faultForeign    = fault{"T29", "", blameProxy, []string{"refuse unknown names (nginx: ssl_reject_handshake in the default server)"}}
)

// Plain HTTP and the redirect.
var (
	faultNoRedirect = fault{"L01", "", blameProxy, []string{"redirect http to https: sudo sslwizard --only redirect"}}
	faultLocation   = fault{"L02", "", blameProxy, []string{"redirect to https://$host$request_uri, with nothing after it"}}
	faultLoop       = fault{"L03", "ERR_TOO_MANY_REDIRECTS", blameProxy, []string{"behind a CDN, set its TLS mode to Full (strict), not Flexible", "have the app trust X-Forwarded-Proto"}}
	faultStatus     = fault{"L04", "", blameProxy, []string{"sudo sslwizard --only redirect"}}
	faultChallenge  = fault{"A06", "", blameProxy, []string{"answer /.well-known/acme-challenge/ on port 80 before the redirect"}}
	faultPort80     = fault{"A05", "", blameProxy, []string{"serve port 80 as well, and open it in the firewall"}}
	faultKeptHTTP   = fault{"L05", "", blameProxy, []string{"keep-http was asked, yet port 80 does not serve the site: sudo sslwizard --only redirect"}}
)

// The answer.
var (
	faultAppDown   = fault{"W01", "", blameApp, []string{"start the application, then try again"}}
	faultAppSlow   = fault{"W02", "", blameApp, []string{"find out why the application does not answer in time, or raise proxy.timeout"}}
	faultMisdirect = fault{"W10", "", blameProxy, []string{"serve the name that the client asked for"}}
	faultScheme    = fault{"W11", "", blameApp, nil}
	faultAnswer    = fault{"U01", "ERR_INVALID_HTTP_RESPONSE", blameProxy, []string{"the answer is no HTTP: look at the server's log"}}
	faultTooBig    = fault{"U02", "ERR_RESPONSE_HEADERS_TOO_BIG", blameApp, []string{"send smaller response headers (cookies are the usual cause)"}}
	faultDiffers   = fault{"U03", "", blameProxy, []string{"compare the site with the application's own answer"}}
	faultAppError  = fault{"U04", "", blameApp, []string{"the application fails by itself: look at its log"}}
	faultForwarded = fault{"U05", "", blameProxy, []string{"set Host, X-Real-IP and X-Forwarded-* in the proxy, and drop what the client sent"}}
	faultAppCert   = fault{"U08", "", blameApp, []string{"give the application a certificate that this server trusts"}}
	faultSlowBody  = fault{"U06", "ERR_TIMED_OUT", blameApp, []string{"the answer comes too slowly: look at the application"}}
)

// The WebSocket. Browser names hold the reply's status where the browser prints it.
var (
	faultNoUpgrade  = fault{"W03", "", blameApp, []string{"check the path of the WebSocket in the application"}}
	faultStripped   = fault{"W04", "", blameProxy, []string{"pass Upgrade and Connection to the application: sudo sslwizard --only websockets"}}
	faultIdle       = fault{"W05", "WebSocket closed with code 1006", blameProxy, []string{"raise websockets.idle, or have the application ping every 30 s"}}
	faultSubproto   = fault{"W06", "Error during WebSocket handshake: Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received", blameApp, []string{"pass Sec-WebSocket-Protocol both ways"}}
	faultOrigin     = fault{"W07", "Unexpected response code: 403", blameApp, []string{"add the site's origin to the application's allowed origins"}}
	faultAccept     = fault{"W15", "Error during WebSocket handshake: Incorrect 'Sec-WebSocket-Accept' header value", blameApp, []string{"answer with base64(SHA-1(key + GUID)), RFC 6455 section 4.2.2"}}
	faultUpgradeHdr = fault{"W16", "Error during WebSocket handshake: 'Upgrade' header is missing", blameProxy, []string{"answer with Upgrade: websocket and Connection: Upgrade"}}
	faultExtension  = fault{"W17", "Error during WebSocket handshake: Response must not include 'Sec-WebSocket-Extensions' header if not present in request", blameApp, []string{"answer only extensions that the client offered"}}
	faultPong       = fault{"W18", "WebSocket closed with code 1006", blameApp, []string{"answer a ping with a pong that carries the same bytes, RFC 6455 section 5.5.3"}}
	faultFrame      = fault{"W19", "WebSocket closed with code 1002", blameApp, []string{"send frames as RFC 6455 section 5 has them: unmasked, no reserved bits"}}
	faultEcho       = fault{"W20", "", blameProxy, []string{"pass WebSocket messages unchanged"}}
	faultClose      = fault{"W21", "WebSocket closed with code 1006", blameApp, []string{"answer a close frame with a close frame, RFC 6455 section 5.5.1"}}
	faultWSVersion  = fault{"W22", "", blameApp, []string{"answer 426 with Sec-WebSocket-Version: 13, RFC 6455 section 4.4"}}
	faultSubWrong   = fault{"W06", "Error during WebSocket handshake: 'Sec-WebSocket-Protocol' header value not in requested", blameApp, []string{"answer one of the subprotocols that the client offered"}}
)
