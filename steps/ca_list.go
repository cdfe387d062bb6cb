package steps

import (
	"fmt"
	"strings"
)

// CAsPage is docs/cas.md: the CAs that have a short name, one of one's own, and the second one. Limits are those of
// Let's Encrypt that are counted here, as rows of a table.
func CAsPage(limits []string) []byte {
	var b strings.Builder
	b.WriteString(casIntroduction)
	b.WriteString("| `trusted.directory` | the CA | its account | certificates and `trusted.profile` | addresses | CAA | to know |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, a := range aliases {
		account, addresses := "made at the first order", "not known"
		if a.binding != "" {
			command, what := SplitFix(a.binding)
			account = "EAB: " + command
			if what != "" {
				account = "EAB: `" + command + "` " + what
			}
		}
		if a.addresses != "" {
			addresses = "yes, as " + a.addresses
		}
		fmt.Fprintf(&b, "| `%s` | %s, %s | %s | %s | %s | `%s` | %s |\n", a.name, cell(a.label), cell(a.url), cell(account), cell(a.lifetimes), addresses, a.caa, cell(a.note))
	}
	b.WriteString("| any https URL | as its directory says | EAB where it wants one | as its directory says | as its directory says | as its directory says | `trusted.caRoots` where it is no CA of the internet |\n")
	b.WriteString(casLimits + strings.Join(limits, "\n") + "\n" + casRest)
	return []byte(b.String())
}

const casIntroduction = `# Certificate authorities

The tables are made of steps/directory.go and system/renew/limits.go by ` + "`go test ./system/renew -run TestCAsPage -update`" + `.

Whichever CA is asked, names are proved by ` + HTTP01 + `, ` + TLSALPN01 + ` (native executor) or ` + DNS01 + ` (docs/dns.md), whatever of them the CA
offers; when to renew is asked of it where it says so (ARI, RFC 9773); the doctor looks beforehand whether its terms, its account, the
profile and the CAA records of the names fit.

**What was run.** Everything is tried against Pebble 2.10, in the test process and in a network of booted servers. No test was run against
the real Let's Encrypt, ZeroSSL or Google, and none against step-ca: what the table says of them is from their own documentation, as of
2026-08 for Let's Encrypt and 2026-04 for Google; of ZeroSSL, from what other clients know of it. What a directory itself says
(profiles, EAB, renewal information, CAA names) counts before the table.

`

const casLimits = `
## Limits that are counted

Let's Encrypt's limits cannot be lifted once they are met, so what was asked of it is written down, in
/var/lib/sslwizard/acme/ledger.json, and stopped before it would. Of any other CA nothing is known beforehand; what a CA says itself (429, Retry-After,
"retry after …") holds for that CA until then, over restarts.

| what | the CA takes | sslwizard asks | within |
| --- | --- | --- | --- |
`

const casRest = `
A renewal that the CA asked for, within the time that it named, is not counted by it and not held to these.

## A CA of your own

step-ca, Pebble, or any other that speaks ACME (RFC 8555). Its directory has to be https, and its root in a file:

    trusted:
      directory: https://ca.internal:9000/acme/acme/directory
      caRoots: /etc/ssl/ca.internal.pem
      acceptTerms: true

With step-ca the ACME provisioner is made by ` + "`step ca provisioner add acme --type ACME`" + `; the directory is below /acme/ and the
provisioner's name, and ` + "`step ca root`" + ` prints the root. Its certificates last a day by default: they are renewed when half of that is left,
which the timer, which comes every hour, can do; ` + "`--x509-default-dur`" + ` makes them last longer. Its own address and names need not be
in the public DNS, and the names of the site need not either: the CA has to see port 80 of this server, or the DNS record.

Names that only exist within a network are refused for the public CAs before anything is asked (A28), and are no matter here.

## A second CA

    trusted:
      directory: letsencrypt
      acceptTerms: true                     # said of both
      fallback:
        directory: zerossl
        eab: {keyID: …, keyFile: /root/zerossl-eab.key}

It is asked when the first CA is why there is no certificate: it cannot be reached, answers with errors of its own or asks to come
later, has met us with a limit that lasts longer than an hour or with a pause that has to be lifted by hand, or has closed our
account. A renewal also turns to it when the first CA is stuck, or sends nothing but certificates that cannot be used. It is never asked
when the fault would be seen by any CA: names that cannot be proved, DNS, CAA, a wrong profile or account binding. A directory that never worked here
and is not plainly down (an address that answers with something else, or with an untrusted certificate) is told instead.

When: at once where the site has no certificate of either CA that is good for its names. A renewal waits until half of the time between
the day on which it was due and the end is over: 15 days before the end of 90, 7.5 of 45, 40 hours of 160. The timer comes at that moment,
however long the first CA wants to be left alone.

Each CA has its own account, limits, profile and roots; an order that the first one left open stays, with its key. The second CA is not rehearsed
with. The certificate that it gave is renewed when it says so, and that renewal asks the first CA first. ` + "`sslwizard status`" + ` says
who issued. The doctor warns (D46) when the second CA could not help: because CAA records name the first alone, or because it wants
what it was not given. Both have to be in the CAA records:

    example.com. CAA 0 issue "letsencrypt.org"
    example.com. CAA 0 issue "sectigo.com"
`
