package native

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/c93d5bcb/sslwizard/steps"
)

// upgraded is a service as a process of its own, whose program can be replaced.
type upgraded struct {
	*tree
	secure  string
	program string
	first   *exec.Cmd
	runtime *Runtime
}

// upgradable starts the service from a copy of this test, with sockets passed as systemd passes them.
func upgradable(t *testing.T) *upgraded {
	t.Helper()
	h := newTree(t)
	h.store("a.test", app(t))
	return upgradableTree(t, h)
}

func upgradableTree(t *testing.T, h *tree, quic ...*net.UDPConn) *upgraded {
	t.Helper()
	secure, plain := listenTCP(t), listenTCP(t)
	u := &upgraded{tree: h, secure: secure.Addr().String(), program: filepath.Join(t.TempDir(), "sslwizard")}
	u.put(u.copied())
	u.first = h.activate(u.program, secure, plain, quic...)
	u.runtime = &Runtime{control: h.root + "/c.sock", https: []string{u.secure}, within: patience}
	t.Cleanup(u.end)
	if err := poll(t.Context(), func() error { _, err := AskStatus(t.Context(), u.runtime.control); return err }); err != nil {
		t.Fatal(err)
	}
	h.reload = func() { _ = syscall.Kill(u.status().PID, syscall.SIGHUP) }
	return u
}

// end ends the process that serves, and the first one.
func (u *upgraded) end() {
	if s, err := AskStatus(context.Background(), u.runtime.control); err == nil {
		_ = syscall.Kill(s.PID, syscall.SIGKILL)
	}
	_ = u.first.Process.Kill()
	_ = u.first.Wait()
}

func (u *upgraded) status() Status {
	u.t.Helper()
	s, err := AskStatus(u.t.Context(), u.runtime.control)
	if err != nil {
		u.t.Fatal(err)
	}
	return s
}

func (u *upgraded) copied() []byte {
	u.t.Helper()
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		u.t.Fatal(err)
	}
	return data
}

// put replaces the program as the installer and dpkg do: by a rename.
func (u *upgraded) put(data []byte) {
	u.t.Helper()
	if err := os.WriteFile(u.program+".new", data, 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.program+".new", u.program); err != nil {
		u.t.Fatal(err)
	}
}

func (u *upgraded) reloads() error {
	return u.runtime.Reload(u.t.Context(), u.tree, "sslwizard-proxy.service")
}

// socket opens a WebSocket to the site.
func (u *upgraded) socket() *websocket.Conn {
	u.t.Helper()
	c, err := websocket.NewConfig("wss://"+u.secure+"/chat", "https://a.test/")
	if err != nil {
		u.t.Fatal(err)
	}
	c.Location.Host = "a.test:443"
	raw, err := tls.Dial("tcp", u.secure, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true}) //nolint:gosec // the leaf is compared elsewhere
	if err != nil {
		u.t.Fatal(err)
	}
	ws, err := websocket.NewClient(c, raw)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { ws.Close() })
	return ws
}

func (u *upgraded) echoes(ws *websocket.Conn, text string) {
	u.t.Helper()
	var got string
	if err := websocket.Message.Send(ws, text); err != nil {
		u.t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &got); err != nil || got != text {
		u.t.Fatalf("the echo is %q, %v", got, err)
	}
}

// TestNewProgramTakesOver: a reload after an upgrade has the new program serve, and the old one keep its WebSockets until
// they close.
func TestNewProgramTakesOver(t *testing.T) {
	t.Parallel()
	u := upgradable(t)
	old, ws := u.status().PID, u.socket()
	u.echoes(ws, "before")

	u.put(u.copied())
	u.renew("a.test") // and a new certificate, which only the new one reads
	if err := u.reloads(); err != nil {
		t.Fatal(err)
	}
	if u.status().PID == old {
		t.Fatal("the old program goes on")
	}
	u.echoes(ws, "after")
	second := u.socket()
	u.echoes(second, "over the new one")
	if n := u.status().WebSockets; n != 1 {
		t.Errorf("the new program has %d WebSockets", n)
	}
	if err := u.reloads(); err != nil { // the same program again: an ordinary reload
		t.Fatal(err)
	}
	ws.Close()
	if err := u.first.Wait(); err != nil {
		t.Errorf("the old program ended with %v", err)
	}
	u.echoes(second, "still")
}

// TestRetiredProgramEndsWithTheService: systemd tells every process of the service to end.
func TestRetiredProgramEndsWithTheService(t *testing.T) {
	t.Parallel()
	u := upgradable(t)
	u.echoes(u.socket(), "before")
	u.put(u.copied())
	if err := u.reloads(); err != nil {
		t.Fatal(err)
	}
	_ = u.first.Process.Signal(syscall.SIGHUP) // is not for it
	_ = u.first.Process.Signal(syscall.SIGTERM)
	if err := u.first.Wait(); err != nil { // after its drain time, the WebSocket being open
		t.Errorf("the old program ended with %v", err)
	}
}

// TestProgramThatDoesNotServeIsNotFollowed: the old one goes on, and says why.
func TestProgramThatDoesNotServeIsNotFollowed(t *testing.T) {
	t.Parallel()
	u := upgradable(t)
	old, ws := u.status().PID, u.socket()
	for text, program := range map[string]string{
		"it ended before it served": "#!/bin/sh\nexit 3\n",
		"cannot start it":           "\x7fELF and nothing more",
	} {
		u.put([]byte(program))
		err := u.reloads()
		if failure, ok := err.(*steps.Failure); !ok || failure.Code != "N05" || !strings.Contains(err.Error(), "cannot hand over to the new program: "+text) {
			t.Errorf("got %v", err)
		}
		if s := u.status(); s.PID != old || s.Hash == "" {
			t.Errorf("%+v", s)
		}
		u.echoes(ws, "all the same")
	}
	u.put(u.copied())
	if err := u.reloads(); err != nil || u.status().PID == old {
		t.Errorf("the next one does not follow: %v", err)
	}
}

func TestSuccessorHasTheManagersEnvironmentWithItsOwnSockets(t *testing.T) {
	t.Parallel()
	got := successorEnv([]string{"A=1", "LISTEN_PID=7", "LISTEN_FDS=9", "LISTEN_FDNAMES=x", "WATCHDOG_PID=7", "WATCHDOG_USEC=5", "NOTIFY_SOCKET=/n", handoverEnv + "=4"}, []string{"http", "https"})
	want := []string{"A=1", "WATCHDOG_USEC=5", "NOTIFY_SOCKET=/n", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:https", handoverEnv + "=" + strconv.Itoa(firstPassed+2)}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
