package native

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

func app(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(echo.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// TestServeTellsSystemd plays systemd's part: sockets aside, every message of the protocol.
func TestServeTellsSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "90000000")
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start()
	next := func(want string) {
		t.Helper()
		buf := make([]byte, 4096)
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		for {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("waiting for %s: %v\n%s", want, err, u.err)
			}
			if text := string(buf[:n]); strings.HasPrefix(text, want) {
				return
			}
		}
	}
	next("READY=1\nSTATUS=serving 1 sites")
	next("WATCHDOG=1") // only after it has reached itself
	h.signals <- syscall.SIGHUP
	next("RELOADING=1\nMONOTONIC_USEC=")
	next("READY=1")
	h.signals <- syscall.SIGTERM
	next("STOPPING=1")
	if err := <-u.ended; err != nil {
		t.Error(err)
	}
	u.ended <- nil
}

func TestWatchdogSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	leaf := h.store("a.test", app(t))
	u := h.start().ready()
	if err := askPlain(t.Context(), u.plain); err != nil {
		t.Error(err)
	}
	if err := askSecure(t.Context(), u.secure, "a.test", leaf); err != nil {
		t.Error(err)
	}
	if err := askSecure(t.Context(), u.secure, "a.test", strings.Repeat("0", 64)); err == nil {
		t.Error("another certificate is well")
	}
	if err := askPlain(t.Context(), strings.TrimPrefix(app(t), "http://")); err == nil {
		t.Error("another server is well")
	}
	if strings.Contains(u.out.String(), watchdogHost) {
		t.Error("the access log has the service's own questions")
	}
}

// TestNobodyHidesFromTheAccessLog by naming the host that the service asks itself for.
func TestNobodyHidesFromTheAccessLog(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start().ready()
	conn, err := net.Dial("tcp", u.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /.env HTTP/1.1\r\nHost: "+watchdogHost+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	u.wait(func() bool { return strings.Contains(u.out.String(), `"/.env"`) })
}

// TestWatchdogOfSitesNamedByAddress: over loopback such sites cannot be asked for, which must not restart the service.
func TestWatchdogOfSitesNamedByAddress(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("192.0.2.1", app(t))
	h.store("192.0.2.2", app(t))
	u := h.start().ready()
	if site, _ := askable(u.status().Leaves); site != "" {
		t.Errorf("asks for %s", site)
	}
	if err := askAnything(t.Context(), u.secure); err != nil {
		t.Error(err)
	}
	if err := askAnything(t.Context(), freeAddress(t)); err == nil {
		t.Error("nobody is well")
	}
	if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err != nil {
		t.Error(err)
	}
}

func TestReloadIsProven(t *testing.T) {
	t.Parallel()
	upstream := app(t)
	h := newTree(t)
	first := h.store("a.test", upstream)
	u := h.start().ready()
	if got := u.leaf("a.test"); got != first {
		t.Fatalf("serves %s", got)
	}
	second := h.renew("a.test")
	third := h.store("b.test", upstream)
	if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err != nil {
		t.Fatal(err)
	}
	if u.leaf("a.test") != second || u.leaf("b.test") != third {
		t.Error("the reload was proven, and is not there")
	}
	s := u.status()
	if s.Generation != 2 || s.Loads != 2 || s.Error != "" || len(s.Hash) != 64 || s.Leaves["b.test"] != third {
		t.Errorf("%+v", s)
	}
}

func TestReloadOfSomethingWrongKeepsTheOld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*tree)
		want  string
	}{
		"site file": {func(h *tree) {
			_ = os.WriteFile(h.path(steps.SiteFile("b.test")), []byte("kind: nonsense\n"), 0o600)
		}, "what is stored cannot be served"},
		"no certificate": {func(h *tree) { h.storeSite("b.test", "http://127.0.0.1:3000") }, "what is stored cannot be served"},
		"wrong key": {func(h *tree) { // seen by the service only: the installer does not read keys
			other := h.renewPath("a.test", "key.pem")
			_ = os.WriteFile(h.path(steps.CurrentKey("a.test")), other, 0o600)
		}, "kept its old configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newTree(t)
			leaf := h.store("a.test", app(t))
			u := h.start().ready()
			c.spoil(h)
			err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service")
			failure, ok := err.(*steps.Failure)
			if !ok || failure.Code != "N05" || !strings.Contains(err.Error(), c.want) || len(failure.Fixes) == 0 {
				t.Fatalf("got %v", err)
			}
			h.signals <- syscall.SIGHUP // whatever the installer thinks of it
			u.wait(func() bool { return u.status().Error != "" })
			if s := u.status(); s.Generation != 1 || s.Leaves["a.test"] != leaf || u.leaf("a.test") != leaf {
				t.Errorf("it does not keep the old: %+v", s)
			}
		})
	}
}

