package world

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// CA is the host of the certificate authority: Pebble, and the DNS that the whole world asks.
type CA struct {
	w    *World
	host host
	dns  *exec.Cmd // lives as long as the world
	cmd  *exec.Cmd // Pebble, nil while it is stopped
	who
}

// who is what is one CA's own.
type who struct {
	prefix     string // of its files
	name       string // of the directory's server
	listen     string
	management string
}

// Directory is the ACME directory's URL.
const Directory = "https://acme.test:14000/dir"

// SecondDirectory is that of the CA that Second starts.
const SecondDirectory = "https://other.test:14002/dir"

const (
	resolver   = "203.0.113.2:53"
	management = "203.0.113.2:15000"
	pebbles    = "203.0.113.2:15001"
)

func (w *World) startCA() *CA {
	w.t.Helper()
	ca := &CA{w: w, host: w.join("ca", caNumber), who: who{"", "acme.test", ":14000", pebbles}}
	addresses := fmt.Sprintf("=%s,%s", ca.host.v4, ca.host.v6)
	// The DNS is a process of its own, so that it is there while the CA is not.
	ca.dns = ca.program("--listen", "127.0.0.1:14001", "--mgmt", management, "--serve-dns", "[::]:53", "--record", "acme.test"+addresses, "--record", "other.test"+addresses)
	w.t.Cleanup(func() {
		ca.Stop()
		end(ca.dns)
		w.part(ca.host)
	})
	ca.Start()
	return ca
}

// Second starts another CA on the same machine, with a directory, roots and a log of its own.
func (ca *CA) Second() *CA {
	ca.w.t.Helper()
	second := &CA{w: ca.w, host: ca.host, who: who{"second-", "other.test", ":14002", "203.0.113.2:15002"}}
	ca.w.t.Cleanup(second.Stop)
	second.Start()
	return second
}

// Start runs Pebble; a second time, it is another CA under the same name, with roots and accounts of its own.
func (ca *CA) Start(flags ...string) {
	ca.w.t.Helper()
	ca.cmd = ca.program(append([]string{"--listen", ca.listen, "--mgmt", ca.management, "--name", ca.name, "--http-port", "80", "--tls-port", "443",
		"--dns", resolver, "--root", ca.Root(), "--directory-ca", ca.DirectoryRoot()}, flags...)...)
}

// program starts e2e/pebble/cmd and waits until it is ready.
func (ca *CA) program(flags ...string) *exec.Cmd {
	ca.w.t.Helper()
	argv := ca.host.in(append([]string{Program("pebble")}, flags...)...)
	log, err := os.OpenFile(ca.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		ca.w.t.Fatalf("world: cannot start Pebble: %v", err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready ") {
		ca.w.t.Fatalf("world: Pebble did not start:\n%s", ca.Log())
	}
	return cmd
}

// end stops a program of ours, also a frozen one.
func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}

// Stop ends Pebble, as a CA that is down: connections to it are refused.
func (ca *CA) Stop() {
	if ca.cmd == nil {
		return
	}
	end(ca.cmd)
	ca.cmd = nil
}

// Freeze stops Pebble in its tracks: connections are taken by the kernel and nobody answers.
func (ca *CA) Freeze() { ca.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (ca *CA) Thaw() { ca.signal(syscall.SIGCONT) }

func (ca *CA) signal(s syscall.Signal) {
	if err := ca.cmd.Process.Signal(s); err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
}

// Root is a file with the root of everything that this CA issues: what a browser of this world trusts.
func (ca *CA) Root() string { return ca.w.file(ca.prefix + "root.pem") }

// DirectoryRoot is a file with the root of the directory's own TLS certificate, for trusted.caRoots.
func (ca *CA) DirectoryRoot() string { return ca.w.file(ca.prefix + "directory.pem") }

func (ca *CA) log() string { return ca.w.file(ca.prefix + "pebble.log") }

// Log is what Pebble said.
func (ca *CA) Log() string {
	data, _ := os.ReadFile(ca.log())
	return string(data)
}

// Orders is how many orders were placed so far.
func (ca *CA) Orders() int { return strings.Count(ca.Log(), "POST /order-plz") }

// Status is what the CA says of a certificate (PEM): "Valid" or "Revoked".
func (ca *CA) Status(certificate string) string {
	ca.w.t.Helper()
	block, _ := pem.Decode([]byte(certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	var said struct{ Status string }
	out := must(ca.w.t, ca.host.in("curl", "-sS", "--fail", "--max-time", "5", fmt.Sprintf("http://%s/cert-status-by-serial/%x", pebbles, leaf.SerialNumber))...)
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		ca.w.t.Fatalf("world: %v in %s", err, out)
	}
	return said.Status
}

// Certificates is how many were issued so far.
func (ca *CA) Certificates() int { return strings.Count(ca.Log(), "Issued certificate serial ") }

// Accounts is how many accounts were made or asked for so far.
func (ca *CA) Accounts() int { return strings.Count(ca.Log(), "There are now ") }

// Advise has the CA say that a certificate (PEM) should be renewed within a window (RFC 9773).
func (ca *CA) Advise(certificate string, start, end time.Time) {
	ca.w.t.Helper()
	window := map[string]any{"suggestedWindow": map[string]time.Time{"start": start.UTC(), "end": end.UTC()}, "explanationURL": "https://acme.test/why"}
	answer, err := json.Marshal(window)
	if err == nil {
		answer, err = json.Marshal(map[string]string{"Certificate": certificate, "ARIResponse": string(answer)})
	}
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	must(ca.w.t, ca.host.in("curl", "-sS", "--fail", "--max-time", "5", "-d", string(answer), "http://"+ca.management+"/set-renewal-info/")...)
}

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
	ca.record("PUT", name, string(body))
}

// Reverse has the DNS answer with this name, in presentation format, for who asks what an address is called.
func (ca *CA) Reverse(address fmt.Stringer, name string) {
	ca.w.t.Helper()
	arpa, err := dns.ReverseAddr(address.String())
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	body, err := json.Marshal(map[string][]string{"names": {name}})
	if err != nil {
		ca.w.t.Fatalf("world: %v", err)
	}
	ca.record("PUT", arpa, string(body))
}

// Records has the DNS say this of a name, as JSON of a pebbletest.Record: {"addresses": [], "caa": ["digicert.com"], "fail": true}.
func (ca *CA) Records(name, record string) { ca.record("PUT", name, record) }

// Zone makes a name a zone of the DNS, which takes updates of who signs with this key ("name:base64").
func (ca *CA) Zone(name, key string) {
	ca.w.t.Helper()
	ca.Name("ns1."+name, ca.host.v4)
	ca.Records(name, fmt.Sprintf(`{"servers": ["ns1.%s"], "key": %q}`, name, key))
}

// Recorded is what the DNS knows of a name, as JSON.
func (ca *CA) Recorded(name string) string {
	ca.w.t.Helper()
	return must(ca.w.t, ca.host.in("curl", "-sS", "--fail", "--max-time", "5", "http://"+management+"/dns/"+name)...)
}

// Forget has the DNS not know a name.
func (ca *CA) Forget(name string) { ca.record("DELETE", name, "") }

func (ca *CA) record(method, name, body string) {
	ca.w.t.Helper()
	must(ca.w.t, ca.host.in("curl", "-sS", "--fail", "--max-time", "5", "-X", method, "-d", body,
		"http://"+management+"/dns/"+name)...)
}
