//go:build e2e

package scenario

import (
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// canary is a secret, and where it is meant to be: in these files, or below these folders that end with a slash.
type canary struct {
	name, text string
	meant      []string
}

// The secrets that can be chosen. None of them is what another one has in it.
const (
	bindingKey = "Q0FOQVJZLWhtYWMta2V5LW9mLXRoZS1iaW5kaW5nLXRoYXQtaXMtbG9uZw"
	dnsKey     = "Q0FOQVJZLWtleS1vZi10aGUtem9uZS1leGFtcGxlIQ=="
	hookToken  = "canary-token-of-the-webhook"
	mailSecret = "canary-password-of-the-mail"
	bearer     = "canary-bearer-of-the-application"
	inURL      = "canary-password-of-the-upstream"
	inEnv      = "canary-of-the-environment"
	passphrase = "canary-passphrase-of-a-key"

	withSecret = "/root/with-secret"
)

// watch looks at the arguments and the environment of every process, again and again, for what is in /opt/canaries/all; it notes
// the program, and which of the two it was.
const watch = `#!/bin/bash
while [ ! -e /opt/canaries/end ]; do
	for f in $(grep -laFf /opt/canaries/all /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null); do
		# Of a process that is just being made, the environment is still that of who makes it: it has to be the same program before and after.
		program=$(readlink "${f%/*}/exe") && grep -qaFf /opt/canaries/all "$f" && [ "$program" = "$(readlink "${f%/*}/exe")" ] && echo "${f##*/} of $program"
	done
	echo . >>/opt/canaries/rounds
done >/opt/canaries/seen
`

// TestSecretsStayPut has twelve secrets go through everything that sslwizard does, as it goes well and as it fails or is killed. Then
// all that was printed, each file of the server that is another one since, its journal, and what was seen of every process
// meanwhile is searched for them (P19). In short it is one executor, without what only the whole has.
func TestSecretsStayPut(t *testing.T) {
	tell := func(t *testing.T, suite, executor string) {
		k := keeps(t, suite, executor)
		k.refusals()
		k.life()
		k.looks()
		if *full && *update && !t.Failed() {
			const command = "go test -tags e2e -run 'TestSecretsStayPut$' ./e2e/scenario -full -update"
			of := func(what string) string { return what + " (" + executor + ")" }
			promises.Record(t,
				promises.Figure{Promise: 19, What: of("secrets that went through every command"), Target: "≥ 12", Measured: promises.Count(len(k.all)), Command: command},
				promises.Figure{Promise: 19, What: of("places with one of them that it was not meant for, of all that was printed, every file, the journal, and the arguments and environments of all processes"), Target: "0",
					Measured: fmt.Sprintf("0 of %d commands, %s files and %s looks at every process", k.said, promises.Count(k.files), promises.Count(k.rounds)), Command: command},
				promises.Figure{Promise: 19, What: of("files with a private key that others may read, or in a folder that others may enter"), Target: "0", Measured: fmt.Sprintf("0 of %d", k.keys), Command: command})
		}
	}
	if *full {
		withEither(t, tell)
		return
	}
	t.Parallel()
	tell(t, "trixie", steps.ExecutorNative)
}

// keeper is a server with secrets.
type keeper struct {
	*story
	executor     string
	mine         staff
	all          []canary
	said, rounds int
	files, keys  int
}

func keeps(t *testing.T, suite, executor string) *keeper {
	t.Helper()
	k := &keeper{story: begin(t, suite), executor: executor}
	k.w.CA.Stop()
	k.w.CA.Start("--eab", "--eab-key", "kid-1="+bindingKey)
	k.trustPebble()
	k.w.CA.Zone("example.com", "sslwizard:"+dnsKey)
	k.mine = k.staff()
	for name, text := range map[string]string{
		tokens: strings.Replace(byUpdates, zoneKey, dnsKey, 1), "/root/eab.key": bindingKey + "\n", "/etc/sslwizard-webhook": "https://hooks.example.com/" + hookToken + "\n",
		"/etc/mailrc.secret": mailSecret + "\n", "/root/clients.pem": k.mine.ca, "/root/me.pem": k.mine.chain, "/root/me.key": k.mine.key, "/root/passphrase": passphrase + "\n",
	} {
		k.s.Write(name, text, 0o600)
	}
	k.s.Write(withSecret, "#!/bin/bash\nexport SECRET="+inEnv+"\nexec /root/sslwizard \"$@\"\n", 0o700)
	k.s.Write("/usr/sbin/sendmail", "#!/bin/sh\nread secret </etc/mailrc.secret\ncat >>"+mailFile+"\n", 0o755)
	k.s.Must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "file:/root/passphrase", "-out", "/root/own.key")
	k.s.Must("openssl", "req", "-x509", "-key", "/root/own.key", "-passin", "file:/root/passphrase", "-subj", "/CN="+shop, "-addext", "subjectAltName=DNS:"+shop+",DNS:"+www, "-days", "90", "-out", "/root/own.pem")
	header := []string{answers, "/etc/sslwizard/sites/", "/var/lib/sslwizard/", "/etc/nginx/conf.d/", "/run/sslwizard/runs/"}
	k.all = []canary{
		{"the key of the zone", dnsKey, []string{tokens}}, {"the HMAC key of the binding", bindingKey, []string{"/root/eab.key"}}, {"the token of the webhook", hookToken, []string{"/etc/sslwizard-webhook"}},
		{"the password of the mail", mailSecret, []string{"/etc/mailrc.secret"}}, {"the key of a client", body(t, k.mine.key), []string{"/root/me.key"}}, {"the passphrase of a key", passphrase, []string{"/root/passphrase"}},
		{"a key with a passphrase", body(t, k.s.Read("/root/own.key")), []string{"/root/own.key"}}, {"the password of an upstream", inURL, []string{"/root/wrong.yaml"}}, {"a header for the application", bearer, header},
		{"the environment", inEnv, []string{withSecret}},
	}
	k.notes()
	k.s.Write("/opt/canaries/begin", "", 0o600)
	k.s.Write("/opt/watch", watch, 0o755)
	k.s.Must("systemd-run", "--quiet", "--unit=watch", "/opt/watch")
	return k
}