// renewPath makes another certificate and returns one of its files, with the first one current again.
func (h *tree) renewPath(domain steps.Domain, file string) []byte {
	before, _ := os.Readlink(h.path(steps.CertsDir + "/" + string(domain) + "/current"))
	h.renew(domain)
	text, err := os.ReadFile(h.path(steps.CertsDir + "/" + string(domain) + "/current/" + file))
	if err != nil {
		h.t.Fatal(err)
	}
	link := h.path(steps.CertsDir + "/" + string(domain) + "/current")
	_ = os.Remove(link)
	if err := os.Symlink(before, link); err != nil {
		h.t.Fatal(err)
	}
	return text
}

// TestReloadOfOneThatStarts: a service that systemd is just starting again is waited for.
func TestReloadOfOneThatStarts(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start()
	if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err != nil {
		t.Error(err)
	}
	u.runtime.control, u.runtime.within = u.control+".gone", 100*time.Millisecond
	if err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service"); err == nil || !strings.Contains(err.Error(), "it does not answer") {
		t.Errorf("one that never starts: %v", err)
	}
}

// TestReloadThatDoesNothingIsSeen: systemctl says that all is well, and nothing has happened.
func TestReloadThatDoesNothingIsSeen(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start().ready()
	h.renew("a.test")
	h.reload = func() {}
	u.runtime.within = time.Second
	err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service")
	if failure, ok := err.(*steps.Failure); !ok || failure.Code != "N05" || !strings.Contains(err.Error(), "not read its configuration again") {
		t.Errorf("got %v", err)
	}
}

// TestReloadThatAnotherServerHides: the service has taken it, but something else answers on the port.
func TestReloadThatAnotherServerHides(t *testing.T) {
	t.Parallel()
	h, other := newTree(t), newTree(t)
	h.store("a.test", app(t))
	other.store("a.test", app(t))
	u, hiding := h.start().ready(), other.start().ready()
	u.runtime.https, u.runtime.within = []string{hiding.secure}, time.Second
	err := u.runtime.Reload(t.Context(), h, "sslwizard-proxy.service")
	if failure, ok := err.(*steps.Failure); !ok || failure.Code != "N06" {
		t.Errorf("got %v", err)
	}
}

func TestOneBadSiteDoesNotKeepTheOthersDownAtStart(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	leaf := h.store("a.test", app(t))
	h.storeSite("b.test", "http://127.0.0.1:3000") // has no certificate
	u := h.start().ready()
	if got := u.leaf("a.test"); got != leaf {
		t.Errorf("a.test: %s", got)
	}
	if s := u.status(); s.Error == "" || s.Hash != "" || !strings.Contains(s.Error, "b.test") {
		t.Errorf("nothing is said of b.test: %+v", s)
	}
}

func TestNothingToServeIsAFailure(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.storeSite("b.test", "http://127.0.0.1:3000")
	err := <-h.start().ended
	if failure, ok := err.(*steps.Failure); !ok || !strings.Contains(err.Error(), "cannot serve any of the stored sites") || len(failure.Fixes) == 0 {
		t.Errorf("got %v", err)
	}
}

