// Command cmd runs Pebble and its DNS as a neighbour host of an end-to-end test, until it is told to stop (SIGTERM):
//
//	go run ./e2e/pebble/cmd --listen 10.0.0.2:14000 --name acme.test --http-port 80 --serve-dns 10.0.0.2:53 \
//	    --record shop.example.com=10.0.0.3,fd00::3 --mgmt 10.0.0.2:15000 --root root.pem --directory-ca directory.pem
//
// It writes both certificates before it prints "ready DIRECTORY" on standard output.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
)

// list collects a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

type flags struct {
	options                           pebbletest.Options
	management, serveDNS              string
	root, directoryCA, refuse         string
	names, records, blocked, fallback list
	bindings                          list
}

func parse() flags {
	var f flags
	flag.StringVar(&f.options.Listen, "listen", "127.0.0.1:14000", "address of the ACME directory")
	flag.StringVar(&f.management, "mgmt", "", "address of the management interface (plain http: Pebble's own and /dns/NAME)")
	flag.IntVar(&f.options.HTTPPort, "http-port", 80, "port on which HTTP-01 is validated")
	flag.IntVar(&f.options.TLSPort, "tls-port", 443, "port on which TLS-ALPN-01 is validated")
	flag.StringVar(&f.options.DNSServer, "dns", "", "resolver that validates; with --serve-dns its own address is the default")
	flag.StringVar(&f.serveDNS, "serve-dns", "", "also be a DNS server on this address")
	flag.DurationVar(&f.options.Validity, "cert-validity", 90*24*time.Hour, "lifetime of certificates")
	flag.IntVar(&f.options.RejectNonces, "reject-nonces", 0, "percentage of good nonces that are refused")
	flag.IntVar(&f.options.ReuseAuthz, "reuse-authz", 0, "percentage of authorizations that are reused")
	flag.BoolVar(&f.options.EAB, "eab", false, "accounts need an external binding")
	flag.Var(&f.bindings, "eab-key", "KEY_ID=HMAC_KEY of an account that may be bound with --eab (repeat)")
	flag.Var(&f.names, "name", "another name or address for the directory's TLS certificate (repeat)")
	flag.Var(&f.records, "record", "NAME=ADDRESS[,ADDRESS] for --serve-dns (repeat)")
	flag.Var(&f.fallback, "default", "address that --serve-dns gives for every other name (repeat)")
	flag.Var(&f.blocked, "block", "name that is refused by policy (repeat)")
	flag.StringVar(&f.refuse, "refuse", "", "refuse every order, and give this as the reason")
	flag.StringVar(&f.root, "root", "", "file to write the root of the issued certificates to")
	flag.StringVar(&f.directoryCA, "directory-ca", "", "file to write the CA of the directory's own TLS certificate to")
	flag.Parse()
	f.options.Names, f.options.Blocked = f.names, f.blocked
	f.options.Log = os.Stderr
	f.options.EABKeys = map[string]string{}
	for _, b := range f.bindings {
		id, key, _ := strings.Cut(b, "=")
		f.options.EABKeys[id] = key
	}
	if f.refuse != "" {
		f.options.Wrap = func(next http.Handler) http.Handler { return refusing{next, f.refuse} }
	}
	return f
}

// refusing is a CA that takes no order.
type refusing struct {
	http.Handler
	reason string
}

func (h refusing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/order-plz" {
		h.Handler.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": h.reason, "status": http.StatusForbidden})
}

func main() {
	if err := run(parse()); err != nil {
		log.Fatal(err)
	}
}

func run(f flags) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var zone *pebbletest.DNS
	if f.serveDNS != "" {
		var err error
		if zone, err = serveDNS(f); err != nil {
			return err
		}
		if f.options.DNSServer == "" {
			f.options.DNSServer = zone.Address
		}
	}
	server, err := pebbletest.Start(f.options)
	if err != nil {
		return err
	}
	if err := write(f.root, server.Roots()); err != nil {
		return err
	}
	if err := write(f.directoryCA, server.DirectoryCA()); err != nil {
		return err
	}
	if f.management != "" {
		if err := manage(f.management, server, zone); err != nil {
			return err
		}
	}
	fmt.Println("ready", server.Directory)
	return server.Wait(ctx)
}

func serveDNS(f flags) (*pebbletest.DNS, error) {
	zone, err := pebbletest.StartDNS(f.serveDNS)
	if err != nil {
		return nil, err
	}
	for _, r := range f.records {
		name, addresses, ok := strings.Cut(r, "=")
		if !ok {
			return nil, fmt.Errorf("cannot read --record %q: it has no =", r)
		}
		zone.Set(name, strings.Split(addresses, ",")...)
	}
	if len(f.fallback) > 0 {
		zone.SetDefault(f.fallback...)
	}
	return zone, nil
}

func manage(address string, server *pebbletest.Server, zone *pebbletest.DNS) error {
	mux := http.NewServeMux()
	mux.Handle("/", server.Management)
	if zone != nil {
		mux.Handle("/dns/", zone)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go http.Serve(l, mux) //nolint:errcheck,gosec // a test's own control socket, until the process ends
	return nil
}

func write(file string, content []byte) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, content, 0o644)
}
