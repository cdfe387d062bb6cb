package steps

import "slices"

// Cause is one reason for which a certificate cannot be had, or will be lost, that the doctor finds before a CA is asked.
// The table is causes; docs/doctor.md is made of it.
type Cause struct {
	Code    string   // stable; a row of the failure catalogue, or D… of the doctor's own, or S… for the strategy
	Name    string   // a few words
	Meaning string   // for somebody who has not met it before
	Looks   string   // what is looked at, and by whom
	Do      string   // the one thing to do
	Worst   Severity // what it can be at most
	Test    string   // the test that produces it
}

// CauseOf returns the cause of a code; false when the doctor has none of it.
func CauseOf(code string) (Cause, bool) {
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.Code == code })
	if i < 0 {
		return Cause{}, false
	}
	return causes[i], true
}

// Causes returns them all, in the order of the page.
func Causes() []Cause { return slices.Clone(causes) }

var causes = []Cause{
	// The name and its records.
	{"A01", "no address", "The DNS has no address for this name, so neither visitors nor the CA find the site by it.",
		"A and AAAA at the domain's own name servers", "make an A record (and AAAA) that points to this server", Blocker, "TestNameCauses"},
	{"D30", "www without a record", "Only the name with www in front has no record in the DNS; the one without it has.",
		"A and AAAA of a www. name beside its bare name", "make a record for it, or leave it out of certs.domains", Blocker, "TestNameCauses"},
	{"D01", "no such domain", "The domain itself does not exist: it was never registered, has expired, or is misspelt.",
		"the name servers of the zone above", "register it, or check how it is spelt", Blocker, "TestNameCauses"},
	{"D02", "name servers silent", "Name servers that are to know the domain do not answer, or know nothing of it.",
		"each name server of the zone, asked directly", "have the DNS provider repair them, or take them out of the delegation", Blocker, "TestNameServerCauses"},
	{"D03", "name servers differ", "The domain's name servers do not say the same: some still have an older version.",
		"address and SOA serial at each name server", "wait until all have the new version", Warning, "TestNameServerCauses"},
	{"D04", "split DNS", "Inside, this name has another address than in the rest of the world, where the CA is.",
		"this server's resolver against the domain's own name servers", "look at the public record: it is the one that counts", Warning, "TestNameServerCauses"},
	{"D09", "an old answer is still kept", "The record was changed lately, and resolvers may still have the old one.",
		"this server's resolver against the domain's own name servers", "wait until the old record has run out", Warning, "TestNameServerCauses"},
	{"D05", "alias to nowhere", "The name is an alias (CNAME) of another name, which does not exist.",
		"every link of the chain of CNAMEs", "let the alias name a host that exists, or replace it by an A record", Blocker, "TestNameCauses"},
	{"D06", "alias in a circle", "The alias (CNAME) of the name leads back to itself.",
		"every link of the chain of CNAMEs", "replace the alias by an A record", Blocker, "TestNameCauses"},
	{"A10", "the DNS fails", "The DNS of this name is broken: it fails, or its signatures (DNSSEC) do not fit.",
		"the answer code of this server's resolver, with and without DNSSEC", "ask the DNS provider; https://dnsviz.net shows what is broken", Blocker, "TestNameCauses"},
	{"D10", "DNSSEC does not fit", "The signatures of the domain (DNSSEC) are missing, old or wrong: who checks them gets no answer. Every CA checks them.",
		"the same question with and without checking (CD)", "have the DNS provider sign the zone again, or take the DS record away at the registrar", Blocker, "TestNameCauses"},
	{"D11", "no resolver", "This server cannot look up anything: none of its resolvers answers.",
		"the resolvers of /etc/resolv.conf", "put a resolver that works into /etc/resolv.conf", Blocker, "TestNameCauses"},

	// The address.
	{"A02", "another address", "The name leads to another address than this server's.",
		"the records against the addresses of this host, and a nonce fetched from there", "set the A record to this server's address", Blocker, "TestAddressCauses"},
	{"A03", "another IPv6 address", "The IPv6 record of the name leads elsewhere, and the CA asks there first.",
		"the AAAA records against the addresses of this host, and a nonce fetched from there", "set the AAAA record to this server's address, or delete it", Blocker, "TestAddressCauses"},
	{"D12", "only some addresses are ours", "Some of the addresses of the name are another server's, and the CA may ask any of them.",
		"every record against the addresses of this host", "delete the records that are not this server's", Blocker, "TestAddressCauses"},
	{"D13", "IPv6 does not get through", "The IPv6 record is right, but IPv6 does not reach the web server: it listens on IPv4 only, or a firewall stands before it.",
		"the nonce over each family", "let the web server listen on [::]:80, open port 80 for IPv6, or delete the AAAA record", Blocker, "TestAddressCauses"},
	{"D07", "an address of no internet", "The DNS names an address of a private network, which no CA can reach.",
		"the records against the private ranges", "set the record to the public address, or take a CA of your own or this server's own", Blocker, "TestAddressCauses"},
	{"D08", "shared address (CGNAT)", "This server sits behind an address that its provider shares among customers: nobody can connect to it from outside.",
		"addresses of 100.64.0.0/10 on this host and in the DNS", "ask the provider for a public address, or prove the name by a DNS record", Warning, "TestAddressCauses"},
	{"D14", "the router hides us", "The address belongs to a router in front of this server, which does not show the server to itself. From outside it may work.",
		"the nonce through the public address (hairpin)", "have ports 80 and 443 passed on to this server", Warning, "TestAddressCauses"},
	{"A04", "behind a CDN", "A CDN answers for this name in place of this server.",
		"the published ranges and the headers of CDNs", "let the check pass at the CDN, or switch it off for this name", Blocker, "TestAddressCauses"},

	// Port 80.
	{"A05", "port 80 does not answer", "The CA could not reach port 80 of this server. Mostly a firewall is in the way, here or in the console of your provider.",
		"a connection to port 80 of every address", "open port 80, and let the web server run", Blocker, "TestReachCauses"},
	{"N01", "another program has the port", "Another program holds a port that the site needs.",
		"the listeners of this host, with process, unit and package", "stop it, or let it pass the site on", Blocker, "TestPreflight"},
	{"N16", "this server's firewall", "The firewall of this server keeps a port closed that visitors need.",
		"the rules of ufw, firewalld, nftables or iptables", "let step 1 open it", Warning, "TestPreflight"},
	{"A06", "redirected away", "The question that the CA asks on port 80 is redirected to where nobody knows the answer.",
		"the nonce, redirects followed as a CA does", "let the challenge path through without a redirect", Blocker, "TestReachCauses"},
	{"D22", "redirected to https that fails", "The question that the CA asks on port 80 is redirected to HTTPS, where no TLS can be spoken.",
		"the nonce, redirects followed as a CA does", "let the challenge path through without a redirect", Blocker, "TestReachCauses"},
	{"D23", "redirected in a circle", "The question that the CA asks on port 80 is redirected without end.",
		"the nonce, at most ten redirects", "let the challenge path through without a redirect", Blocker, "TestReachCauses"},
	{"D24", "redirected where no CA follows", "CAs follow redirects to http and https on ports 80 and 443 only.",
		"the target of every redirect", "let the challenge path through without a redirect", Blocker, "TestReachCauses"},
	{"A07", "something else answers", "Something else answers for this name on port 80: another server, a CDN, an old address.",
		"the answer against the nonce", "find the site that answers for the name, and take the name out of it", Blocker, "TestReachCauses"},
	{"D21", "the answer is changed on the way", "The file of the CA arrives, but with something added: a proxy or a filter writes into it.",
		"the answer against the nonce", "switch off what changes answers, under the challenge path at least", Blocker, "TestReachCauses"},
	{"D26", "a page answers", "A web page comes back in place of the CA's file: an application takes every path for its own.",
		"the answer against the nonce", "let the challenge path through before the application", Blocker, "TestReachCauses"},
	{"D27", "the answer is refused", "Who asks is sent away: a password, an access rule, a bot filter.",
		"the status 401 or 403", "let everybody read the challenge path", Blocker, "TestReachCauses"},
	{"D29", "overloaded or limited", "What answers for the name has too much to do, limits its visitors, or is out of order.",
		"the status 429 or 5xx, and time", "take the challenge path out of the limit, or repair what stands in front", Blocker, "TestReachCauses"},
	{"D37", "another program ends TLS", "TLS on port 443 is not spoken by sslwizard, but by something in front of it.",
		"a handshake of TLS-ALPN-01, as a CA makes it", "pass port 443 on as it is, or prove the names over port 80", Blocker, "TestHandshakeCauses"},

	// CAA.
	{"A09", "another CA only", "The DNS names the CAs that may issue for this name (CAA), and this one is not among them.",
		"CAA records from the name upwards (RFC 8659)", "add a record for this CA beside them", Blocker, "TestCAACauses"},
	{"D15", "another account only", "The DNS lets only another account ask this CA (CAA accounturi).",
		"the accounturi of CAA records (RFC 8657) against our account", "put our account into the record", Blocker, "TestCAACauses"},
	{"D16", "another kind of proof only", "The DNS lets the CA issue only upon another kind of proof (CAA validationmethods).",
		"the validationmethods of CAA records (RFC 8657)", "add the challenge to validationmethods, or choose one that is there", Blocker, "TestCAACauses"},
	{"D17", "no wildcards", "The DNS does not let this CA issue wildcards (CAA issuewild).",
		"issuewild of CAA records", "add an issuewild record for this CA", Blocker, "TestCAACauses"},
	{"D18", "a CAA record that nobody knows", "A CAA record says that it is critical, and no CA knows what it means; so none may issue.",
		"the flags of CAA records", "take that record away", Blocker, "TestCAACauses"},
	{"D19", "CAA cannot be looked up", "The name servers fail when they are asked for CAA records. Then no CA may issue.",
		"CAA records from the name upwards", "have the DNS provider answer questions of type CAA", Blocker, "TestCAACauses"},

	// What is asked for.
	{"A25", "a wildcard over port 80", "This kind of proof cannot be had for such a name.",
		"the names against the challenge", "give the names one by one, or prove them by a DNS record", Blocker, "TestAskedCauses"},
	{"A26", "an address as a name", "This CA does not issue for addresses in that way.",
		"the names against what the directory offers", "use a domain, or a CA that issues for addresses", Blocker, "TestAskedCauses"},
	{"A27", "too many names", "No CA puts so many names into one certificate.",
		"the number of names", "put the names into several sites", Blocker, "TestAskedCauses"},
	{"A28", "not a name of the internet", "This CA does not issue for such a name.",
		"the names against the reserved ones", "use trusted.source: none, or a CA of your own", Blocker, "TestAskedCauses"},
	{"D31", "a name twice", "A name is covered by a wildcard that is in the same certificate; CAs refuse that.",
		"the names among each other", "take the name that the wildcard covers out", Blocker, "TestAskedCauses"},

	// This host.
	{"H09", "the clock is wrong", "The clock of this server is wrong, so that certificates seem to be expired, or not valid yet.",
		"the Date of the CA's answer", "sudo timedatectl set-ntp true", Blocker, "TestDirectoryCauses"},
	{"H06", "no room", "There was no room on the disk for what had to be written.",
		"free bytes on the file system of /var/lib/sslwizard", "make room", Blocker, "TestPreflight"},
	{"D32", "no file can be made", "The disk has room, but no file can be made on it any more: its inodes are used up.",
		"free inodes on the file system of /var/lib/sslwizard", "delete files: df -i shows where", Blocker, "TestPreflight"},
	{"H07", "read-only", "The file system can only be read: the kernel does that when it sees a fault of the disk.",
		"the flags of the file system of /var/lib/sslwizard", "look at the disk: dmesg shows why", Blocker, "TestPreflight"},
	{"R04", "somebody else renews it", "Another program on this server renews a certificate for the same name; together they use up the CA's limits.",
		"what certbot, acme.sh, Caddy, lego and dehydrated keep on this host", "decide who owns it, and take the name away from the other", Warning, "TestRenewerCauses"},

	// The CA.
	{"D33", "no way out", "This server cannot open a connection to the CA: a firewall keeps it from going out on port 443.",
		"a connection to the directory", "open outgoing port 443", Blocker, "TestDirectoryCauses"},
	{"D38", "the CA's name is not found", "This server cannot look up the name of the CA.",
		"the address of the directory's host", "check /etc/resolv.conf, and the address in trusted.directory", Blocker, "TestDirectoryCauses"},
	{"D34", "the CA is not trusted", "The TLS certificate of the CA's own server is not trusted here: the roots are missing, or somebody in between opens the traffic.",
		"the chain of the directory's server", "for a CA of your own name its root in trusted.caRoots; else reinstall ca-certificates", Blocker, "TestDirectoryCauses"},
	{"D35", "not a CA", "What answers at the address of the directory is no ACME server: a login page, a proxy, a wrong address.",
		"the directory itself", "check the address in trusted.directory", Blocker, "TestDirectoryCauses"},
	{"D41", "no credentials", "The file with the credentials of the DNS provider is not there, or does not say what it has to.",
		"the file of trusted.dns.credentials", "make the file: docs/dns.md says what it holds", Blocker, "TestRecordCauses"},
	{"D42", "credentials for everybody", "Others than root can read, or change, the file with the credentials of the DNS provider.",
		"owner and mode of the file of trusted.dns.credentials", "chown root:root and chmod 600", Blocker, "TestRecordCauses"},
	{"A12", "the DNS provider refuses", "The DNS provider does not take the token, or does not let it change this zone.",
		"a question to the provider that changes nothing", "make a token that may edit this zone", Blocker, "TestRecordCauses"},
	{"D43", "a zone of somebody else", "The DNS provider does not have the zone of this name in the account of the token.",
		"the zones of the provider", "check the account, and that this provider keeps the zone", Blocker, "TestRecordCauses"},
	{"D44", "a challenge that leads nowhere", "The _acme-challenge record is an alias (CNAME) that leads to no zone, or in a circle.",
		"every CNAME of the _acme-challenge name, at the name servers", "correct the CNAME, or take it away", Blocker, "TestRecordCauses"},
	{"D45", "the DNS provider is away", "The DNS provider does not answer, or not as it should.",
		"a question to the provider that changes nothing", "try again later, or check the address in the file", Blocker, "TestRecordCauses"},
	{"D47", "no record that stays", "The TXT record that dns-persist-01 wants, with the CA and our account in it, is not there, or not at every name server.",
		"TXT of _validation-persist at the domain's own name servers", "make the record that is named, once", Blocker, "TestStandingCauses"},
	{"D48", "a record for others", "The TXT record that stays is there, but for another account, without wildcards, or it has run out.",
		"TXT of _validation-persist at the domain's own name servers", "correct the record to what is named", Blocker, "TestStandingCauses"},
	{"D46", "a second CA in vain", "The CA that is to help when the first one cannot issue could not issue either.",
		"the second CA's directory, and CAA records against its name", "let the CAA records name both, and give what it wants", Warning, "TestSecondCA"},
	{"A16", "the CA is away", "The CA cannot be reached, or is out of order.",
		"the status of the directory", "try again later", Blocker, "TestDirectoryCauses"},
	{"A18", "the CA wants more", "The CA wants more of whoever asks: its terms accepted, or an account that was made on its website.",
		"the directory's externalAccountRequired", "choose Let's Encrypt, or make the account there", Blocker, "TestDirectoryCauses"},
	{"D36", "no such profile", "The CA does not offer the kind of certificate that was asked for.",
		"the profiles of the directory", "ask for one that it offers", Blocker, "TestDirectoryCauses"},
	{"A14", "a limit is met", "The CA allows only so many certificates and attempts in a time, and the limit is reached. What the site has stays in use.",
		"the record that is kept of every order and failure", "wait until the time that is named", Blocker, "TestLedgerCause"},

	// What is advised.
	{"S01", "a public CA, by name", "The names are names of the internet: a public CA can issue for them.",
		"the names", "nothing", Info, "TestStrategy"},
	{"S02", "a public CA, by address", "The address is one of the internet: a public CA can issue for it, for six days at a time.",
		"the names and the profiles of the directory", "ask for the profile shortlived", Info, "TestStrategy"},
	{"S03", "this server's own CA", "No public CA issues for such a name: the certificate comes from this server's own CA.",
		"the names", "trusted.source: none, and trust its root on the clients", Info, "TestStrategy"},
}
