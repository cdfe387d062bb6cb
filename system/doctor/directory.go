package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// ca is what the directory says of the CA.
type ca struct {
	known      chan struct{} // closed when it is known, or is not going to be
	identities []string      // as CAA records know it
}

// The skew of a clock that is worth a word, and the one that breaks certificates.
const (
	someSkew    = 5 * time.Minute
	ruinousSkew = time.Hour
)

const maxDirectory = 1 << 16

// directory fetches the CA's directory: it proves the way out, the trust and the clock, and tells what the CA wants. It
// binds to nothing: no account and no order is made.
func (e *examination) directory(ctx context.Context) []steps.Check {
	if e.Directory == "" || !e.AskCA {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.Patience)
	defer cancel()
	roots, err := e.roots()
	if err != nil {
		return []steps.Check{found("ca.trust", "", "D34", err.Error(), "", "let trusted.caRoots name the root certificate of your CA, as PEM")}
	}
	reply, body, err := e.getDirectory(ctx, &tls.Config{RootCAs: roots, Time: e.Now})
	if err != nil {
		return []steps.Check{e.noDirectory(ctx, err)}
	}
	checks := e.clock(reply.Header)
	return append(checks, e.offers(reply, body)...)
}

func (e *examination) roots() (*x509.CertPool, error) {
	if len(e.Roots) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(e.Roots) {
		return nil, errors.New("cannot use the CA file: there is no certificate in it")
	}
	return pool, nil
}

func (e *examination) getDirectory(ctx context.Context, config *tls.Config) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Directory, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	transport := &http.Transport{DialContext: e.dialCA, TLSClientConfig: config, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxDirectory))
	return reply, body, err
}

// lookupError tells a name that is not found from a connection that is not made.
type lookupError struct{ error }

// dialCA finds the CA as the rest of this server does.
func (e *examination) dialCA(ctx context.Context, network, to string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	lookup, cancel := context.WithTimeout(ctx, e.Patience/2) // there has to be time left to say that it was not found
	defer cancel()
	addresses, err := e.addressesOf(lookup, host)
	if err != nil && ctx.Err() == nil {
		again, cancel := context.WithTimeout(ctx, e.Patience/4)
		defer cancel()
		var e2 error
		if addresses, e2 = net.DefaultResolver.LookupNetIP(again, "ip", host); e2 == nil { // it may stand in /etc/hosts
			err = nil
		}
	}
	if err != nil {
		return nil, lookupError{err}
	}
	return e.dialAny(ctx, network, e.near(tidy(addresses)), port)
}

// dialAny tries one address after the other, as a program does that asks a CA: one family may lead nowhere.
func (e *examination) dialAny(ctx context.Context, network string, addresses []netip.Addr, port string) (conn net.Conn, err error) {
	addresses = addresses[:min(len(addresses), maxAddresses)]
	for i, a := range addresses {
		one, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok {
			one, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(addresses)-i))
		}
		conn, err = e.Dial(one, network, net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return conn, err
}

// noDirectory says why there was no answer.
func (e *examination) noDirectory(ctx context.Context, err error) steps.Check {
	name, host := acme.NameOf(e.Directory), acme.HostOf(e.Directory)
	var lookup lookupError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &lookup):
		return found("ca.reach", "", "D38", "cannot ask "+name+": this server cannot look up "+host+" ("+reason(lookup.error)+")", "resolvers "+strings.Join(e.Resolver.Servers, ", "),
			"getent hosts "+host+"    shows whether this server can look up names; check trusted.directory and /etc/resolv.conf")
	case errors.As(err, &certificate):
		return e.untrusted(ctx, certificate)
	case errors.Is(err, http.ErrSchemeMismatch):
		return found("ca.reach", "", "D35", "cannot ask "+name+": what answers there speaks no TLS", reason(err), "check the address in trusted.directory: "+steps.CleanLine(e.Directory))
	case strings.Contains(err.Error(), "refused"):
		return found("ca.reach", "", "A16", "cannot ask "+name+": it takes no connection ("+plainDial(unwrapURL(err))+")", "a connection from this server to "+host, "run the same command again later")
	}
	return found("ca.reach", "", "D33", "cannot ask "+name+": this server gets no connection to it ("+reason(err)+")", "a connection from this server to "+host,
		"let this server open connections to port 443 of the internet: its own firewall, or one in front, keeps it in")
}

func unwrapURL(err error) error {
	for errors.Unwrap(err) != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			return op
		}
		err = errors.Unwrap(err)
	}
	return err
}

