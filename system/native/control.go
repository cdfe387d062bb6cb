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
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// The control socket is in the runtime folder of the service, which only its user and root may enter.
const controlName = "control.sock"

// ControlSocket is where the service of this host answers.
const ControlSocket = steps.RuntimeDir + "/proxy/" + controlName

// Status is what the service says about itself over its control socket: connect, and read one JSON object.
type Status struct {
	proxy.Status
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Loads   uint64    `json:"loads"` // configurations that were read, taken or not
	Hash    string    `json:"hash"`  // of what is served; empty when a stored site could not be served
	Error   string    `json:"error"` // why the last load was not taken; empty when it was
}

func (d *daemon) status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Status{
		Status: d.server.Status(), PID: os.Getpid(), Started: d.started, Loads: d.reloads, Hash: d.hash, Error: d.lastErr,
	}
}

// listenControl answers everybody who connects with the status, until the listener is closed.
func (d *daemon) listenControl(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a service that was killed
		return nil, fmt.Errorf("cannot replace the control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot protect the control socket: %w", err)
	}
	go d.answer(l)
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

// AskStatus asks the service that has its control socket at path.
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
	return s, nil
}
