//go:build e2e

package scenario

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	ours     = `"addresses": ["203.0.113.10", "2001:db8::10"]`
	theirs   = "203.0.113.61" // a host that does not serve on port 80
	theirs6  = "2001:db8::61"
	wildcard = "*." + shop
)

// has makes a record of shop that is right, but for what is added.
func (w *ward) has(more string) func() {
	return func() { w.w.CA.Records(shop, "{"+ours+", "+more+"}") }
}

func (w *ward) record(name, record string) func() { return func() { w.w.CA.Records(name, record) } }

// names are causes in the records of a name.
func (w *ward) names() []ill {
	return []ill{
		{"www has no record", func() { w.w.CA.Forget(www) }, nil, nil, nil, "fail D30", "take " + www + " out"},
		{"what is left when www is taken out", func() { w.w.CA.Forget(www) }, nil, []string{shop}, nil, "", "reaches this server"},
		{"the name does not exist", func() { w.w.CA.Forget(shop) }, nil, nil, nil, "fail A01", "NXDOMAIN, said by ns1.example.com (203.0.113.2)"},
		{"the name has no address", w.record(shop, `{"texts": ["x"]}`), nil, nil, nil, "fail A01", "NOERROR"},
		{"the domain was never registered", nil, nil, []string{"www.shop.exmaple.com"}, nil, "fail D01", "register exmaple.com, renew it"},
		{"the name is an alias of one that is gone", w.record(shop, `{"alias": "gone.example.com"}`), nil, nil, nil, "fail D05", shop + " → gone.example.com"},
		{"the alias leads back", func() {
			w.w.CA.Records(shop, `{"alias": "a.example.com"}`)
			w.w.CA.Records("a.example.com", `{"alias": "`+shop+`"}`)
		}, nil, nil, nil, "fail D06", "a.example.com → " + shop},
		{"the name is an alias that leads here", func() {
			w.w.CA.Records(shop, `{"alias": "web.example.com"}`)
			w.w.CA.Records("web.example.com", "{"+ours+"}")
		}, nil, nil, byPublic, "", "reaches this server at 2001:db8::10"},
		{"the DNS fails for the name", func() {
			w.w.CA.Forget("example.com")
			w.w.CA.Records(shop, `{"fail": true}`)
		}, nil, []string{shop}, nil, "fail A10", "SERVFAIL"},
		{"a name in its own letters", w.record("xn--bcher-kva.example.com", "{"+ours+"}"), nil, []string{"BÜCHER.example.com."}, byPublic, "", "xn--bcher-kva.example.com reaches this server"},
		{"the DNSSEC signatures do not fit", w.has(`"bogus": true`), nil, nil, nil, "fail D10", "with checking: SERVFAIL, without: NOERROR"},
		{"the alias of the challenge leads back", func() {
			w.w.CA.Records("_acme-challenge."+shop, `{"alias": "c.example.com"}`)
			w.w.CA.Records("c.example.com", `{"alias": "_acme-challenge.`+shop+`"}`)
		}, func() { w.w.CA.Forget("_acme-challenge." + shop) }, []string{shop}, byRecord, "fail D44", "_acme-challenge." + shop},
	}
}

// second has the zone be at two name servers, or at the second alone, which does this.
func (w *ward) second(servers string, does dns.HandlerFunc) func() {
	return func() {
		w.servers.Store(&does)
		w.w.CA.Records("example.com", `{"servers": [`+servers+`]}`)
	}
}

// says is a name server with one address for every name, and this version of the zone.
func says(address string, serial int, knows bool) dns.HandlerFunc {
	return func(rw dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.Authoritative = knows
		text := q.Question[0].Name + " 300 IN A " + address
		if q.Question[0].Qtype == dns.TypeSOA {
			text = fmt.Sprintf("example.com. 300 IN SOA ns2.example.com. hostmaster.example.com. %d 60 60 60 60", serial)
		}
		if rr, err := dns.NewRR(text); err == nil && rr.Header().Rrtype == q.Question[0].Qtype {
			reply.Answer = append(reply.Answer, rr)
		}
		_ = rw.WriteMsg(reply)
	}
}