// body is a line of a key that is in no other one.
func body(t *testing.T, text string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	lines := strings.Split(text, "\n")
	if block == nil || len(lines) < 3 {
		t.Fatal("no key")
	}
	return lines[2] // the first one is the same for all keys of a kind
}

// notes writes down what is looked for.
func (k *keeper) notes() {
	k.Helper()
	var lines strings.Builder
	for _, c := range k.all {
		if c.text != inURL { // it is typed as an argument, by whoever does
			lines.WriteString(c.text + "\n")
		}
	}
	k.s.Write("/opt/canaries/all", lines.String(), 0o600)
}

// runs is a command with a secret in its environment; what it prints is searched.
func (k *keeper) runs(args ...string) world.Result {
	k.Helper()
	return k.searched(strings.Join(args, " "), k.s.Exec(append([]string{withSecret}, args...)...))
}

func (k *keeper) searched(what string, r world.Result) world.Result {
	k.Helper()
	k.said++
	for _, c := range k.all {
		if strings.Contains(r.Text(), c.text) {
			k.Errorf("%s is printed by %q:\n%s", c.name, what, r.Text())
		}
	}
	return r
}

// refusals are answers with a secret where none belongs, and a key that needs a passphrase.
func (k *keeper) refusals() {
	k.Helper()
	k.s.Write("/root/wrong.yaml", strings.NewReplacer("EXECUTOR", k.executor, "http://127", "http://user:"+inURL+"@127").Replace(common), 0o600)
	for _, how := range [][]string{{"answers", "validate", "/root/wrong.yaml"}, {"--non-interactive", "/root/wrong.yaml"}, {"--dry-run", "-o", "json", "/root/wrong.yaml"}} {
		k.ends(k.runs(how...), 65)
	}
	k.s.Write("/root/files.yaml", strings.NewReplacer("EXECUTOR", k.executor).Replace(common[:strings.Index(common, "trusted:")])+"trusted: {source: files, certificate: /root/own.pem, key: /root/own.key}\n", 0o600)
	if r := k.runs("--non-interactive", "/root/files.yaml"); r.Status == 0 || !strings.Contains(r.Text(), "passphrase") {
		k.Errorf("a key with a passphrase: %s", r)
	}
}

