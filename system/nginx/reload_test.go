package nginx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// managed is a host whose systemctl knows one nginx: the scratch instance of a test, so that reloads are real ones.
type managed struct {
	testHost
	master   int
	state    string // what "systemctl show" says; active with the master when empty
	reloaded int
	dead     bool // reload does nothing and succeeds
	first    func()
}

func (m *managed) Query(ctx context.Context, c host.Command) (host.Output, error) {
	if c.Argv[0] != "systemctl" {
		return m.testHost.Query(ctx, c)
	}
	if got := strings.Join(c.Argv, " "); got != "systemctl show --property=ActiveState,MainPID,LoadState nginx.service" {
		return host.Output{}, fmt.Errorf("unexpected command %q", got)
	}
	if m.state != "" {
		return host.Output{Stdout: []byte(m.state)}, nil
	}
	return host.Output{Stdout: []byte("MainPID=" + strconv.Itoa(m.master) + "\nActiveState=active\nLoadState=loaded\n")}, nil
}

func (m *managed) Run(ctx context.Context, c host.Command) (host.Output, error) {
	switch strings.Join(c.Argv, " ") {
	case "systemctl reload nginx.service":
		m.reloaded++
		if m.first != nil {
			m.first()
		}
		if m.dead {
			return host.Output{}, nil
		}
		p, err := os.FindProcess(m.master)
		if err != nil {
			return host.Output{}, err
		}
		return host.Output{}, p.Signal(syscall.SIGHUP)
	case "nginx -t -q":
		return host.Output{}, nil
	}
	return host.Output{}, fmt.Errorf("unexpected command %q", c.Argv)
}

// reloadable is a running nginx with the shop, and a runtime that looks at it as at the live one.
func reloadable(t *testing.T) (live, *managed, Runtime) {
	t.Helper()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop())
	if l.h.chroot != "" {
		t.Skip("a reload is only tested with the nginx of this machine: its processes are seen from here")
	}
	r := Runtime{
		root: "", main: l.s.dir + "/nginx.conf", includes: []string{l.s.dir + "/conf.d"}, settle: 3 * time.Second,
	}
	for _, at := range l.stage.https {
		r.https = append(r.https, at.String())
	}
	return l, &managed{testHost: l.h, master: l.s.process()}, r
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	failures.MetError(t, err)
	var f *steps.Failure
	if !errors.As(err, &f) || f.Code != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want code %s with %q", err, code, text)
		return
	}
	if !strings.HasPrefix(f.Text, "cannot ") || len(f.Fixes) == 0 {
		t.Errorf("%q does not begin with cannot, or has no way on: %q", f.Text, f.Fixes)
	}
}

func TestReloadIsProven(t *testing.T) {
	t.Parallel()
	l, m, r := reloadable(t)
	certify(t, l.h, l.dir, shop()) // another certificate than the one that is served
	if err := r.Reload(t.Context(), m, Unit); err != nil {
		t.Fatal(err)
	}
	if m.reloaded != 1 {
		t.Errorf("reloaded %d times", m.reloaded)
	}
	if err := r.Reload(t.Context(), m, Unit); err != nil {
		t.Errorf("a reload of the same configuration: %v", err)
	}
}

func TestReloadThatNginxRefusesIsSeen(t *testing.T) {
	t.Parallel()
	l, m, r := reloadable(t)
	zone := func(key string) {
		put(t, l.s.dir+"/conf.d/zone.conf", []byte("limit_req_zone "+key+" zone=z:64k rate=1r/s;\n"), 0o644)
	}
	zone("$binary_remote_addr")
	if err := r.Reload(t.Context(), m, Unit); err != nil {
		t.Fatal(err)
	}
	zone("$host") // nginx -t is content with it, and a running nginx is not
	wantCode(t, r.Reload(t.Context(), m, Unit), "N05", `limit_req "z" uses the "$host" key while previously it used the "$binary_remote_addr" key`)
}

// TestVisitorsDoNotDecideAboutAReload: what they ask for is written in the error log, decoded, so that they can write whole lines of it.
func TestVisitorsDoNotDecideAboutAReload(t *testing.T) {
	t.Parallel()
	l, m, r := reloadable(t)
	for _, path := range []string{"[emerg]", fmt.Sprintf("%%0a2026/11/27%%2008:00:00%%20[emerg]%%20%d%%23%[1]d:%%20forged%%0a", m.master)} {
		before, _ := os.ReadFile(r.errorLog(l.h))
		m.first = func() {
			visit(t, l.stage.http[0].String(), "/.well-known/acme-challenge/"+path)
			time.Sleep(100 * time.Millisecond)
		}
		if err := r.Reload(t.Context(), m, Unit); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if after, _ := os.ReadFile(r.errorLog(l.h)); !strings.Contains(string(after[len(before):]), "[emerg]") {
			t.Errorf("%s: it is not in the error log: %s", path, after[len(before):])
		}
	}
}

func visit(t *testing.T, address, path string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n", path)
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error(err)
	}
}

