package steps

import (
	"fmt"
	"slices"
	"strings"
)

// DNSProvider is one that can be asked to write the records of the dns-01 challenge. The table is dnsProviders; docs/dns.md
// is made of it.
type DNSProvider struct {
	Name   string // in trusted.dns.provider
	Label  string
	Fields []DNSField
	Right  string // what the credentials have to be allowed, and no more
	Asked  string // what the doctor asks, which changes nothing
	Note   string // what is particular
}

// DNSField is one line of a provider's file.
type DNSField struct {
	Key, Help string
	Optional  bool
}

// DNSSettings is what a provider's file says.
type DNSSettings map[string]string

// DNSEnv begins the keys that the provider exec hands to its program, as variables of its environment.
const DNSEnv = "env."

var apiToken = DNSField{Key: "token", Help: "the API token"}

var dnsProviders = []DNSProvider{
	{"acme-dns", "acme-dns, a server for nothing but such records", []DNSField{
		{Key: "server", Help: "https://… of the acme-dns server"}, {Key: "username", Help: "as its /register answered"},
		{Key: "password", Help: "likewise"}, {Key: "subdomain", Help: "likewise"}, {Key: "fulldomain", Help: "likewise: where the CNAME of _acme-challenge leads"}},
		"nothing but one record", "/health, and where the CNAME leads", "For any provider that is not in this table: one CNAME by hand, once. It keeps two values, so names are proved two at a time."},
	{"cloudflare", "Cloudflare", []DNSField{apiToken}, "Zone / DNS / Edit, for the zone of the site alone (a token, not the global key)", "the zone and its TXT records of the name", ""},
	{"desec", "deSEC", []DNSField{apiToken}, "a token; with policies, one for TXT of _acme-challenge", "the domain and the TXT set of the name", "Its TTL is an hour, which does not matter: each value is new."},
	{"digitalocean", "DigitalOcean", []DNSField{apiToken}, "domain: read, create, delete", "the domain and its TXT records of the name", ""},
	{"duckdns", "DuckDNS", []DNSField{apiToken}, "the token of the account", "nothing: it has no such question", "One TXT value for a domain and everything below it: an older one is overwritten, and names are proved one after the other."},
	{"exec", "a program of yours", []DNSField{{Key: "program", Help: "its path; root's own, and writable by nobody else"}, {Key: DNSEnv + "NAME", Help: "any number of variables for its environment", Optional: true}},
		"whatever your program needs", "nothing: only a try shows", "Started without a shell as PROGRAM present NAME. VALUE, later as PROGRAM cleanup NAME. VALUE. It has a minute. It runs in the sandbox of sslwizard-renew.service: it can connect, and can write below /var/lib/sslwizard only."},
	{"gandi", "Gandi LiveDNS", []DNSField{{Key: "token", Help: "a personal access token"}}, "See and renew domain names, Manage domain name technical configurations", "the domain and the TXT set of the name", ""},
	{"godaddy", "GoDaddy", []DNSField{{Key: "key", Help: "the API key, of production"}, {Key: "secret", Help: "its secret"}}, "the API, which GoDaddy opens to larger accounts only", "the domain and the TXT set of the name", ""},
	{"hetzner", "Hetzner (Cloud)", []DNSField{apiToken}, "Read & Write, of the project that has the zone", "the zone", "The DNS of the Cloud console; the older DNS console has been switched off."},
	{"httpreq", "a web service of yours", []DNSField{{Key: "endpoint", Help: "https://… (http on this machine)"}, {Key: "username", Help: "for basic authentication", Optional: true}, {Key: "password", Help: "likewise", Optional: true}},
		"whatever your service asks", "nothing: only a try shows", `POST /present and /cleanup with {"fqdn": "_acme-challenge.shop.example.com.", "value": "…"}; any status 2xx says that it is done.`},
	{"porkbun", "Porkbun", []DNSField{{Key: "key", Help: "the API key (pk1_…)"}, {Key: "secret", Help: "the secret key (sk1_…)"}}, "API access switched on for the domain", "the domains of the account and the TXT records of the name", ""},
	{"rfc2136", "a name server that takes updates (RFC 2136)", []DNSField{{Key: "server", Help: "host, or host:port, of the primary"}, {Key: "key", Help: "name of the TSIG key", Optional: true},
		{Key: "secret", Help: "the key, in base64", Optional: true}, {Key: "algorithm", Help: "hmac-sha256 (the default), hmac-sha384 or hmac-sha512", Optional: true}, {Key: "zone", Help: "the zone; empty: the server is asked", Optional: true}},
		"TXT of _acme-challenge names (BIND: update-policy { grant KEY name _acme-challenge.shop.example.com. TXT; })", "a signed update of nothing", "BIND, Knot, PowerDNS, Windows."},
}

// DNSProviders returns them all, in the order of the page.
func DNSProviders() []DNSProvider { return slices.Clone(dnsProviders) }

