package renew

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const killsPage = "../../docs/kills.md"

// issueHere is how the test binary is told to be the process that gets a certificate.
const issueHere = "SSLWIZARD_TEST_ISSUE"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if order := os.Getenv(issueHere); order != "" {
		if err := issue(order); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// errand is what the child does: one issuance on a folder that stands in for the machine.
type errand struct {
	Root, DNS string
	Change    steps.ObtainCertificate
	Die       int // at which change of a file it kills itself; 0: at none
	After     bool
}

func issue(text string) error {
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return err
	}
	h := &mortal{Host: host.New(e.Root), errand: e}
	err := managerFor(e.DNS).Make(context.Background(), h, e.Change, nil)
	fmt.Println(h.changes.Load())
	return err
}

// mortal is a machine whose process is killed right before or right after its n-th change of a file.
type mortal struct {
	host.Host
	errand
	changes atomic.Int64
}

// WriteFile implements host.Host. Everything is the user's who tests.
func (m *mortal) WriteFile(name string, f host.File) error {
	f.UID, f.GID = os.Getuid(), os.Getgid()
	return m.around(func() error { return m.Host.WriteFile(name, f) })
}

// Remove implements host.Host.
func (m *mortal) Remove(name string) error {
	return m.around(func() error { return m.Host.Remove(name) })
}

func (m *mortal) around(change func() error) error {
	now := m.changes.Add(1) == int64(m.Die)
	if now && !m.After {
		killed()
	}
	err := change()
	if now {
		killed()
	}
	return err
}

func killed() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it comes
}

// moment is when a process is killed: at the n-th request to an endpoint, or at the n-th change of a file.
type moment struct {
	endpoint pebbletest.Endpoint // empty: a file
	n        int
	after    bool // when the CA, or the disk, has it
	again    bool // not the first certificate of this machine
}

func (m moment) String() string {
	what, when := "a file is written or removed", "before"
	if m.endpoint != "" {
		what = string(m.endpoint)
		when = "before the CA sees it"
	}
	if m.after && m.endpoint != "" {
		when = "after the CA has seen it"
	} else if m.after {
		when = "after"
	}
	which := "first"
	if m.again {
		which = "another"
	}
	return which + " | " + what + " | " + when
}

// requests are those that an issuance for two names makes.
var requests = map[pebbletest.Endpoint]int{
	pebbletest.Directory: 1, pebbletest.NewNonce: 1, pebbletest.NewAccount: 1, pebbletest.NewOrder: 1, pebbletest.Authorization: 4,
	pebbletest.Challenge: 2, pebbletest.Finalize: 1, pebbletest.Order: 1, pebbletest.Certificate: 1,
}

// moments are all of them, of an issuance that changes so many files.
func moments(changes int) []moment {
	var all []moment
	for _, again := range []bool{false, true} {
		for _, e := range allEndpoints {
			if again && e == pebbletest.NewAccount {
				continue
			}
			times := requests[e]
			if again && e == pebbletest.NewOrder {
				times++ // what it replaces is not known to Pebble, and the order is asked for without
			}
			for n := range times {
				all = append(all, moment{e, n + 1, false, again}, moment{e, n + 1, true, again})
			}
		}
	}
	for n := range changes {
		all = append(all, moment{n: n + 1}, moment{n: n + 1, after: true})
	}
	return all
}

// victim is a machine in a folder, whose issuances are processes.
type victim struct {
	*trial
	root string
}

func (g *grounds) victim(t *testing.T, n int) *victim {
	t.Helper()
	root := t.TempDir()
	v := &victim{g.trialOn(t, n, host.New(root)), root}
	for name, text := range map[string]string{"/etc/hostname": "web1\n", "/etc/group": "root:x:0:\n", trialRoots: v.roots(), "/var/lib/README": ""} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// process runs an issuance, of another key's certificate if it is not the first; at is when it is killed, nil for not at
// all. It says whether it was killed, and how many files it changed otherwise.
func (v *victim) process(again bool, at *moment) (dead bool, changes int) {
	v.t.Helper()
	var out bytes.Buffer
	child := exec.CommandContext(v.t.Context(), os.Args[0])
	child.Env = append(os.Environ(), issueHere+"="+v.errand(again, at))
	child.Stdout, child.Stderr = &out, &out
	started, gone := make(chan struct{}), make(chan struct{})
	v.meddle(func(*pebbletest.Exchange) {})
	if at != nil && at.endpoint != "" {
		v.meddle(at.strikes(func() {
			<-started
			_ = child.Process.Kill()
			<-gone
		}))
	}
	if err := child.Start(); err != nil {
		v.t.Fatal(err)
	}
	close(started)
	err := child.Wait()
	close(gone)
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); ok && at != nil && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true, 0
	}
	if err != nil {
		v.t.Fatalf("%v: %s", err, &out)
	}
	if _, err := fmt.Sscan(out.String(), &changes); err != nil {
		v.t.Fatalf("%v: %s", err, &out)
	}
	return false, changes
}

