package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// Record is one TXT record. Its name has no final dot.
type Record struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Provider keeps a zone. Its methods are called from several goroutines.
type Provider interface {
	// Add puts the value beside whatever else the name has.
	Add(ctx context.Context, r Record) error
	// Remove takes exactly this value away. That it is not there is no error.
	Remove(ctx context.Context, r Record) error
	// Ask changes nothing: it fails if the provider would not take a record of this name from us. ErrUnasked says that
	// the provider can only be tried.
	Ask(ctx context.Context, name string) error
}

// ErrUnasked is for a provider that has no question which changes nothing.
var ErrUnasked = errors.New("it has no question that changes nothing")

// ErrNoZone is for a provider that does not have the zone of a name.
var ErrNoZone = errors.New("it has no zone for this name")

// ErrDenied is for a provider that does not take the credentials, or does not let them do this.
var ErrDenied = errors.New("it does not take these credentials")

// Means is what providers are reached with. The zero value is right outside tests, but for Run.
type Means struct {
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Resolver *resolve.Client // nil: the system's
	Endpoint string          // in place of the provider's own address
	Pause    time.Duration   // before a question is asked again; 0: 1 s
	// Run starts the program of the provider "exec": its path, its arguments and what is added to its environment.
	Run func(ctx context.Context, program string, args, env []string) error
}

// makers is one function for each of steps.DNSProviders.
var makers = map[string]func(settings, Means) (Provider, error){
	"acme-dns":     newACMEDNS,
	"cloudflare":   newCloudflare,
	"desec":        newDeSEC,
	"digitalocean": newDigitalOcean,
	"duckdns":      newDuckDNS,
	"exec":         newProgram,
	"gandi":        newGandi,
	"godaddy":      newGoDaddy,
	"hetzner":      newHetzner,
	"httpreq":      newHTTPReq,
	"porkbun":      newPorkbun,
	"rfc2136":      newRFC2136,
}

// settings is what the provider's file says.
type settings = steps.DNSSettings

// Open makes the provider of this name, with what its file says.
func Open(name string, s steps.DNSSettings, m Means) (Provider, error) {
	open, ok := makers[name]
	if !ok {
		return nil, fmt.Errorf("cannot use the DNS provider %s: there is none of this name", steps.CleanLine(name))
	}
	if m.Dial == nil {
		m.Dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if m.Resolver == nil {
		m.Resolver = resolve.System()
	}
	if m.Pause == 0 {
		m.Pause = time.Second
	}
	return open(s, m)
}

// AtOnce is how many values a provider keeps of one name; 0: as many as are wanted.
func AtOnce(name string) int {
	switch name {
	case "acme-dns":
		return 2
	case "duckdns":
		return 1
	}
	return 0
}

// quoted is a value as zone files have it.
func quoted(value string) string { return `"` + value + `"` }

// unquoted is the value itself, however a provider writes it.
func unquoted(value string) string { return strings.Trim(value, `"`) }
