package proxy

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
)

// logged wants one line in the log for the owner, of this row.
func (i *instance) logged(t *testing.T, row string) {
	t.Helper()
	toldOf(t, row, i.log.String())
}

var logLine = regexp.MustCompile(`level=WARN msg="([^"]*)" code=(\S+) do="((?:[^"\\]|\\.)*)"`)

// toldOf finds the one line of this row in a log. The service goes on: it has no exit status but that of success.
func toldOf(t *testing.T, row, log string) {
	t.Helper()
	found := logLine.FindAllStringSubmatch(log, -1)
	if len(found) != 1 || found[0][2] != row {
		t.Fatalf("%d lines for the owner, want one of %s:\n%s", len(found), row, log)
	}
	failures.Seen(t, row, failures.Said{Code: row, Cause: found[0][1], Next: []string{found[0][3]}, Exit: steps.ExitOK})
}

// TestWhatTheDrainCutsIsTold (W14): the time of a drain is over, and a WebSocket is still open.
func TestWhatTheDrainCutsIsTold(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	socket(t, i.dialTLS(t, "a.test"), "a.test", "/ws")
	waitFor(t, func() bool { return i.Status().WebSockets == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := i.Shutdown(ctx); err == nil {
		t.Error("nothing was cut")
	}
	i.logged(t, "W14")
}

// narrowChild is set in a process of this test that may open few files.
const narrowChild = "SSLWIZARD_TEST_NARROW"

// serveNarrow serves nothing at a port that it prints, until its input ends.
func serveNarrow() {
	files, _ := strconv.Atoi(os.Getenv(narrowChild))
	limit := syscall.Rlimit{Cur: uint64(files), Max: uint64(files)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := New(Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err := s.Swap(Config{}); err != nil {
		panic(err)
	}
	fmt.Println(plain.Addr())
	go func() { _ = s.Serve([]net.Listener{plain}, nil) }()
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// TestNoFileIsFree (W12): clients hold more connections open than the process may have files. It says so once, and goes on when
// they are gone.
func TestNoFileIsFree(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), narrowChild+"=40")
	var log syncBuffer
	child.Stderr = &log
	end, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = end.Close(); _ = child.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	var held []net.Conn
	for range 60 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	waitFor(t, func() bool { return strings.Contains(log.String(), "W12") })
	for _, conn := range held {
		_ = conn.Close()
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 ") {
		t.Errorf("afterwards: %q, %v", line, err)
	}
	toldOf(t, "W12", log.String())
}