func refuses(rw dns.ResponseWriter, q *dns.Msg) {
	_ = rw.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeRefused))
}

func mute(dns.ResponseWriter, *dns.Msg) {}

// nameServers are causes in who answers for the domain.
func (w *ward) nameServers() []ill {
	const both, alone = `"ns1.example.com", "ns2.example.com"`, `"ns2.example.com"`
	one := []string{shop}
	return []ill{
		{"one of two name servers refuses", w.second(both, refuses), nil, one, nil, "warn D02", "ns2.example.com (203.0.113.60): REFUSED"},
		{"one of two is lame: it answers for somebody else", w.second(both, says("203.0.113.10", 1, false)), nil, one, nil, "warn D02", "1 of 2 name servers"},
		{"one of two says nothing", w.second(both, mute), nil, one, nil, "warn D02", "ns2.example.com (203.0.113.60): no answer in time"},
		{"all name servers refuse", func() {
			w.second(alone, refuses)()
			w.w.CA.Records(shop, `{"fail": true}`)
		}, nil, one, nil, "fail D02", "none of the name servers of example.com answers"},
		{"one of two has an older version of the zone", w.second(both, says(theirs, 0, true)), nil, one, nil, "warn D03", "ns2.example.com (203.0.113.60): " + theirs + " (serial 0)"},
		{"the resolver keeps an older answer", func() {
			w.second(alone, says("203.0.113.10", 1, true))()
			w.w.CA.Records(shop, `{"addresses": ["`+theirs+`"]}`)
		}, nil, one, nil, "warn D09", "here: " + theirs},
		{"inside, the name has another address (split DNS)", func() {
			w.second(alone, says("203.0.113.10", 1, true))()
			w.w.CA.Records(shop, `{"addresses": ["10.0.0.5"]}`)
		}, nil, one, nil, "warn D04", "here: 10.0.0.5"},
		{"no resolver answers", func() { w.s.Write("/etc/resolv.conf", "nameserver "+theirs+"\n", 0o644) },
			func() { w.s.Write("/etc/resolv.conf", "nameserver 203.0.113.2\n", 0o644) }, one, nil, "fail D11,fail D38", theirs},
	}
}

// behind has a host before the server answer for shop: it does this.
func (w *ward) behind(does http.Handler) func() {
	return func() {
		w.front.Store(&does)
		w.w.CA.Name(shop, w.cdn.Addr4())
	}
}