func TestAccessLogLine(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start().ready()
	conn, err := net.Dial("tcp", u.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /x?secret=1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if want := "https://a.test:" + portOfAddress(u.secure) + "/x?secret=1"; response.Header.Get("Location") != want {
		t.Errorf("redirects to %s, want %s", response.Header.Get("Location"), want)
	}
	u.wait(func() bool { return strings.Contains(u.out.String(), `"a.test"`) })
	var line accessLine
	dec := json.NewDecoder(bytes.NewReader([]byte(u.out.String())))
	for dec.Decode(&line) == nil && line.Site == "" {
	}
	if line.Path != "/x" || line.Status != 301 || line.Scheme != "http" || strings.Contains(u.out.String(), "secret") {
		t.Errorf("%s", u.out)
	}
}

func TestControlSocketIsPrivateAndReplaced(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u := h.start().ready()
	info, err := os.Stat(u.control)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	stale := filepath.Join(t.TempDir(), "c.sock")
	killed, err := listenPrivate(stale)
	if err != nil {
		t.Fatal(err)
	}
	killed.(*net.UnixListener).SetUnlinkOnClose(false)
	killed.Close()
	again := newTree(t)
	again.store("a.test", app(t))
	second := again.start(func(o *ServeOptions) { o.Control = stale })
	second.control = stale
	second.ready()
}

func TestSocketsOfSystemd(t *testing.T) {
	t.Parallel()
	env := func(values map[string]string) func(string) string { return func(k string) string { return values[k] } }
	for name, values := range map[string]map[string]string{
		"none":          {},
		"another's":     {"LISTEN_FDS": "2", "LISTEN_PID": "1", "LISTEN_FDNAMES": "http:https"},
		"not a number":  {"LISTEN_FDS": "x", "LISTEN_PID": "1"},
		"empty of ours": {"LISTEN_FDS": "0", "LISTEN_PID": pid()},
	} {
		if _, err := openListeners(steps.ServeRequest{}, env(values)); err == nil || !strings.HasPrefix(err.Error(), "cannot serve") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fullListener has no file descriptor left for the first connections.
type fullListener struct {
	net.Listener
	left atomic.Int32
}

func (l *fullListener) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestControlSocketOutlivesAFlood: clients that use up the file descriptors must not keep reloads away for good.
func TestControlSocketOutlivesAFlood(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	full := &fullListener{Listener: l}
	full.left.Store(2)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newDaemon(ServeOptions{Out: io.Discard, Err: io.Discard}).answer(full)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := AskStatus(ctx, path); err != nil {
		t.Error(err)
	}
	l.Close()
	<-ended
}

// TestOnlyFilesAreSites: a pipe among the sites is not read, for that would never end.
func TestOnlyFilesAreSites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, make := range map[string]func(string) error{
		"a.test.yaml": func(p string) error { return os.WriteFile(p, []byte("a"), 0o600) },
		"b.test.yaml": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"c.test.yaml": func(p string) error { return os.Mkdir(p, 0o700) },
		"d.test.yaml": func(p string) error { return os.Symlink("a.test.yaml", p) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan map[string][]byte, 1)
	go func() {
		files, _ := (&folder{sites: dir}).SiteFiles()
		got <- files
	}()
	select {
	case files := <-got:
		if len(files) != 1 || string(files[filepath.Join(dir, "a.test.yaml")]) != "a" {
			t.Errorf("%q", files)
		}
	case <-time.After(patience):
		t.Fatal("it waits for the pipe")
	}
}

// TestOnlySocketsAreReplaced: root who mistypes the path of a socket loses no file.
func TestOnlySocketsAreReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := listenPrivate(path); err == nil {
		l.Close()
		t.Error("opened where a file was")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file is gone: %v", err)
	}
}

// TestWhatTheServiceSaysIsBounded: who has taken over the service can say anything to root.
func TestWhatTheServiceSaysIsBounded(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var loads atomic.Uint64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = json.NewEncoder(conn).Encode(Status{Loads: loads.Add(1), Error: "\x1b[2J\nDone.\u009b" + strings.Repeat("é", 1<<20)})
			conn.Close()
		}
	}()
	h.reload = func() {}
	err = (&Runtime{control: path, within: patience}).Reload(t.Context(), h, "sslwizard-proxy.service")
	if err == nil || len(err.Error()) > 2*maxShown || strings.ContainsAny(err.Error(), "\x1b\n\u009b") {
		t.Errorf("said %.300q", fmt.Sprint(err))
	}
	if s, err := AskStatus(t.Context(), path); err != nil || s.Error == "" || len(s.Error) > 2*maxShown || strings.ContainsAny(s.Error, "\x1b\n\u009b") {
		t.Errorf("the status says %.300q, %v", s.Error, err)
	}
}
