package steps

import (
	"net/netip"
	"time"
)

// ProbeRequest is what `sslwizard probe` was asked.
type ProbeRequest struct {
	URL       string
	WSPath    string
	CAFile    string
	Addresses []netip.Addr // of --resolve; empty: ask DNS
	Ports     PortMap
	Idle      time.Duration
	HTTP3     bool // ask over QUIC too
	// ClientCert and ClientKey are the PEM files of the certificate that the probe shows where it is asked for one.
	ClientCert, ClientKey string
}

// DoctorRequest is what `sslwizard doctor` was asked. What is empty is as the stored site has it, or else the default.
type DoctorRequest struct {
	Domains   []Domain // none: those of the stored sites
	Directory string   // URL
	Challenge string
	CAFile    string // PEM that the directory's own HTTPS leads to
}

// RenewRequest is what `sslwizard renew` was asked.
type RenewRequest struct {
	Site      string // empty: all
	Force     bool   // what is not due too
	Scheduled bool   // as the timer does: only what has something to be done, and with pauses after failures
}

// PortMap is where a site's two ports are; zero is the usual one.
type PortMap struct{ HTTP, HTTPS int }

// ServeRequest is what `sslwizard serve` was asked; with no addresses the sockets come from systemd.
type ServeRequest struct {
	HTTP, HTTPS []string
	HTTP3       []string // addresses of UDP
	SitesDir    string
	CertsDir    string
	Webroot     string
	Control     string
	Metrics     string
	LogDir      string
	Engine      string // what serves HTTP/1: "std" or "loop"; empty: std
}
