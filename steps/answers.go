package steps

import (
	"fmt"
	"strings"
)

// The one format of answers that there is so far.
const (
	APIVersion  = "sslwizard/v1"
	AnswersKind = "Answers"
)

// Answers is one site as it was said, before validation: one document of the answers file, and what the screens fill
// in. The yaml tags are the keys of the file; README "Answers file" shows it whole. Times and sizes are text here
// ("60s", "1d", "20M"). Make one with Defaults or ParseAnswers, never with a literal.
type Answers struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Install    InstallAnswers    `yaml:"install"`
	Certs      CertsAnswers      `yaml:"certs"`
	SSL        SSLAnswers        `yaml:"ssl"`
	Redirect   RedirectAnswers   `yaml:"redirect"`
	Proxy      ProxyAnswers      `yaml:"proxy"`
	WebSockets WebSocketsAnswers `yaml:"websockets"`
	Trusted    TrustedAnswers    `yaml:"trusted"`

	origin *origin // nil when it was not read from a file
}

// InstallAnswers is step 1.
type InstallAnswers struct {
	Executor string `yaml:"executor"`
	Firewall bool   `yaml:"firewall"`
}

// CertsAnswers is step 2.
type CertsAnswers struct {
	Domains []string `yaml:"domains"`
	Key     string   `yaml:"key"`
	Days    int      `yaml:"days"`
	DHGroup string   `yaml:"dhGroup"`
}

// SSLAnswers is step 3.
type SSLAnswers struct {
	Profile    string      `yaml:"profile"`
	HTTP2      bool        `yaml:"http2"`
	HTTP3      bool        `yaml:"http3"`
	HSTS       HSTSAnswers `yaml:"hsts"`
	ClientAuth string      `yaml:"clientAuth"`
	ClientCA   string      `yaml:"clientCA"`
}

// HSTSAnswers is Strict-Transport-Security.
type HSTSAnswers struct {
	MaxAge            string `yaml:"maxAge"`
	IncludeSubDomains bool   `yaml:"includeSubDomains"`
}

// RedirectAnswers is step 4.
type RedirectAnswers struct {
	Enabled   bool   `yaml:"enabled"`
	Status    int    `yaml:"status"`
	Canonical string `yaml:"canonical"`
}

// ProxyAnswers is step 5.
type ProxyAnswers struct {
	Upstream      string            `yaml:"upstream"`
	MoreUpstreams []string          `yaml:"moreUpstreams"`
	Sticky        bool              `yaml:"sticky"`
	Timeout       string            `yaml:"timeout"`
	MaxBody       string            `yaml:"maxBody"`
	Headers       map[string]string `yaml:"headers"`
	Trusted       []string          `yaml:"trusted"`
	ClientAddress string            `yaml:"clientAddress"`
	AccessLog     string            `yaml:"accessLog"`
}

// WebSocketsAnswers is step 6.
type WebSocketsAnswers struct {
	Enabled bool     `yaml:"enabled"`
	Paths   []string `yaml:"paths"`
	Idle    string   `yaml:"idle"`
}

// TrustedAnswers is step 7.
type TrustedAnswers struct {
	Source      string     `yaml:"source"`
	Directory   string     `yaml:"directory"`
	CARoots     string     `yaml:"caRoots"`
	Email       string     `yaml:"email"`
	AcceptTerms bool       `yaml:"acceptTerms"`
	Challenge   string     `yaml:"challenge"`
	DNS         DNSAnswers `yaml:"dns"`
	Staging     bool       `yaml:"staging"`
	Certificate string     `yaml:"certificate"`
	Key         string     `yaml:"key"`
	TrustHere   bool       `yaml:"trustHere"`
	CAPage      bool       `yaml:"caPage"`
	Profile     string     `yaml:"profile"`
	EAB         EABAnswers `yaml:"eab"`

	Fallback FallbackAnswers `yaml:"fallback"`

	Notify NotifyAnswers `yaml:"notify"`
}

// FallbackAnswers is a second CA, for when the first one cannot issue.
type FallbackAnswers struct {
	Directory string     `yaml:"directory"`
	CARoots   string     `yaml:"caRoots"`
	Profile   string     `yaml:"profile"`
	EAB       EABAnswers `yaml:"eab"`
}

// NotifyAnswers is who is told when a certificate cannot be renewed.
type NotifyAnswers struct {
	Command string `yaml:"command"`
	Webhook string `yaml:"webhook"`
	Email   string `yaml:"email"`
	Login   bool   `yaml:"login"`
}

