package world

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// CA is the host of the certificate authority: Pebble, and the DNS that the whole world asks.
type CA struct {
	w    *World
	host host
	cmd  *exec.Cmd
	runs int
}

// Directory is the ACME directory's URL.
const Directory = "https://acme.test:14000/dir"

const management = "203.0.113.2:15000"

func (w *World) startCA() *CA {
	w.t.Helper()
	ca := &CA{w: w, host: w.join("ca", caNumber)}
	w.t.Cleanup(func() { ca.Stop(); w.part(ca.host) })
	ca.Start()
	return ca
}

// Start runs Pebble; a second time, it is another CA under the same name, with roots and accounts of its own.
func (ca *CA) Start(flags ...string) {
	ca.w.t.Helper()
	ca.runs++
	record := fmt.Sprintf("acme.test=%s,%s", ca.host.v4, ca.host.v6)
	argv := ca.host.in(append([]string{Program("pebble"),
		"--listen", ":14000", "--name", "acme.test", "--http-port", "80", "--tls-port", "443", "--mgmt", management,
		"--serve-dns", ca.host.v4.String() + ":53", "--record", record,
		"--root", ca.Root(), "--directory-ca", ca.DirectoryRoot()}, flags...)...)
	log, err := os.OpenFile(ca.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	defer log.Close()
	ca.cmd = exec.Command(argv[0], argv[1:]...)
	ca.cmd.Stderr = log
	out, err := ca.cmd.StdoutPipe()
	if err == nil {
		err = ca.cmd.Start()
	}
	if err != nil {
		ca.w.t.Fatalf("world: cannot start Pebble: %v", err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready ") {
		data, _ := os.ReadFile(ca.log())
		ca.w.t.Fatalf("world: Pebble did not start:\n%s", data)
	}
}

// Stop ends Pebble and its DNS, as a CA and a resolver that are down.
func (ca *CA) Stop() {
	if ca.cmd == nil {
		return
	}
	_ = ca.cmd.Process.Signal(syscall.SIGTERM)
	_ = ca.cmd.Wait()
	ca.cmd = nil
}

// Root is a file with the root of everything that this CA issues: what a browser of this world trusts.
func (ca *CA) Root() string { return ca.w.file("root.pem") }

// DirectoryRoot is a file with the root of the directory's own TLS certificate, for trusted.caRoots.
func (ca *CA) DirectoryRoot() string { return ca.w.file("directory.pem") }

func (ca *CA) log() string { return ca.w.file("pebble.log") }

// Log is what Pebble said.
func (ca *CA) Log() string {
	data, _ := os.ReadFile(ca.log())
	return string(data)
}

// Orders is how many orders were placed so far.
func (ca *CA) Orders() int { return strings.Count(ca.Log(), "POST /order-plz") }

// Accounts is how many accounts were made or asked for so far.
func (ca *CA) Accounts() int { return strings.Count(ca.Log(), "There are now ") }

// Name has the DNS answer with these addresses for a name; with none at all the name exists without an address.
func (ca *CA) Name(name string, addresses ...fmt.Stringer) {
	ca.w.t.Helper()
	record := struct {
		Addresses []string `json:"addresses"`
	}{[]string{}}
	for _, a := range addresses {
		record.Addresses = append(record.Addresses, a.String())
	}
	body, err := json.Marshal(record)
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	ca.dns("PUT", name, string(body))
}

// Forget has the DNS not know a name.
func (ca *CA) Forget(name string) { ca.dns("DELETE", name, "") }

func (ca *CA) dns(method, name, body string) {
	ca.w.t.Helper()
	must(ca.w.t, ca.host.in("curl", "-sS", "--fail", "--max-time", "5", "-X", method, "-d", body,
		"http://"+management+"/dns/"+name)...)
}