// addresses are causes in where the records lead.
func (w *ward) addresses() []ill {
	elsewhere, one := netip.MustParseAddr(theirs), []string{shop}
	return []ill{
		{"the name leads to another address", func() { w.w.CA.Name(shop, elsewhere) }, nil, one, nil, "fail A02", theirs},
		{"another server answers for the name", w.behind(page("<html>another")), nil, one, nil, "fail A02", "203.0.113.62"},
		{"the AAAA record leads elsewhere", func() { w.w.CA.Name(shop, w.s.Addr4(), netip.MustParseAddr(theirs6)) }, nil, one, nil, "fail A03", theirs6},
		{"the name has an IPv6 address only", func() { w.w.CA.Name(shop, w.s.Addr6()) }, nil, one, byPublic, "", "reaches this server at 2001:db8::10"},
		{"the server has two addresses, and the name both", func() {
			w.s.IP("addr add 203.0.113.11/24 dev eth0")
			w.w.CA.Name(shop, w.s.Addr4(), netip.MustParseAddr("203.0.113.11"))
		}, func() { w.s.IP("addr del 203.0.113.11/24 dev eth0") }, one, byPublic, "", "reaches this server at 203.0.113.11"},
		{"one of two A records is another server's", func() { w.w.CA.Name(shop, w.s.Addr4(), elsewhere) }, nil, one, nil, "fail D12", theirs},
		{"IPv6 does not get through", func() { w.s.Filter("input", "meta nfproto ipv6 tcp dport 80 reject with tcp reset") }, w.s.Unfilter, one, nil, "fail D13", "IPv6 does not reach"},
		{"a firewall closes port 80", func() { w.s.Filter("input", "tcp dport 80 reject with tcp reset") }, w.s.Unfilter, one, nil, "fail A05,fail A05", "port 80 does not answer"},
		{"the address is a private one", w.record(shop, `{"addresses": ["10.0.0.5"]}`), nil, one, byPublic, "fail D07", "10.0.0.5"},
		{"the address is a shared one (CGNAT)", w.record(shop, `{"addresses": ["100.64.0.5"]}`), nil, one, byPublic, "fail D08", "CGNAT"},
		{"the address is a CDN's", w.record(shop, `{"addresses": ["104.16.1.1"]}`), nil, one, nil, "fail A04", "Cloudflare"},
		{"a CDN answers in place of the server", w.behind(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Cf-Ray", "1")
			rw.WriteHeader(http.StatusForbidden)
		})), nil, one, nil, "fail A04", "403 Forbidden"},
		{"a CDN that lets the check pass", w.behind(through(w.cdn.Dial, "203.0.113.10:80", "Cf-Ray")), nil, one, byPublic, "", "is served through Cloudflare, and the check passes"},
		{"a host before the server that passes everything on", w.behind(through(w.cdn.Dial, "203.0.113.10:80", "")), nil, one, byPublic, "", "through another address, 203.0.113.62"},
	}
}

// permissions are CAA records.
func (w *ward) permissions() []ill {
	one := []string{shop}
	return []ill{
		{"CAA names another CA", w.has(`"caa": ["digicert.com"]`), nil, one, byPublic, "fail A09", `issue \"digicert.com\"`},
		{"CAA of the domain above names another CA", w.record("example.com", `{"servers": ["ns1.example.com"], "caa": ["digicert.com"]}`), nil, one, byPublic, "fail A09", "example.com CAA"},
		{"CAA names another account", w.has(`"caa": ["letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1"]`), nil, one, byPublic, "fail D15", "only another account"},
		{"CAA allows another kind of proof only", w.has(`"caa": ["letsencrypt.org; validationmethods=dns-01"]`), nil, one, byPublic, "fail D16", "http-01"},
		{"CAA allows this kind of proof", w.has(`"caa": ["letsencrypt.org; validationmethods=dns-01,http-01"]`), nil, one, byPublic, "", "let letsencrypt.org issue"},
		{"CAA allows no wildcards", w.has(`"caa": ["letsencrypt.org"], "more": ["CAA 0 issuewild \";\""]`), nil, []string{wildcard}, byRecord, "fail D17", `0 issuewild \";\"`},
		{"CAA has a critical record that nobody knows", w.has(`"more": ["CAA 128 tbs \"unknown\""]`), nil, one, byPublic, "fail D18", `128 tbs \"unknown\"`},
		{"CAA only says whom to write to", w.has(`"more": ["CAA 0 iodef \"mailto:ops@example.com\""]`), nil, one, byPublic, "", "keep no CA from issuing"},
		{"the DNS fails for CAA", w.has(`"mute": ["CAA"]`), nil, one, byPublic, "fail D19", "SERVFAIL"},
		{"the DNS fails for CAA, and is repaired", nil, nil, one, byPublic, "", "no CAA record keeps a CA from issuing"},
	}
}