func (v *victim) errand(again bool, at *moment) string {
	e := errand{Root: v.root, DNS: v.dns.Address, Change: v.change()}
	if again {
		e.Change.KeyType = steps.ECDSAP384
	}
	if at != nil && at.endpoint == "" {
		e.Die, e.After = at.n, at.after
	}
	text, err := json.Marshal(e)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

// strikes kills when the request comes, and lets the connection go only when the process is no more.
func (m moment) strikes(kill func()) func(*pebbletest.Exchange) {
	var seen atomic.Int64
	return func(x *pebbletest.Exchange) {
		if x.Endpoint != m.endpoint || seen.Add(1) != int64(m.n) {
			return
		}
		if m.after {
			x.Ask()
		}
		kill()
		x.Cut()
	}
}

// harm is what the CA was asked for in vain, by a kill and the run after it, and the tokens that nobody took away.
type harm struct{ kills, orders, certificates, tokens int }

// dies is killed and run again: the site has its certificate, every key is the same, and the ledger is right.
func (v *victim) dies(m moment) harm {
	v.t.Helper()
	want := 1
	if m.again {
		want = 2
		v.process(false, nil)
	}
	before := v.accountKey()
	dead, _ := v.process(m.again, &m)
	if !dead { // nothing had to be polled, or a folder was there already
		return harm{}
	}
	account, order := v.accountKey(), v.orderKey()
	waits := v.front.Made(pebbletest.Finalize) == want && order != ""
	if before != "" && before != account {
		v.t.Error("the kill changed the account key")
	}
	v.process(m.again, nil)
	v.served()
	v.counted(false)
	if now := v.accountKey(); account != "" && now != account {
		v.t.Error("the account key was lost")
	}
	if current, err := cert.Current(v.host, v.site); waits && (err != nil || string(current.Key) != order) {
		v.t.Errorf("the key of a certificate that was made is lost (%v)", err)
	}
	if n := v.front.Made(pebbletest.NewAccount); n != 1 {
		v.t.Errorf("there are %d accounts", n)
	}
	return harm{1, v.front.Made(pebbletest.NewOrder) - want, v.front.Made(pebbletest.Finalize) - want, v.stays()}
}

func (v *victim) orderKey() string {
	f, err := v.host.ReadFile(path.Join(orderDir(v.site, ""), "key.pem"))
	if err != nil {
		return ""
	}
	return string(f.Data)
}

// stays looks for orders, of which none may be left, and counts the tokens: they were for the whole world to read, and
// are worth nothing once the name is proved.
func (v *victim) stays() (tokens int) {
	v.t.Helper()
	err := filepath.WalkDir(v.root, func(name string, d fs.DirEntry, err error) error {
		switch name = strings.TrimPrefix(name, v.root); {
		case strings.HasPrefix(name, steps.ACMEDir+"/orders/"):
			v.t.Errorf("%s stayed", name)
		case strings.HasPrefix(name, steps.Webroot+steps.ChallengePath) && !d.IsDir():
			tokens++
		}
		return err
	})
	if err != nil || tokens > len(v.domains) {
		v.t.Errorf("%d tokens stayed (%v)", tokens, err)
	}
	return tokens
}

// TestKilledForReal kills the process of an issuance at each of its requests and files, and runs it again. Every seventh
// moment without -update.
func TestKilledForReal(t *testing.T) {
	t.Parallel()
	g := newGrounds(t)
	_, changes := g.victim(t, 0).process(false, nil)
	all := moments(changes)
	step := 7 // they come in pairs
	if *update {
		step = 1
	}
	done := make([]harm, len(all))
	slots := make(chan struct{}, 4)
	var wait sync.WaitGroup
	for n := 0; n < len(all); n += step {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(fmt.Sprintf("%s %d", strings.ReplaceAll(all[n].String(), " | ", ", "), all[n].n), func(t *testing.T) { done[n] = g.victim(t, n+1).dies(all[n]) })
		})
	}
	wait.Wait()
	total := harm{}
	for _, h := range done {
		total = total.plus(h)
	}
	t.Logf("%d kills, %d orders and %d certificates in vain", total.kills, total.orders, total.certificates)
	if total.certificates > total.kills/100 || total.orders > total.kills || total.kills < 100/step {
		t.Errorf("%d kills, %d orders and %d certificates in vain", total.kills, total.orders, total.certificates)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(killsPage, []byte(killsOf(all, done, total)), 0o644); err != nil {
			t.Fatal(err)
		}
		const command = "go test ./system/renew -run 'TestKilledForReal$' -update"
		promises.Record(t,
			promises.Figure{Promise: 14, What: "kills during an issuance, at each request and each file", Target: "≥ 100", Measured: promises.Count(total.kills), Command: command},
			promises.Figure{Promise: 14, What: "certificates of the CA that were for nothing", Target: "≤ 1", Measured: promises.Count(total.certificates), Command: command},
			promises.Figure{Promise: 14, What: "keys lost", Target: "0", Measured: "0", Command: command},
		)
	}
}

func (h harm) plus(more harm) harm {
	return harm{h.kills + more.kills, h.orders + more.orders, h.certificates + more.certificates, h.tokens + more.tokens}
}

func killsOf(all []moment, done []harm, total harm) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Killed in the middle of an issuance

Made by `+"`go test ./system/renew -run 'TestKilledForReal$' -update`"+`, out of the run itself: a process that gets a certificate for two
names from Pebble, with real files, is ended by SIGKILL at each of these moments, %d times in all, and the same command is
run again. Each time the site then has its certificate. The account key, and the key of a certificate that the CA had made
already, are the same as before the kill; the ledger has what the CA made; no order is left over. A token may be: the file
that the whole world was to read, which is worth nothing once its name is proved.

In vain is what the CA made and the server does not use: %d certificates, and the orders whose address was lost with the process.

| certificate | killed when | | kills | orders in vain | certificates in vain | tokens left |
| --- | --- | --- | --- | --- | --- | --- |
`, total.kills, total.certificates)
	var names []string
	sums := map[string]harm{}
	for n, m := range all {
		if _, there := sums[m.String()]; !there {
			names = append(names, m.String())
		}
		sums[m.String()] = sums[m.String()].plus(done[n])
	}
	for _, name := range names {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, sums[name].kills, sums[name].orders, sums[name].certificates, sums[name].tokens)
	}
	return b.String()
}
