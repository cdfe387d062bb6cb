package renew

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// state is what is remembered of a site's renewal, in steps.RenewDir/NAME.json. Without it, or with a damaged one, nothing
// is lost but time: the rule of the lifetime holds (DueAt), and what was told is told again.
type state struct {
	Leaf string    `json:"leaf"` // SHA-256 of the certificate that the following is about
	Next time.Time `json:"next"` // before it there is nothing to look at

	Drawn   time.Time `json:"drawn,omitzero"`    // when it is renewed by our own rule
	Window  *window   `json:"window,omitempty"`  // what its CA said
	AskAt   time.Time `json:"askAt,omitzero"`    // the CA is not asked before
	Unheard string    `json:"unheard,omitempty"` // why the CA said nothing when it was last asked

	Lived time.Duration `json:"lived,omitempty"` // lifetime of the certificate before this one, where it was another

	Early time.Time `json:"early,omitzero"` // when it was last renewed because the CA asked for it before our rule would

	Tried    time.Time `json:"tried,omitzero"`     // the last attempt to have a new one
	Since    time.Time `json:"since,omitzero"`     // the first of those that failed
	Failures int       `json:"failures,omitempty"` // attempts since the last success
	Error    string    `json:"error,omitempty"`    // of the last of them, with its code and the ways on
	Code     string    `json:"code,omitempty"`
	Fixes    []string  `json:"fixes,omitempty"`
	Pause    time.Time `json:"pause,omitzero"` // the timer does not try again before

	LookAt   time.Time `json:"lookAt,omitzero"`    // when what is served is next compared with what is stored
	Unserved string    `json:"unserved,omitempty"` // how they differed

	// Proven is when the timer's own round, in its sandbox, last had the server take the certificate and saw it served; zero: not
	// since the site was set up, or changed, by a person.
	Proven time.Time `json:"proven,omitzero"`

	Told  []string `json:"told,omitempty"`  // the notices that were given
	Login string   `json:"login,omitempty"` // what who logs in has to know

	stored string // the text on the disk
}

func stateFile(site string) string { return path.Join(steps.RenewDir, site+".json") }

// storedState is what is on the disk of a site; the second value is false when that is nothing which can be used.
func storedState(r host.Reader, site string) (*state, bool) {
	s := &state{}
	f, err := r.ReadFile(stateFile(site))
	if err != nil || json.Unmarshal(f.Data, s) != nil {
		return &state{}, false
	}
	s.stored = string(f.Data)
	return s, true
}

// readState is that of a site whose current certificate is this one.
func readState(r host.Reader, site, leaf string) *state {
	s, ok := storedState(r, site)
	if !ok {
		return &state{Leaf: leaf}
	}
	if s.Leaf != leaf {
		s.follow(leaf)
	}
	return s
}

// follow goes on with another certificate. What was told of the old one stays, until all is seen to be well.
func (s *state) follow(leaf string) {
	*s = state{Leaf: leaf, Early: s.Early, Told: s.Told, Proven: s.Proven, stored: s.stored}
}

// write stores the state, if it is another one than before.
func (s *state) write(h host.Host, site string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil || string(text)+"\n" == s.stored {
		return err
	}
	if err := ensureDirs(h, 0o700, steps.RenewDir); err != nil {
		return err
	}
	text = append(text, '\n')
	if err := h.WriteFile(stateFile(site), host.File{Data: text, Mode: 0o600}); err != nil {
		return err
	}
	s.stored = string(text)
	return nil
}

// Wake has the timer look at a site that somebody changed, and show again that it can renew it. A site that it never looked at is awake.
func Wake(h host.Host, site string) error {
	s, ok := storedState(h, site)
	if !ok || s.Next.IsZero() && s.Proven.IsZero() {
		return nil // then it is awake
	}
	s.Next, s.Pause, s.LookAt, s.Proven = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return s.write(h, site)
}

// Survey is what the states say of the sites, without a look at a certificate: the timer comes often, and has to be cheap.
type Survey struct {
	Awake  []string // something is to be done, or looked at
	Failed []string // the last attempt failed, or what is served is not what is stored
}

// Survey looks at these sites, by their names.
func (m *Manager) Survey(r host.Reader, names []string) Survey {
	var all Survey
	now := m.now()
	for _, name := range names {
		s, ok := storedState(r, name)
		if !ok || !now.Before(s.Next) {
			all.Awake = append(all.Awake, name)
		}
		if s.Failures > 0 || s.Unserved != "" {
			all.Failed = append(all.Failed, name)
		}
	}
	return all
}

// Forget takes away what is remembered of other sites than these: they are there no longer.
func Forget(h host.Host, names []string) error {
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	dir, err := h.ReadFile(steps.RenewDir)
	if err != nil {
		return nil //nolint:nilerr // it is made with the first state
	}
	for _, entry := range dir.Entries {
		if name, isState := strings.CutSuffix(entry, ".json"); isState && !known[name] {
			if err := h.Remove(path.Join(steps.RenewDir, entry)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Logins are what who logs in has to know of these sites.
func Logins(r host.Reader, names []string) []string {
	var all []string
	for _, name := range names {
		if s, ok := storedState(r, name); ok && s.Login != "" {
			all = append(all, s.Login)
		}
	}
	return all
}

// Standing is what there is to say of a site's renewal.
type Standing struct {
	At   time.Time // when it is renewed; zero: never, because it is the user's own
	Page string    // where the CA that chose the time says why; may be empty

	revoking bool            // a revocation was begun and is not over
	facts    steps.CertFacts // of the certificate
	now      time.Time
	state
}

// StandingOf reads it. Who may not read the state sees the rule of the lifetime.
func StandingOf(r host.Reader, site string, f steps.CertFacts, now time.Time) Standing {
	s := readState(r, site, f.SHA256)
	st := Standing{state: *s, revoking: unended(r, site, now) != nil, facts: f, now: now}
	if f.Source != steps.SourceFiles && !f.NotAfter.IsZero() {
		st.At = s.due(f, now)
	}
	if s.Window != nil && st.At.Equal(s.Window.Drawn) {
		st.Page = s.Window.Page
	}
	return st
}

func attempts(n int) string {
	if n == 1 {
		return "the last attempt to renew the certificate failed"
	}
	return fmt.Sprintf("the last %d attempts to renew the certificate failed, the newest of them", n)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// current is the certificate that a site has; none is one without a lifetime.
func current(r host.Reader, site string) steps.CertFacts {
	f, err := cert.CurrentFacts(r, site)
	if err != nil {
		return steps.CertFacts{}
	}
	return f
}