// EABAnswers is an external account binding.
type EABAnswers struct {
	KeyID   string `yaml:"keyID"`
	KeyFile string `yaml:"keyFile"`
}

// DNSAnswers is who writes the records of the dns-01 challenge.
type DNSAnswers struct {
	Provider    string `yaml:"provider"`
	Credentials string `yaml:"credentials"`
}

// Defaults is what holds for every key that was not said. The domains, the upstream and the consent have none.
func Defaults() Answers {
	return Answers{
		APIVersion: APIVersion,
		Kind:       AnswersKind,
		Install:    InstallAnswers{Executor: ExecutorNative, Firewall: true},
		Certs:      CertsAnswers{Key: string(ECDSAP256), Days: 365, DHGroup: DHNone},
		SSL:        SSLAnswers{Profile: string(Intermediate), HTTP2: true, HSTS: HSTSAnswers{MaxAge: "0s"}, ClientAuth: ClientNobody},
		Redirect:   RedirectAnswers{Enabled: true, Status: 301},
		Proxy:      ProxyAnswers{Timeout: "60s", MaxBody: "20M", ClientAddress: ForwardedFor, AccessLog: LogJournal},
		WebSockets: WebSocketsAnswers{Enabled: true, Paths: []string{"/"}, Idle: "1h"},
		Trusted:    TrustedAnswers{Source: SourceACME, Directory: AliasLetsEncrypt, Challenge: HTTP01, Staging: true, Profile: ProfileAuto, Fallback: FallbackAnswers{Profile: ProfileAuto}, Notify: NotifyAnswers{Login: true}},
	}
}

// origin knows where each answer stands in the file.
type origin struct {
	source *source
	start  mark            // of the document
	marks  map[string]mark // path of a key or list item → its value
	broken map[string]bool // paths that could not be read; what follows from them is not said again
}

// at is the place of the path or, if it was not said, of the section that it belongs in.
func (o *origin) at(path string) mark {
	for p := path; p != ""; p = parent(p) {
		if m, ok := o.marks[p]; ok {
			return m
		}
	}
	return o.start
}

func (o *origin) isBroken(path string) bool {
	for p := path; p != ""; p = parent(p) {
		if o.broken[p] {
			return true
		}
	}
	return false
}

// parent cuts the last element off a path: "certs.domains[1]" → "certs.domains" → "certs" → "".
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// ParseAnswers reads an answers file of one or more YAML documents, each a site. Name is what messages call the file.
// It is strict, and its error is a *ParseError with every problem at once. It looks at the form only: Sites looks at
// the values too.
func ParseAnswers(name string, data []byte) ([]Answers, error) {
	all, problems := parseAnswers(name, data)
	if err := asError(problems); err != nil {
		return nil, err
	}
	return all, nil
}

// Sites reads an answers file and validates what it says. The error is a *ParseError with every problem of form and
// value at once, each with its place.
func Sites(name string, data []byte) ([]Site, error) {
	all, problems := parseAnswers(name, data)
	sites := make([]Site, len(all))
	for i, a := range all {
		site, wrong := a.Site()
		sites[i] = site
		problems = append(problems, wrong...)
	}
	problems = append(problems, together(all, sites)...)
	if err := asError(problems); err != nil {
		return nil, err
	}
	return sites, nil
}

// together finds what is wrong between the sites of one file.
func together(all []Answers, sites []Site) []Problem {
	var problems []Problem
	first := map[Domain]int{}
	for i, s := range sites {
		for j, d := range s.Certs.Domains {
			path := fmt.Sprintf("certs.domains[%d]", j)
			if other, ok := first[d]; !ok {
				first[d] = i
			} else if other != i {
				where := all[other].origin.at("certs.domains")
				problems = append(problems, all[i].problem(path, "",
					fmt.Sprintf("%s belongs to another site of this file, line %d", d, where.line)))
			}
		}
		if i > 0 && s.Install.Executor != "" && sites[0].Install.Executor != "" && s.Install.Executor != sites[0].Install.Executor {
			problems = append(problems, all[i].problem("install.executor", sites[0].Install.Executor,
				fmt.Sprintf("one server has one executor; the first site of this file has %s", sites[0].Install.Executor)))
		}
	}
	return problems
}

// problem makes a problem of the answers, with its place if they came from a file.
func (a Answers) problem(path, suggestion, text string) Problem {
	if a.origin == nil {
		return problem(path, text, suggestion)
	}
	return a.origin.source.problem(a.origin.at(path), path, text, suggestion)
}