// TestReloadThatEndsTheWorkersIsNoRefusal: nobody knows what an nginx runs with that has no worker any more, or others.
func TestReloadThatEndsTheWorkersIsNoRefusal(t *testing.T) {
	t.Parallel()
	_, m, r := reloadable(t)
	m.dead, r.settle = true, 700*time.Millisecond
	m.first = func() { signalAll(t, []worker{{pid: m.master}}, syscall.SIGQUIT) }
	wantCode(t, r.Reload(t.Context(), m, Unit), "N14", "workers of it ended")
}

func TestReloadThatDoesNothingIsSeen(t *testing.T) {
	t.Parallel()
	_, m, r := reloadable(t)
	m.dead, r.settle = true, 300*time.Millisecond
	wantCode(t, r.Reload(t.Context(), m, Unit), "N05", "no new workers")
}

func TestOldCertificateIsSeen(t *testing.T) {
	t.Parallel()
	l, m, r := reloadable(t)
	other := t.TempDir()
	file, err := os.ReadFile(l.s.dir + "/conf.d/sslwizard-shop.example.com.conf")
	if err != nil {
		t.Fatal(err)
	}
	certify(t, l.h, other, shop())
	put(t, other+"/sslwizard-shop.example.com.conf", []byte(strings.ReplaceAll(string(file), l.dir+steps.CertsDir, other+steps.CertsDir)), 0o644)
	r.includes = []string{other} // what our files name is not what nginx reads
	wantCode(t, r.Reload(t.Context(), m, Unit), "N06", "another certificate")
}

// An old worker that the machine gives no time to still has its listening sockets: what it takes is answered by the old
// configuration, whatever the new workers serve.
func TestOldWorkersAreSeen(t *testing.T) {
	t.Parallel()
	_, m, r := reloadable(t)
	r.settle = 700 * time.Millisecond
	var held []worker
	m.first = func() {
		held = workersOf(m, m.master)
		signalAll(t, held, syscall.SIGSTOP)
	}
	wantCode(t, r.Reload(t.Context(), m, Unit), "N06", "old workers")
	m.first = nil
	signalAll(t, held, syscall.SIGCONT)
	if len(held) == 0 {
		t.Error("there was no worker to hold")
	}
	r.settle = 5 * time.Second
	if err := r.Reload(t.Context(), m, Unit); err != nil {
		t.Error(err)
	}
}

func signalAll(t *testing.T, all []worker, s syscall.Signal) {
	t.Helper()
	for _, w := range all {
		if err := syscall.Kill(w.pid, s); err != nil {
			t.Error(err)
		}
	}
}

func TestReloadWithoutUnit(t *testing.T) {
	t.Parallel()
	l, m, r := reloadable(t)
	m.state = "MainPID=0\nActiveState=inactive\nLoadState=loaded\n"
	wantCode(t, r.Reload(t.Context(), m, Unit), "N02", fmt.Sprintf("one runs outside nginx.service (process %d)", m.master))
	m.state = "MainPID=0\nActiveState=inactive\nLoadState=masked\n"
	wantCode(t, r.Reload(t.Context(), m, Unit), "N14", "masked")
	m.state = "MainPID=0\nActiveState=failed\nLoadState=loaded\n"
	r.main = l.dir + "/none.conf"
	if _, err := os.Stat("/run/nginx.pid"); err == nil {
		t.Skip("another nginx runs on this machine: its pid file would be found")
	}
	wantCode(t, r.Reload(t.Context(), m, Unit), "N14", "failed")
	if m.reloaded > 0 {
		t.Error("it was reloaded all the same")
	}
}

func TestFirstEmergency(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"": "",
		"nginx: [warn] x\nnginx: [emerg] unknown directive \"a\x1b[1m\" in /etc/x:3\nnginx: [emerg] second\n": "unknown directive \"a␛[1m\" in /etc/x:3",
		"2026/11/22 10:00:00 [emerg] 12#12: bind() failed\n":                                                  "bind() failed",
		"nginx: [alert] could not open\n":                                                                     "could not open",
		"nginx: [alert] could not open\nnginx: [emerg] no\n":                                                  "no",
		"2026/11/22 10:00:00 [error] 12#12: *1 open() \"/x/[emerg] y\" failed\n":                              "",
		"nginx: [warn] conflicting server name \"[emerg] x\"\nnginx: [emerg] no\n":                            "no",
	} {
		if got := firstEmergency(said); got != want {
			t.Errorf("firstEmergency(%q) = %q, want %q", said, got, want)
		}
	}
}

// TestTest runs the real "nginx -t" in words: what it writes becomes the failure.
func TestTest(t *testing.T) {
	t.Parallel()
	wantCode(t, Runtime{}.Test(t.Context(), refusing{}), "N04", `unknown directive "x" in /etc/nginx/conf.d/a.conf:7`)
}

// refusing is a host whose nginx refuses its configuration.
type refusing struct{ host.Host }

func (refusing) Run(_ context.Context, c host.Command) (host.Output, error) {
	out := host.Output{Status: 1, Stderr: []byte("nginx: [emerg] unknown directive \"x\" in /etc/nginx/conf.d/a.conf:7\nnginx: configuration file test failed\n")}
	return out, &host.CommandError{Argv: c.Argv, Output: out, Reason: "exit status 1"}
}