// DNSProviderOf returns the provider of that name.
func DNSProviderOf(name string) (DNSProvider, bool) {
	i := slices.IndexFunc(dnsProviders, func(p DNSProvider) bool { return p.Name == name })
	if i < 0 {
		return DNSProvider{}, false
	}
	return dnsProviders[i], true
}

func dnsProviderNames() []string {
	var names []string
	for _, p := range dnsProviders {
		names = append(names, p.Name)
	}
	return names
}

// Sample is what the file has to hold, on one line: "token = …".
func (p DNSProvider) Sample() string {
	var lines []string
	for _, f := range p.Fields {
		if !f.Optional {
			lines = append(lines, f.Key+" = …")
		}
	}
	return strings.Join(lines, ", ")
}

// Parse reads the provider's file: lines of "key = value", empty ones, and comments after "#" at their beginning. Its
// errors name keys and lines, never what stands there: that may be a token in the wrong place.
func (p DNSProvider) Parse(text []byte) (DNSSettings, error) {
	s := DNSSettings{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok:
			return nil, fmt.Errorf("line %d is not of the form key = value", number)
		case !p.takes(key):
			return nil, fmt.Errorf("line %d has a key that %s does not know; it takes %s", number, p.Name, p.keys())
		case s[key] != "":
			return nil, fmt.Errorf("line %d says %s again", number, key)
		case Clean(value) != value:
			return nil, fmt.Errorf("line %d has characters that cannot be printed", number)
		}
		s[key] = value
	}
	for _, f := range p.Fields {
		if !f.Optional && s[f.Key] == "" {
			return nil, fmt.Errorf("it does not say %s, %s", f.Key, f.Help)
		}
	}
	return s, nil
}

func (p DNSProvider) takes(key string) bool {
	return slices.ContainsFunc(p.Fields, func(f DNSField) bool {
		variable, ok := strings.CutPrefix(key, DNSEnv)
		return f.Key == key && f.Key != DNSEnv+"NAME" || ok && f.Key == DNSEnv+"NAME" && variableName(variable)
	})
}

// variableName accepts what an environment may have that decides nothing about how a program is started.
func variableName(name string) bool {
	return name != "" && name != "PATH" && !strings.HasPrefix(name, "LD_") && only(name, alphanum+"_", "") == nil
}

func (p DNSProvider) keys() string {
	var keys []string
	for _, f := range p.Fields {
		keys = append(keys, f.Key)
	}
	return strings.Join(keys, ", ")
}

// RootFile is a file that only root may read, as it is on this host: one with secrets, or a program of the user's.
type RootFile struct {
	Absent bool
	Open   string // who else than root may read or write it; empty: nobody
	Fault  string // what is wrong with what it says; empty: nothing
	Sealed bool   // it can be looked at by root only
	Hidden bool   // the renewal does not see it, in its sandbox
}

// Wrong says what keeps the file from being used, in words that follow its name; empty: nothing does.
func (f RootFile) Wrong() string {
	switch {
	case f.Absent:
		return "there is no such file"
	case f.Sealed:
		return "it can be read by root only"
	case f.Hidden:
		return "the service that renews does not see it"
	case f.Open != "":
		return f.Open + " may read or change it"
	}
	return f.Fault
}

// dnsFindings are about the file with the credentials.
func dnsFindings(s Site, f Facts) []Finding {
	if s.Trusted.Challenge != DNS01 {
		return nil
	}
	file, known := f.DNSFiles[s.Name]
	if !known {
		return nil
	}
	return DNSFindings(s, file)
}

// DNSFindings says what keeps the file from being used.
func DNSFindings(s Site, file RootFile) []Finding {
	d := s.Trusted.DNS
	p, _ := DNSProviderOf(d.Provider)
	name := CleanLine(d.Credentials)
	cannot := "cannot use the file in trusted.dns.credentials: "
	switch {
	case file.Sealed:
		return []Finding{{Code: "H01", Severity: Warning, Text: "the file in trusted.dns.credentials can be read by root only, so it is not looked at", Fix: []string{"sudo sslwizard"}}}
	case file.Absent:
		return []Finding{{Code: "D41", Severity: Blocker, Text: cannot + name + ": " + file.Wrong(),
			Fix: []string{"sudo install -m 0600 /dev/null " + name, "sudo nano " + name + "    write into it: " + p.Sample()}}}
	case file.Hidden:
		return []Finding{{Code: "D41", Severity: Blocker, Text: cannot + name + ": " + file.Wrong(), Fix: []string{"keep it in /etc: sudo mv " + name + " /etc/sslwizard-dns, and name that in trusted.dns.credentials"}}}
	case file.Open != "":
		return []Finding{{Code: "D42", Severity: Blocker, Text: cannot + name + ": " + file.Wrong(), Fix: []string{"sudo chown root:root " + name + " && sudo chmod 600 " + name}}}
	case file.Fault != "":
		return []Finding{{Code: "D41", Severity: Blocker, Text: cannot + file.Fault, Fix: []string{"sudo nano " + name + "    it has to say: " + p.Sample() + " (docs/dns.md has the whole table)"}}}
	}
	return nil
}