// life is all that is done to a site, and some of it is killed at work.
func (k *keeper) life() {
	k.Helper()
	k.answer(k.executor, "proxy: {", "ssl: {clientAuth: optional, clientCA: /root/clients.pem}\nproxy: {headers: {Authorization: \"Bearer "+bearer+"\"}, ", "  acceptTerms: true\n",
		"  acceptTerms: true\n  challenge: dns-01\n  dns: {provider: rfc2136, credentials: "+tokens+"}\n  eab: {keyID: kid-1, keyFile: /root/eab.key}\n  notify: {webhook: /etc/sslwizard-webhook, email: ops@example.com}\n")
	k.s.Must("chmod", "600", answers)
	for _, format := range []string{"text", "json", "diff"} { // the header is there, and not what it says
		k.ends(k.runs("--dry-run", "-o", format, answers), 0, "Authorization", "***")
	}
	k.killed("KILL", "0.6")
	if *full {
		for _, after := range []string{"0.2", "1.2"} {
			k.killed("KILL", after)
		}
		for _, signal := range []string{"QUIT", "ABRT", "SEGV"} { // it says all that it was doing
			k.killed(signal, "0.5")
		}
	}
	k.ends(k.runs("--non-interactive", "-o", "json", answers), 0)
	k.made()
	k.renewInItsUnit()
	k.made()
	k.asked()
	if k.executor == steps.ExecutorNative { // so does the proxy
		k.s.Must("systemctl", "kill", "-s", "QUIT", "sslwizard-proxy.service")
	}
	k.modes()
	k.ends(k.runs("undo"), 0)
	if *full {
		k.runs("--non-interactive", answers)
		k.runs("remove", shop, "-o", "json")
		k.runs("--non-interactive", answers)
		k.made()
		k.looks()
		k.ends(k.runs("uninstall", "-o", "json"), 0)
	}
}

// killed is a run that is ended by this signal, after so many seconds.
func (k *keeper) killed(signal, after string) {
	k.Helper()
	k.searched("killed with "+signal, k.s.Exec("bash", "-c", withSecret+" --non-interactive -o json "+answers+" & sleep "+after+"; kill -"+signal+" $!; wait"))
}

// asked is what is asked of a site that there is, and a renewal whose credentials are not taken.
func (k *keeper) asked() {
	k.Helper()
	all := [][]string{{"status", "-o", "json"}, {"doctor", shop}}
	if *full {
		all = append(all, [][]string{
			{"--non-interactive", answers}, {"status"}, {"doctor", "-o", "json"}, {"notify", "test"}, {"account", "-o", "json"}, {"attach"}, {"ca"},
			{"probe", "https://" + shop, "--client-cert", "/root/me.pem", "--client-key", "/root/me.key", "--ca", "/root/ca.pem"},
			{"probe", "https://user:" + inURL + "@" + shop}, {"account", "rollover"}, {"revoke", shop, "--yes"}, {"renew", "--force", shop},
		}...)
	}
	for _, args := range all {
		k.runs(args...)
	}
	k.made()
	right := k.s.Read(tokens)
	k.s.Write(tokens, strings.Replace(right, dnsKey, dnsKey[4:], 1), 0o600)
	k.runs("renew", "--force", shop)
	k.s.Write(tokens, right, 0o600)
	if r := k.s.Exec("/root/sslwizard", "answers", "print"); !strings.Contains(r.Text(), bearer) { // who asks for it sees it
		k.Errorf("the stored answers have not what was said:\n%s", r)
	}
}

// made takes in the keys that there are now, of the account, the certificate and the CA of this server.
func (k *keeper) made() {
	k.Helper()
	for name, file := range map[string]string{"the account's key": k.account().KeyFile, "the certificate's key": path.Join(k.version(), "key.pem"), "the key of this server's CA": cert.CAKeyFile} {
		c := canary{name, body(k.T, k.s.Read(file)), []string{steps.StateDir + "/"}}
		if !slices.ContainsFunc(k.all, func(d canary) bool { return d.text == c.text }) {
			k.all = append(k.all, c)
		}
	}
	k.notes()
}