// requests are causes in what is asked for.
func (w *ward) requests() []ill {
	var many []string
	for n := range 101 {
		many = append(many, fmt.Sprintf("h%d.example.com", n))
	}
	return []ill{
		{"a wildcard is to be proved on port 80", nil, nil, []string{wildcard}, byPublic, "fail A25", "set trusted.challenge to dns-01"},
		{"a wildcard is to be proved by a record", nil, nil, []string{wildcard}, byRecord, "", "_acme-challenge." + shop},
		{"an address is to be proved by a record", nil, nil, []string{"203.0.113.10"}, byRecord, "fail A26", "it is an address"},
		{"an address, of a CA with no profile for it", func() { w.public.Store(&publicCA{profiles: map[string]string{"classic": "x"}}) }, nil, []string{"203.0.113.10"}, byPublic, "fail A26", "no profile for that"},
		{"an address, of a CA with a profile for it", func() { w.public.Store(&publicCA{profiles: map[string]string{"shortlived": "x"}}) }, nil, []string{"203.0.113.10"}, byPublic, "", `"S02"`},
		{"101 names", nil, nil, many, byRecord, "fail A27", "101"},
		{"a reserved name", nil, nil, []string{"shop.local"}, byRecord, "fail A28", `"S03"`},
		{"a private address", nil, nil, []string{"10.0.0.5"}, byPublic, "fail A28", `"S03"`},
		{"a name beside a wildcard that covers it", nil, nil, []string{wildcard, "any." + shop}, byRecord, "fail D31", "covers it"},
	}
}

// authorities are causes on the way to the CA.
func (w *ward) authorities() []ill {
	is := func(c publicCA) func() { return func() { w.public.Store(&c) } }
	one := []string{shop}
	return []ill{
		{"the CA takes no connection", w.w.CA.Stop, func() { w.w.CA.Start(); w.trustPebble() }, one, nil, "fail A16", "takes no connection"},
		{"the CA is out of order", is(publicCA{status: 503}), nil, one, byPublic, "fail A16", "503 Service Unavailable, Retry-After: 120"},
		{"a firewall keeps this server from going out", func() { w.s.Filter("output", "ip daddr 203.0.113.61 tcp dport 443 reject with icmpx admin-prohibited") }, w.s.Unfilter, one, byPublic, "fail D33", "gets no connection"},
		{"the server has no IPv6, and the CA and a name server have", func() {
			w.s.IP("addr del 2001:db8::10/64 dev eth0")
			w.w.CA.Records("acme-v02.api.letsencrypt.org", `{"addresses": ["2001:db8::61", "203.0.113.61"]}`)
			w.second(`"ns1.example.com", "ns2.example.com"`, mute)()
			w.w.CA.Name("ns2.example.com", w.ns.Addr6())
			w.w.CA.Name(shop, w.s.Addr4())
		}, func() {
			w.s.IP("addr add 2001:db8::10/64 dev eth0 nodad")
			w.w.CA.Name("ns2.example.com", w.ns.Addr4())
		}, one, byPublic, "", "Let's Encrypt answers"},
		{"nobody answers at one of the CA's two addresses", w.record("acme-v02.api.letsencrypt.org", `{"addresses": ["203.0.113.62", "2001:db8::61"]}`),
			w.record("acme-v02.api.letsencrypt.org", `{"addresses": ["203.0.113.61"]}`), one, byPublic, "", "Let's Encrypt answers"},
		{"the CA's name is not found", nil, nil, one, []string{"--directory", "https://nowhere.invalid/dir"}, "fail D38", "nowhere.invalid"},
		{"the CA's own certificate is not trusted", nil, nil, one, byPublic[:2], "fail D34", "not trusted"},
		{"a login page stands before the CA", is(publicCA{login: true}), nil, one, byPublic, "fail D35", "no ACME server"},
		{"the CA wants an account of its website", is(publicCA{binding: true}), nil, one, byPublic, "fail A18", "externalAccountRequired"},
		{"the clocks are three hours apart", is(publicCA{ahead: 3 * time.Hour}), nil, one, byPublic, "fail H09", "3h0m0s behind"},
		{"the clocks are ten minutes apart", is(publicCA{ahead: -10 * time.Minute}), nil, one, byPublic, "warn H09", "ahead"},
		{"the clocks are two minutes apart", is(publicCA{ahead: 2 * time.Minute}), nil, one, byPublic, "", "the clock is right"},
	}
}

