package native

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func pid() string { return fmt.Sprint(os.Getpid()) }

// TestMain runs the service when the test binary was started as one, with sockets passed as systemd passes them.
func TestMain(m *testing.M) {
	root := os.Getenv("SSLWIZARD_TEST_SERVE")
	if root == "" {
		os.Exit(m.Run())
	}
	os.Setenv("LISTEN_PID", pid()) // systemd sets it after the fork, which a Go parent cannot
	o := ServeOptions{Drain: time.Second, ServeRequest: steps.ServeRequest{
		SitesDir: root + steps.SitesDir, CertsDir: root + steps.CertsDir, Webroot: root + steps.Webroot, Control: root + "/c.sock",
	}}
	if err := Serve(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestSocketActivation starts the service as a process of its own with passed sockets, by name and in an odd order,
// kills it with SIGTERM, and has a second one take over what waits in the same sockets.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	leaf := h.store("a.test", app(t))
	secure, plain := listenTCP(t), listenTCP(t)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := h.activate(os.Args[0], secure, plain) // the connection below waits in the queue until it is there
		if got, err := servedLeaf(ctx, secure.Addr().String(), "a.test"); got != leaf {
			t.Errorf("it serves %s, %v", got, err)
		}
		if err := askPlain(ctx, plain.Addr().String()); err != nil {
			t.Error(err)
		}
		cancel()
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
	}
}

// activate starts the service as a process of its own, with sockets passed as systemd passes them.
func (h *tree) activate(program string, secure, plain *net.TCPListener, quic ...*net.UDPConn) *exec.Cmd {
	h.t.Helper()
	cmd := exec.Command(program)
	passed, names := []interface{ File() (*os.File, error) }{secure, plain}, "https:http"
	for _, one := range quic {
		passed, names = append(passed, one), names+":http3"
	}
	for _, l := range passed {
		f, err := l.File()
		if err != nil {
			h.t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.Env = append(os.Environ(), "SSLWIZARD_TEST_SERVE="+h.root, fmt.Sprintf("LISTEN_FDS=%d", len(passed)), "LISTEN_FDNAMES="+names)
	if len(quic) > 0 {
		cmd.Env = append(cmd.Env, "RUNTIME_DIRECTORY="+h.root)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func listenTCP(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestRehearse(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	for _, d := range []steps.Domain{"a.test", "192.0.2.1", "192.0.2.2"} {
		h.store(d, "http://127.0.0.1:9") // its application is down: the rehearsal does not need it
	}
	h.store("behind.test", "http://127.0.0.1:9", func(a *steps.Answers) { a.Proxy.Trusted = []string{"127.0.0.0/8"} }) // and so is who asks here
	all, err := entries(stored{h}, 1)
	if err != nil {
		t.Fatal(err)
	}
	var sites []steps.Site
	for _, e := range all {
		sites = append(sites, e.site)
	}
	began := time.Now()
	report, err := NewRuntime().Rehearse(t.Context(), h, sites)
	if err != nil {
		t.Fatal(err)
	}
	good := map[steps.ID]bool{}
	for _, c := range report.Checks {
		if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
			t.Errorf("%s %s: %s %s", c.Step, c.Name, c.Verdict, c.Detail)
		}
		good[c.Step] = good[c.Step] || c.Verdict == steps.OK
	}
	for _, id := range []steps.ID{steps.IDCerts, steps.IDSSL, steps.IDRedirect, steps.IDProxy, steps.IDWebSockets} {
		if !good[id] {
			t.Errorf("nothing of the step %s was seen to be right", id)
		}
	}
	t.Logf("%d checks in %v", len(report.Checks), time.Since(began))
}

func TestRehearsalWithoutCertificateFails(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	_, err := NewRuntime().Rehearse(t.Context(), h, []steps.Site{shop()})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot rehearse shop.test") {
		t.Errorf("got %v", err)
	}
}
