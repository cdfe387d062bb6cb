package steps

import (
	"fmt"
	"strings"
)

// DNSPage is docs/dns.md: how names are proved by records in the DNS, and every provider, as Markdown.
func DNSPage() []byte {
	var b strings.Builder
	b.WriteString(dnsIntroduction)
	b.WriteString("| provider | what its file holds | what the credentials have to be allowed | what is asked beforehand, without a change | to know |\n| --- | --- | --- | --- | --- |\n")
	for _, p := range dnsProviders {
		var lines []string
		for _, f := range p.Fields {
			line := "`" + f.Key + "`: " + f.Help
			if f.Optional {
				line += " (optional)"
			}
			lines = append(lines, line)
		}
		fmt.Fprintf(&b, "| `%s`: %s | %s | %s | %s | %s |\n", p.Name, cell(p.Label), cell(strings.Join(lines, "; ")), cell(p.Right), cell(p.Asked), cell(p.Note))
	}
	b.WriteString(dnsRest)
	return []byte(b.String())
}

const dnsIntroduction = `# Proving names by records in the DNS (dns-01)

Made of steps/dns.go by ` + "`go test ./steps -run DNSPage -update`" + `.

For wildcards, for servers that no CA can reach, and where port 80 is closed. The site says who keeps its DNS, and where the
credentials are:

    certs: {domains: [shop.example.com, "*.shop.example.com"]}
    trusted:
      challenge: dns-01
      dns: {provider: cloudflare, credentials: /etc/sslwizard-dns}

The token itself is never an answer: it is in that file, which belongs to root and which nobody else can read. A file that
others can read stops a run, with what to type. It is read again at every renewal, so a new token is put there and that is all.

    sudo install -m 0600 /dev/null /etc/sslwizard-dns
    sudo nano /etc/sslwizard-dns

A file has lines of ` + "`key = value`" + `; what begins with ` + "`#`" + ` is a comment:

    # Cloudflare, token "sslwizard": Zone / DNS / Edit for example.com
    token = …

## Providers

None of them was run against the real service so far: each is tried against a strict imitation made from its documentation,
where a question that is not in it fails the test, and rfc2136 against a name server of another make, over a real network.

`

const dnsRest = `
Any other provider (Route 53, Azure, Google Cloud, OVH and so on) has three ways: one CNAME by hand from
` + "`_acme-challenge.shop.example.com`" + ` to an acme-dns server, or to a zone at one of the providers above; a program of yours (exec);
a service of yours (httpreq). They are left out because their libraries would double the size of the program. Namecheap is, because its API has no question
for one record: it replaces all records of a domain, mail and all, at every change.

## What happens

1. The aliases (CNAME) of ` + "`_acme-challenge.NAME`" + ` are followed, each at the name servers that know it; the record goes to their end.
2. The record is written down in /var/lib/sslwizard/acme/records.json, and then made, beside whatever else has that name. A name
   and its wildcard have the same one, with two values.
3. Every name server of the zone is asked, at every address, until all that answer have it, twice in a row: 10 minutes at most. One
   that says nothing three times does not count. Where none can be asked, as in a network that lets no questions out, the resolver
   is, and after two minutes the CA looks for itself.
4. Only then does the CA look. Whatever comes of it, this one value is taken away again, also when the run was stopped. What could not
   be taken away, because the run was killed or the provider was away, the next run or renewal takes away. Values of others stay.

With a CA that has a staging server this is rehearsed there first, as with the other challenges.

Before any of it the doctor (` + "`sslwizard doctor`" + `) says whether the file can be used, whether the provider would take a record, whether
the aliases lead somewhere, and whether CAA records let dns-01 be used (validationmethods). Ports and addresses of the names do not
matter then. Renewal is the same, by sslwizard-renew.service, without anybody; it needs the way out to the provider (443, or 53 for
rfc2136), and to the name servers (53, UDP and TCP).

## One record that stays (dns-persist-01)

With ` + "`trusted.challenge: dns-persist-01`" + ` (draft-ietf-acme-dns-persist) there is no provider and no token: you make one TXT record by hand,
once, and every renewal is proved by it. The record names the CA and this server's account there, so the first run makes the account, orders
nothing, and says the record; when it is there, the same command again gets the certificate:

    _validation-persist.shop.example.com. TXT "letsencrypt.org; accounturi=https://…/acct/1"

For a wildcard it ends in ` + "`; policy=wildcard`" + `. Every name of the site needs one. Before each order all name servers of the zone are asked for it; what is wrong with it
(another account, another CA, run out, no wildcard) is said with the record that is wanted (D47, D48). It is no proof at another CA: there is no rehearsal
with a staging server, and a second CA (trusted.fallback) needs a record of its own beside it. Who has the account's key can get certificates for the
name as long as the record stands: ` + "`sslwizard uninstall`" + ` cannot take it away, so do that too, and with ` + "`sslwizard account rollover`" + ` the account, and so the
record, stays with a new key. The CA has to offer it: Pebble 2.10 does, and it was run against that.

No proxy or other variable of the environment has a say.
`