// host are causes on the server itself.
func (w *ward) host() []ill {
	one := []string{shop}
	disk := func(options string) func() {
		return func() { w.s.Must("mount", "-t", "tmpfs", "-o", options, "tmpfs", "/var/lib") }
	}
	repair := func() { w.s.Must("umount", "/var/lib") }
	renews := func(file, content string) func() { return func() { w.s.Write(file, content, 0o644) } }
	gone := func(path string) func() { return func() { w.s.Must("rm", "-r", path) } }
	return []ill{
		{"the disk is full", disk("size=1m"), repair, one, nil, "fail H06", ""},
		{"the disk has no inodes left", disk("size=900m,nr_inodes=2"), repair, one, nil, "fail D32", "inodes"},
		{"the disk can only be read", disk("ro"), repair, one, nil, "fail H07", ""},
		{"another program has port 80", func() {
			w.s.Must("systemd-run", "--unit=web", "/opt/app", "--listen", "0.0.0.0:80")
			w.await(80)
		}, func() { w.s.Must("systemctl", "stop", "web") }, one, nil, "fail N01", "not checked: port 80 is held by app"},
		{"the server's firewall keeps port 443 closed", func() {
			w.s.Install("nftables")
			w.s.Write("/etc/nftables.conf", strings.Replace(nftConf, "dport 22", "dport { 22, 80 }", 1), 0o755)
			w.s.Must("systemctl", "start", "nftables")
		}, func() { w.s.Must("systemctl", "stop", "nftables") }, one, nil, "warn N16", "nftables keeps 443 closed"},
		{"certbot renews the same name", func() {
			own(w.story, "/root/own", shop)
			w.s.Must("mkdir", "-p", "/etc/letsencrypt/live/"+shop)
			w.s.Must("cp", "/root/own.pem", "/etc/letsencrypt/live/"+shop+"/cert.pem")
			w.s.Write("/etc/letsencrypt/renewal/"+shop+".conf", "version = 2.9.0\ncert = /etc/letsencrypt/live/"+shop+"/cert.pem\n", 0o644)
		}, gone("/etc/letsencrypt"), one, nil, "warn R04", "certbot on this server renews"},
		{"acme.sh renews the same name", renews("/root/.acme.sh/"+shop+"_ecc/"+shop+".conf", "Le_Domain='"+shop+"'\nLe_Alt='no'\n"), gone("/root/.acme.sh"), one, nil, "warn R04", "acme.sh on this server renews"},
		{"Caddy renews the same name", renews("/var/lib/caddy/.local/share/caddy/certificates/acme-v02.api.letsencrypt.org-directory/"+shop+"/x.json", "{}"), gone("/var/lib/caddy"), one, nil, "warn R04", "Caddy on this server renews"},
		{"dehydrated renews the same name", renews("/etc/dehydrated/domains.txt", shop+" "+www+"\n"), gone("/etc/dehydrated"), one, nil, "warn R04", "dehydrated on this server renews"},
		{"dehydrated renews another name", renews("/etc/dehydrated/domains.txt", "other.example.com\n"), gone("/etc/dehydrated"), one, nil, "", "reaches this server"},
	}
}

