package steps

import "time"

// HostStatus is what `sslwizard status` reports: what is managed here and whether it is well. Reading it changes
// nothing.
type HostStatus struct {
	Hostname string       `json:"hostname"`
	Sites    []SiteStatus `json:"sites"`
	Units    []UnitStatus `json:"units"`
	Proxy    *ProxyStatus `json:"proxy,omitempty"` // nil when the native proxy does not run, or does not say so to this user
	Runs     []RunRecord  `json:"runs"`            // newest first
	Running  string       `json:"running"`         // ID of a run that goes on now; empty: none
	Unended  string       `json:"unended"`         // ID of a run that never ended; empty: none
	Findings []Finding    `json:"findings"`        // drift, unreadable sites, a certificate near its end
}

// SiteStatus is one stored site.
type SiteStatus struct {
	Name      string           `json:"name"`
	Executor  string           `json:"executor"`
	Domains   []Domain         `json:"domains"`
	Upstream  string           `json:"upstream"`
	Upstreams []UpstreamStatus `json:"upstreams"`    // all of them; Upstream is the first
	Source    string           `json:"source"`       // of its certificate: "local", "acme", "files", "" for none
	Test      bool             `json:"test"`         // it comes from a staging directory: nobody trusts it
	CA        string           `json:"ca,omitempty"` // that issued it
	// InPlaceOf is the CA that could not issue when the second one of trusted.fallback did; empty: none.
	InPlaceOf  string    `json:"inPlaceOf,omitempty"`
	NotAfter   time.Time `json:"notAfter"`
	RenewAfter time.Time `json:"renewAfter"` // when the timer starts to renew; zero: never
	// RenewalPage is the page on which the CA says why it wants the certificate renewed then; empty: it says nothing.
	RenewalPage string `json:"renewalPage,omitempty"`
}

// UpstreamStatus is how an upstream is, as far as the native proxy says so.
type UpstreamStatus struct {
	Upstream string `json:"upstream"`
	Known    bool   `json:"known"`    // the proxy says the following
	Busy     int    `json:"busy"`     // requests and WebSockets that are there
	Failures uint64 `json:"failures"` // requests that it did not answer, since the proxy was started
	Down     bool   `json:"down"`     // it could not be reached when it was last tried
}

// UnitStatus is a unit that a site needs.
type UnitStatus struct {
	Name    string `json:"name"`
	Active  bool   `json:"active"`
	Enabled bool   `json:"enabled"`
}

// ProxyStatus is what the native proxy says about itself. It faces the internet: what it says is somebody else's text.
type ProxyStatus struct {
	Since       time.Time `json:"since"`
	Connections int       `json:"connections"` // open, without WebSockets
	WebSockets  int       `json:"webSockets"`  // open
	Requests    uint64    `json:"requests"`    // that have ended since
	Failed      uint64    `json:"failed"`      // of them, answered with a status of 500 or more
	Error       string    `json:"error"`       // why it did not take what is stored now; empty when it did
}

// RunRecord is a finished run in the journal.
type RunRecord struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	What    string    `json:"what"` // "apply shop.example.com (native)"
	Outcome Outcome   `json:"outcome"`
	Undone  bool      `json:"undone"`
}
