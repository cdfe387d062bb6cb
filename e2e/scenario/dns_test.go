//go:build e2e

package scenario

import (
	"strings"
	"testing"
)

const (
	below     = "any.shop.example.com"
	tokens    = "/etc/sslwizard-dns"
	proofName = "_acme-challenge.shop.example.com"
	zoneKey   = "c2VjcmV0LW9mLXRoZS16b25lLWV4YW1wbGUuY29tIQ=="
	byUpdates = "server = 203.0.113.2\nkey = sslwizard\nsecret = " + zoneKey + "\n"
)

// hook writes records as a program of the user's does: with what every server has.
const hook = `#!/bin/bash
[[ $TOKEN == hush-hush ]] || { echo "no token, or not $TOKEN" >&2; exit 1; }
body='{"texts":["'$3'"]}' method=PUT
[[ $1 == present ]] || method=DELETE
exec 3<>/dev/tcp/203.0.113.2/15000
printf '%s /dns/%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "$method" "${2%.}" "${#body}" "$body" >&3
read -r _ status _ <&3
[[ $status == 200 ]]
`

// TestDNS has a provider that closes port 80, and a wildcard: the certificate, and its renewal by the unit in its sandbox, are
// proved by records in the DNS, which nobody finds there afterwards; nor does the key of the zone turn up anywhere.
func TestDNS(t *testing.T) {
	t.Parallel()
	for executor, suite := range map[string]string{"native": "trixie", "nginx": "bookworm"} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			st := begin(t, suite)
			st.w.CA.Zone("example.com", "sslwizard:"+zoneKey)
			st.w.CA.Name(below, st.s.Addr4(), st.s.Addr6())
			st.w.CA.Records(proofName, `{"texts": ["somebody else's"]}`)
			st.w.Block(80)
			names, how := "[shop.example.com, www.shop.example.com]", "  acceptTerms: true\n"
			wildcard := `["*.shop.example.com", shop.example.com]`
			st.answer(executor, names, wildcard)
			before := st.s.Manifest()
			st.refuses(65, "*.shop.example.com", "trusted.challenge dns-01")
			dns := how + "  challenge: dns-01\n  dns: {provider: rfc2136, credentials: " + tokens + "}\n"
			st.answer(executor, names, wildcard, how, dns)
			st.refuses(1, "D41", "sudo install -m 0600 /dev/null "+tokens)
			st.s.Write(tokens, byUpdates, 0o644)
			st.refuses(1, "D42", "sudo chmod 600 "+tokens)
			st.s.Must("chmod", "600", tokens)
			st.s.Write(tokens, strings.Replace(byUpdates, "c2Vj", "d2Vj", 1), 0o600)
			st.ends(st.apply(), 3, "A12", "does not take the key")
			st.s.Write(tokens, byUpdates, 0o600)
			st.ends(st.sslwizard("--dry-run", answers), 0, "dns-01 by rfc2136, credentials in "+tokens)
			st.must(st.apply())
			st.wild(shop, below)
			st.ends(st.sslwizard("doctor"), 0, "lets records of "+proofName+" be written")
			st.ends(st.apply(), 0, "Nothing to do")

			first := st.serial()
			st.renewInItsUnit()
			if st.serial() == first {
				t.Error("the renewed certificate is not served")
			}
			st.wild(shop, below)

			// A program of the user's does the same, with a token of its own.
			st.s.Write("/usr/local/sbin/dns-hook", hook, 0o755)
			st.s.Write(tokens, "program = /usr/local/sbin/dns-hook\nenv.TOKEN = hush-hush\n", 0o600)
			st.w.CA.Forget(proofName)
			st.answer(executor, names, `["*.shop.example.com"]`, how, strings.Replace(dns, "rfc2136", "exec", 1))
			st.must(st.apply())
			st.renewInItsUnit()
			if now := st.w.CA.Recorded(proofName); strings.Contains(now, "texts") {
				t.Errorf("the program's record stays: %s", now)
			}
			st.c.Gets(200, "https://"+below+"/")

			for _, secret := range []string{zoneKey, "hush-hush"} {
				r := st.s.Exec("sh", "-c", "journalctl -o cat | grep -F "+secret+"; grep -rlF "+secret+" /etc /var/lib /var/log /run 2>/dev/null | grep -v "+tokens)
				if r.Stdout != "" {
					t.Errorf("the secret is elsewhere: %s", r)
				}
			}
			st.must(st.sslwizard("uninstall"))
			st.s.Must("rm", tokens, "/usr/local/sbin/dns-hook")
			st.answer(executor, names, wildcard)
			st.same("not as it was before", before.Restored(st.s.Manifest(), kept, left))
		})
	}
}

const standingName = "_validation-persist." + shop

// TestStandingRecord has neither a port nor a token: the user makes one record by hand, as it is told, and the certificate, a
// wildcard's, comes and renews itself.
func TestStandingRecord(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.w.CA.Zone("example.com", "nobody:"+zoneKey)
	st.w.CA.Name(below, st.s.Addr4(), st.s.Addr6())
	st.w.Block(80)
	st.answer("nginx", "[shop.example.com, www.shop.example.com]", `["*.shop.example.com", shop.example.com]`, "  acceptTerms: true\n", "  acceptTerms: true\n  challenge: dns-persist-01\n")
	before := st.s.Manifest()
	r := st.apply()
	st.ends(r, 3, "D47", standingName+". TXT")
	st.ends(st.apply(), 3, "D47") // with the account that there is
	value := "pebble.test; accounturi=" + st.account().URL + "; policy=wildcard"
	if !strings.Contains(r.Stdout+r.Stderr, value) {
		t.Errorf("%s is not told:\n%s", value, r)
	}
	st.w.CA.Records(standingName, `{"texts": ["`+value+`"]}`)
	st.must(st.apply())
	st.c.Gets(200, "https://"+below+"/")
	st.ends(st.sslwizard("doctor"), 0, "lets our account ask for it")
	first := st.serial()
	st.renewInItsUnit()
	if st.serial() == first {
		t.Error("the renewed certificate is not served")
	}
	st.must(st.sslwizard("uninstall"))
	st.same("not as it was before", before.Restored(st.s.Manifest(), kept, left))
}

// wild checks that the names are served with a certificate that everybody trusts, and that of its proofs nothing is left.
func (st *story) wild(names ...string) {
	st.Helper()
	for _, name := range names {
		st.c.Gets(200, "https://"+name+"/a?b=1")
	}
	st.c.Echoes("wss://" + below + "/chat")
	if now := st.w.CA.Recorded(proofName); !strings.Contains(now, `"texts":["somebody else's"]`) {
		st.Errorf("the DNS has %s", now)
	}
	if st.s.Has("/var/lib/sslwizard/acme/records.json") {
		st.Error("a record is still written down")
	}
}

// renewInItsUnit has the service renew what is not due yet, with all that keeps it in.
func (st *story) renewInItsUnit() {
	st.Helper()
	const more = "/etc/systemd/system/sslwizard-renew.service.d"
	st.s.Must("mkdir", "-p", more)
	st.s.Write(more+"/force.conf", "[Service]\nExecStart=\nExecStart=/usr/local/bin/sslwizard renew --force\n", 0o644)
	st.s.Must("systemctl", "daemon-reload")
	if r := st.s.Exec("systemctl", "start", "sslwizard-renew.service"); r.Status != 0 {
		st.Errorf("%s\n%s", r, st.s.Must("journalctl", "-u", "sslwizard-renew.service", "-o", "cat"))
	}
	st.s.Must("rm", "-r", more)
	st.s.Must("systemctl", "daemon-reload")
}