// routers put the server into a network of its own behind one.
func (w *ward) routers() []ill {
	one := []string{shop}
	behind := func(network string) {
		w.s.IP("addr del 203.0.113.10/24 dev eth0")
		w.s.IP("addr add " + network + ".10/24 dev eth0")
		w.s.IP("route add 203.0.113.0/24 via " + network + ".1")
		w.router.IP("addr add " + network + ".1/24 dev eth0")
	}
	back := func(network string) func() {
		return func() {
			w.router.IP("addr del " + network + ".1/24 dev eth0")
			w.s.IP("route del 203.0.113.0/24 via " + network + ".1")
			w.s.IP("addr del " + network + ".10/24 dev eth0")
			w.s.IP("addr add 203.0.113.10/24 dev eth0")
		}
	}
	names := func() { w.w.CA.Name(shop, w.router.Addr4()) }
	passes := func(whom, to string) {
		w.router.Rule("add rule ip nat in " + whom + " ip daddr 203.0.113.99 tcp dport { 80, 443 } dnat to " + to)
	}
	w.router.Exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
	w.router.Rule("add table ip nat")
	w.router.Rule("add chain ip nat in { type nat hook prerouting priority -100 ; }")
	w.router.Rule("add chain ip nat out { type nat hook postrouting priority 100 ; }")
	w.router.Rule("add rule ip nat out masquerade")
	return []ill{
		{"a router passes on what comes from outside only", func() { names(); behind("10.0.0"); passes("ip saddr != 10.0.0.0/24", "10.0.0.10") },
			func() {
				back("10.0.0")()
				w.router.Rule("flush chain ip nat in")
			}, one, byPublic, "warn D14", "own addresses 10.0.0.10"},
		{"the same, beside a VPN with a shared address", func() {
			names()
			behind("10.0.0")
			w.s.IP("addr add 100.101.102.103/32 dev lo")
		}, func() {
			back("10.0.0")()
			w.s.IP("addr del 100.101.102.103/32 dev lo")
		}, one, byPublic, "warn D14", "own addresses"},
		{"the same, and the provider shares the address (CGNAT)", func() { names(); behind("100.64.0") }, back("100.64.0"), one, byPublic, "warn D08", "own address 100.64.0.10, connection refused"},
		{"the router's own page answers from inside", func() {
			names()
			behind("10.0.0")
			w.router.Serve(80, page("<html>router"))
		}, back("10.0.0"), one, byPublic, "warn D14", "router"},
		{"a router that shows the server to itself (1:1)", func() { names(); behind("10.0.0"); passes("", "10.0.0.10") }, func() {
			back("10.0.0")()
			w.router.Rule("flush chain ip nat in")
		}, one, byPublic, "", "through another address, 203.0.113.99"},
		{"a floating address", func() { names(); passes("", "203.0.113.10") }, nil, one, byPublic, "", "through another address, 203.0.113.99"},
	}
}

// site are causes that need a site that is there.
func (w *ward) site() []ill {
	one := []string{shop}
	four := func() { w.w.CA.Name(shop, w.s.Addr4()) }
	filter := func(does http.Handler) func() {
		return func() {
			four()
			w.web.Store(&does)
			w.s.Divert(80, 8081)
		}
	}
	to := func(url string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				fmt.Fprint(rw, "<html>please log in")
				return
			}
			http.Redirect(rw, r, strings.ReplaceAll(url, "$path", r.URL.Path), http.StatusFound)
		})
	}
	added := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "<script src=ad.js></script>")
		copied(rw, w.s.Dial, "127.0.0.1:80", r)
	})
	off := w.s.Undivert
	return []ill{
		{"the site is served by us on ports 80 and 443", nil, nil, nil, nil, "", "reaches this server at 2001:db8::10"},
		{"the second CA is let in too", w.has(`"caa": ["letsencrypt.org"]`), nil, one, []string{}, "", "the second CA could issue"},
		{"CAA keeps the second CA out", w.has(`"caa": ["digicert.com"]`), nil, one, []string{}, "warn D46", "do not let letsencrypt.org issue"},
		{"the second CA wants an account", func() { w.public.Store(&publicCA{binding: true}) }, nil, one, []string{}, "warn D46", "website"},
		{"what stands before port 80 sends the check to a login", filter(to("http://" + shop + "/login")), off, one, nil, "fail A06", shop + "/login"},
		{"it sends it to https, where no TLS is spoken", func() {
			filter(to("https://" + shop + "$path"))()
			w.s.Rule("add rule ip divert output tcp dport 443 redirect to :3000")
		}, off, one, nil, "fail D22", "redirected to " + shop},
		{"it sends it in a circle", filter(to("http://" + shop + "$path")), off, one, nil, "fail D23", "more than ten redirects"},
		{"it sends it to port 8443", filter(to("https://" + shop + ":8443$path")), off, one, nil, "fail D24", "port 8443"},
		{"it does not know the file", filter(http.NotFoundHandler()), off, one, nil, "fail A07", "404 Not Found"},
		{"it writes into what passes", filter(added), off, one, nil, "fail D21", "something added"},
		{"it has a page for everything", filter(page("<html>my application")), off, one, nil, "fail D26", "a page of its own"},
		{"it asks for a password", filter(status(401)), off, one, nil, "fail D27", "401"},
		{"it sends away who comes too often", filter(status(429)), off, one, nil, "fail D29", "429"},
		{"it is out of order", filter(status(502)), off, one, nil, "fail D29", "502"},
		{"another program ends TLS on port 443", func() { four(); w.s.Divert(443, 3000) }, off, one, append([]string{"--challenge", "tls-alpn-01"}, byPebble...), "fail D37", "handshake"},
		{"the check on port 443 gets through", nil, nil, nil, append([]string{"--challenge", "tls-alpn-01"}, byPebble...), "", "reaches this server at 2001:db8::10"},
		{"the CA has no such profile", func() { w.public.Store(&publicCA{profiles: map[string]string{"classic": "x"}}) }, nil, one, byPublic, "fail D36", "for the profile default"},
		{"a limit of the CA is met", w.full(), func() { w.s.Must("mv", ledger+".real", ledger) }, []string{shop, www}, byPublic, "fail A14", "3 certificates for the same names"},
	}
}