// untrusted is a certificate of the CA's server that does not fit. A clock that is wrong makes any certificate so.
func (e *examination) untrusted(ctx context.Context, err *tls.CertificateVerificationError) steps.Check {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		// Only its clock is believed, and only to be told.
		reply, _, e2 := e.getDirectory(ctx, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is sent, and nothing but the time is read
		if e2 == nil {
			for _, c := range e.clock(reply.Header) {
				if c.Code == "H09" {
					return c
				}
			}
		}
	}
	name := acme.NameOf(e.Directory)
	return found("ca.trust", "", "D34", "cannot ask "+name+": the TLS certificate of "+name+" is not trusted", reason(err.Err),
		"for a CA of your own, let trusted.caRoots name its root certificate", "for a public CA: sudo apt-get install --reinstall ca-certificates, and check the clock")
}

// clock holds ours against the CA's.
func (e *examination) clock(header http.Header) []steps.Check {
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return []steps.Check{unknown("host.clock", "", "the CA does not say what time it is")}
	}
	skew := e.Now().Sub(theirs)
	seen := "the CA's clock says " + theirs.UTC().Format(time.DateTime) + " UTC"
	if skew.Abs() < someSkew {
		return []steps.Check{passed("host.clock", "", "the clock is right", seen)}
	}
	side := "behind"
	if skew > 0 {
		side = "ahead"
	}
	c := found("host.clock", "", "H09", fmt.Sprintf("cannot rely on the clock of this server: it is %s %s", skew.Abs().Round(time.Minute), side), seen, "sudo timedatectl set-ntp true")
	if skew.Abs() < ruinousSkew {
		c.Detail = fmt.Sprintf("the clock of this server is %s %s", skew.Abs().Round(time.Second), side)
		return []steps.Check{warned(c)}
	}
	return []steps.Check{c}
}

// offers reads what the CA wants and gives.
func (e *examination) offers(reply *http.Response, body []byte) []steps.Check {
	name := acme.NameOf(e.Directory)
	status := fmt.Sprintf("%d %s", reply.StatusCode, http.StatusText(reply.StatusCode))
	if reply.StatusCode >= http.StatusInternalServerError || reply.StatusCode == http.StatusTooManyRequests {
		after := ""
		if when := reply.Header.Get("Retry-After"); when != "" {
			after = ", Retry-After: " + short(when)
		}
		return []steps.Check{found("ca.reach", "", "A16", "cannot ask "+name+": it is out of order", status+after, "run the same command again later; until then the site keeps the certificate that it has")}
	}
	var d struct {
		NewOrder string `json:"newOrder"`
		Meta     struct {
			Identities []string          `json:"caaIdentities"`
			Binding    bool              `json:"externalAccountRequired"`
			Profiles   map[string]string `json:"profiles"`
		} `json:"meta"`
	}
	if reply.StatusCode != http.StatusOK || json.Unmarshal(body, &d) != nil || d.NewOrder == "" {
		return []steps.Check{found("ca.reach", "", "D35", "cannot ask "+name+": what answers there is no ACME server", status+" at "+steps.CleanLine(e.Directory), "check the address in trusted.directory: "+steps.CleanLine(e.Directory))}
	}
	for _, identity := range d.Meta.Identities {
		e.ca.identities = append(e.ca.identities, strings.ToLower(identity))
	}
	checks := []steps.Check{passed("ca.reach", "", name+" answers", status)}
	if d.Meta.Binding && e.Account == "" && !e.Bound {
		checks = append(checks, found("ca.terms", "", "A18", "cannot ask "+name+": it wants an account that was made on its website", "externalAccountRequired in its directory",
			steps.BindingAt(e.Directory), "say it in trusted.eab.keyID and trusted.eab.keyFile", "or set trusted.directory to letsencrypt, which needs no account from a website"))
	}
	return append(checks, e.profile(name, d.Meta.Profiles)...)
}

func (e *examination) profile(name string, offered map[string]string) []steps.Check {
	var all []string
	for profile := range offered {
		all = append(all, short(profile))
	}
	seen := "profiles in its directory: " + several(sorted(all))
	if _, ok := offered[e.Profile]; e.Profile != "" && !ok {
		return []steps.Check{found("ca.profile", "", "D36", "cannot ask "+name+" for the profile "+e.Profile+": it does not offer it", seen, "trusted.profile: "+steps.ProfileAuto+"    or one that it offers")}
	}
	for _, d := range e.Domains {
		_, isIP := d.IP()
		if _, ok := offered["shortlived"]; isIP && !ok && len(offered) > 0 {
			return []steps.Check{found("ca.profile", d, "A26", "cannot ask "+name+" for an address: it offers no profile for that", seen, "use a domain, or trusted.source: none for a certificate of this server's own CA")}
		}
	}
	return nil
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
