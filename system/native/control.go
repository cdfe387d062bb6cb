package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// The sockets are in the runtime folder of the service, which only its user, its group and root may enter.
const (
	runtimeDir  = steps.RuntimeDir + "/proxy/"
	controlName = "control.sock"
)

// ControlSocket is where the service of this host answers.
const ControlSocket = runtimeDir + controlName

// Status is what the service says about itself over its control socket: connect, and read one JSON object.
type Status struct {
	proxy.Status
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Loads   uint64    `json:"loads"` // configurations that were read, taken or not
	Hash    string    `json:"hash"`  // of what is served; empty when a stored site could not be served
	Error   string    `json:"error"` // why the last load was not taken; empty when it was
	// Requests have ended since Started; Failed are those of them that were answered with a status of 500 or more.
	Requests uint64 `json:"requests"`
	Failed   uint64 `json:"failed"`
}

func (d *daemon) status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Status{
		Status: d.server.Status(), PID: os.Getpid(), Started: d.started, Loads: d.reloads, Hash: d.hash, Error: d.lastErr,
	}
	s.Requests, s.Failed = d.traffic.totals()
	return s
}

// listenControl answers everybody who connects with the status, until the listener is closed.
func (d *daemon) listenControl(path string) (net.Listener, error) {
	l, err := listenPrivate(path)
	if err != nil {
		return nil, err
	}
	go d.answer(l)
	return l, nil
}

// listenPrivate opens a socket for its user alone, and for root. Only a socket is replaced: who names another file by
// mistake keeps it.
func listenPrivate(path string) (net.Listener, error) {
	name := filepath.Base(path)
	if there, err := os.Lstat(path); err == nil && there.Mode().Type() != fs.ModeSocket {
		return nil, &steps.Failure{Text: "cannot open " + steps.CleanLine(path) + ": something is there that is no socket", Status: steps.ExitUsage,
			Fixes: []string{"name a path at which nothing is"}}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a service that was killed
		return nil, fmt.Errorf("cannot replace %s: %w", name, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", name, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // when it closes, the name may be that of the program that followed
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot protect %s: %w", name, err)
	}
	return l, nil
}

// acceptPause is how long the control socket rests after it could not take a connection.
const acceptPause = 100 * time.Millisecond

// answer tells everybody who connects, until the listener is closed. Any other failure passes: when clients have used up
// the file descriptors, the service has to be there for a reload again as soon as they are gone.
func (d *daemon) answer(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			go d.tell(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(acceptPause)
		}
	}
}

func (d *daemon) tell(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_ = json.NewEncoder(conn).Encode(d.status())
}

// maxStatus bounds what is read from the control socket: a thousand sites are under 200 KB.
const maxStatus = 4 << 20

// AskStatus asks the service that has its control socket at path. The texts in what it says are cleaned and cut.
func AskStatus(ctx context.Context, path string) (Status, error) {
	var s Status
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return s, fmt.Errorf("cannot ask the native proxy for its status: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxStatus)).Decode(&s); err != nil {
		return s, fmt.Errorf("cannot understand the status of the native proxy: %w", err)
	}
	s.Error = shown(s.Error)
	return s, nil
}

// maxShown is how much is shown of what the service says of itself, in bytes. It faces the internet: what it says to root
// is somebody else's text.
const maxShown = 1000

func shown(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + " …"
	}
	return steps.CleanLine(strings.ReplaceAll(text, "\n", "; "))
}