// providers are causes in what writes the record of a site that is proved by one.
func (w *ward) providers() []ill {
	one := []string{shop}
	credentials := func(text string, mode fs.FileMode) func() {
		return func() {
			w.s.Write(tokens, text, mode)
			w.s.Must("chmod", fmt.Sprintf("%o", mode), tokens)
		}
	}
	right := credentials(byUpdates, 0o600)
	stays := append([]string{"--challenge", "dns-persist-01"}, byPebble...)
	standing := func(account string) func() {
		return w.record(standingName, `{"texts": ["pebble.test; accounturi=`+account+`"]}`)
	}
	changed := func(from, to string) func() { return credentials(strings.Replace(byUpdates, from, to, 1), 0o600) }
	return []ill{
		{"the provider takes the record", nil, nil, one, nil, "", "lets records of " + proofName + " be written"},
		{"the credentials are gone", func() { w.s.Must("rm", tokens) }, right, one, nil, "fail D41", tokens},
		{"everybody can read the credentials", credentials(byUpdates, 0o644), right, one, nil, "fail D42", "chmod 600"},
		{"the provider does not take the key", changed("c2Vj", "d2Vj"), right, one, nil, "fail A12", "does not take the key"},
		{"the provider does not answer", changed("203.0.113.2", theirs), right, one, nil, "fail D45", theirs},
		{"the provider does not have the zone", credentials("zone = example.net\n"+byUpdates, 0o600), right, one, nil, "fail D43", "is not in the zone example.net"},
		{"there is no record that stays", nil, nil, one, stays, "fail D47", standingName + ". TXT"},
		{"it is for another account", standing("https://acme.test:14000/my-account/other"), nil, one, stays, "fail D48", "my-account/other"},
		{"it is for ours", func() { standing(w.account().URL)() }, func() { w.w.CA.Forget(standingName) }, one, stays, "", "lets our account ask for it"},
	}
}

const ledger = kept + "/acme/ledger.json"

// full has three certificates of this hour stand in the record.
func (w *ward) full() func() {
	return func() {
		entry := fmt.Sprintf(`{"directory": "https://acme-v02.api.letsencrypt.org/directory", "names": "%s,%s", "at": %q}`, shop, www, time.Now().UTC().Format(time.RFC3339))
		w.public.Store(&publicCA{profiles: map[string]string{"default": "x"}})
		w.s.Must("mv", ledger, ledger+".real")
		w.s.Write(ledger, `{"issued": [`+strings.Join([]string{entry, entry, entry}, ",")+`]}`, 0o600)
	}
}

func page(text string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, text) })
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) })
}