// modes looks at who may read the keys, and whether a service may leave its memory behind.
func (k *keeper) modes() {
	k.Helper()
	files := strings.Fields(k.s.Exec("grep", "-rlaF", "PRIVATE KEY", "/var/lib/sslwizard", "/etc/sslwizard", "/run/sslwizard").Stdout)
	if len(files) < 3 {
		k.Errorf("keys are in %q alone", files)
	}
	k.keys += len(files)
	for _, file := range files {
		if mode := strings.TrimSpace(k.s.Must("stat", "-c", "%a", file)); mode != "600" && mode != "640" {
			k.Errorf("%s has the mode %s", file, mode)
		}
		if mode := strings.TrimSpace(k.s.Must("stat", "-c", "%a", path.Dir(file))); mode != "700" && mode != "750" {
			k.Errorf("the folder of %s has the mode %s", file, mode)
		}
	}
	if open := k.s.Must("find", "/var/lib/sslwizard/done", "-type", "f", "-perm", "/077"); open != "" {
		k.Errorf("others may read backups:\n%s", open)
	}
	for _, unit := range []string{"sslwizard-proxy.service", "sslwizard-renew.service", "sslwizard-notify.service"} {
		if k.s.Has("/etc/systemd/system/" + unit) {
			if limit := k.s.Must("systemctl", "show", "-p", "LimitCORE", unit); limit != "LimitCORE=0\n" {
				k.Errorf("%s may leave a core: %s", unit, limit)
			}
		}
	}
}

// search has every file in which something was written since the secrets came be searched for all of them: by the time of the last
// change, which no program can set. It prints how many there were, and each that has one.
const search = `set -u
cd / && find / /run /tmp /var/tmp /dev/shm -xdev -type f -cnewer /opt/canaries/begin ! -path '/opt/canaries/*' ! -path '/var/log/journal/*' ! -path '/run/log/journal/*' ! -path '/proc/*' ! -path '/sys/*' -print0 2>/dev/null | sort -zu >/opt/canaries/files
tr -cd '\0' </opt/canaries/files | wc -c
xargs -0r grep -laFf /opt/canaries/every -- </opt/canaries/files
journalctl -o export --all >/opt/canaries/journal 2>/dev/null`

// looks searches the files, the journal, and what was seen of the processes.
func (k *keeper) looks() {
	k.Helper()
	var every strings.Builder
	for _, c := range k.all {
		every.WriteString(c.text + "\n")
	}
	k.s.Write("/opt/canaries/every", every.String(), 0o600)
	found := strings.Fields(k.s.Exec("bash", "-c", search).Stdout)
	if len(found) < 2 { // the answers at least have what was said in them
		k.Fatalf("the search finds %q", found)
	}
	looked, err := strconv.Atoi(found[0])
	if k.files += looked; err != nil || looked < 20 {
		k.Errorf("only %q files were searched", found[0])
	}
	for _, c := range k.all {
		k.s.Write("/opt/canaries/one", c.text+"\n", 0o600)
		for _, file := range strings.Fields(k.s.Exec(append([]string{"grep", "-laFf", "/opt/canaries/one", "--"}, found[1:]...)...).Stdout) {
			if !slices.ContainsFunc(c.meant, func(name string) bool {
				return file == name || strings.HasSuffix(name, "/") && strings.HasPrefix(file, name)
			}) {
				k.Errorf("%s is in %s", c.name, file)
			}
		}
	}
	if said := k.s.Exec("grep", "-aFf", "/opt/canaries/every", "/opt/canaries/journal").Stdout; said != "" {
		k.Errorf("a secret is in the journal: %.500s", said)
	}
	for line := range strings.Lines(k.s.Read("/opt/canaries/seen")) {
		if line != "environ of /root/sslwizard\n" { // it was given it
			k.Errorf("a secret was seen in the %s", line)
		}
	}
	if k.rounds = len(k.s.Read("/opt/canaries/rounds")) / 2; k.rounds < 20 {
		k.Errorf("only %d looks at the processes", k.rounds)
	}
}
