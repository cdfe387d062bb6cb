package nginx

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const (
	// inARow is how often in a row a site has to serve its certificate: each handshake may meet another worker.
	inARow = 20
	// handshakes bounds the whole on hosts with very many sites; each is asked twice at least.
	handshakes = 1000
	pause      = 25 * time.Millisecond
	askLog     = 500 * time.Millisecond // how often the error log is looked into meanwhile
)

// worker is a process of nginx, told from a later one with the same number by when it started.
type worker struct {
	pid     int
	started string // field 22 of /proc/PID/stat, in clock ticks since boot
}

// workersOf are the master's workers that take connections.
func workersOf(h host.Reader, master int) []worker {
	var all []worker
	for _, word := range children(h, master) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		parent, started := stat(h, pid) // first: the title of a process of somebody else is not even read
		if parent == strconv.Itoa(master) && title(h, pid) == "nginx: worker process" {
			all = append(all, worker{pid, started})
		}
	}
	return all
}

// presentWorkers are the workers before a reload. A master that was just started has none yet: they are waited for, or they
// would be taken for new ones.
func presentWorkers(ctx context.Context, h host.Reader, master int) (all []worker) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = poll(ctx, pause, func() (bool, error) { // none at all is not for this function to judge
		all = workersOf(h, master)
		return len(all) > 0, nil
	})
	return all
}

// children are the process numbers that can be the parent's: those that the kernel lists, or all where it keeps no list
// (CONFIG_PROC_CHILDREN).
func children(h host.Reader, parent int) []string {
	if f, err := h.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent)); err == nil {
		return strings.Fields(string(f.Data))
	}
	f, err := h.ReadFile("/proc")
	if err != nil {
		return nil
	}
	return f.Entries
}

// title is how a process names itself.
func title(h host.Reader, pid int) string {
	f, err := h.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(string(f.Data), "\x00", " "), " ")
}

// stat reads the parent and the start of a process: fields 4 and 22 of /proc/PID/stat.
func stat(h host.Reader, pid int) (parent, started string) {
	f, err := h.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	text := string(f.Data)
	// Field 2 is the name, in brackets, which anybody may give a process: "x) S 812".
	if fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]); len(fields) > 19 {
		return fields[1], fields[19]
	}
	return "", ""
}

// newWorkers waits for workers that were not there before, or for nginx to have said that there will be none. What it said is only
// believed when there are still none a moment later: a visitor who knows the number of its master can write such a line.
func newWorkers(ctx context.Context, h host.Reader, master int, before []worker, said func() string) error {
	asked, told := time.Now(), false
	return poll(ctx, pause, func() (bool, error) {
		if slices.ContainsFunc(workersOf(h, master), func(w worker) bool { return !slices.Contains(before, w) }) {
			return true, nil
		}
		if time.Since(asked) < askLog {
			return false, nil
		}
		asked = time.Now()
		// A port that is taken is tried again by nginx itself, five times: until then it may still take what it was given.
		why := said()
		if why == "" || strings.Contains(why, "bind() to") {
			return false, nil
		}
		if told {
			return false, errors.New(why)
		}
		told = true
		return false, nil
	})
}

// oldRetired waits until none of these workers takes connections any more: until then a visitor may still meet the old
// configuration. The kernel gives a new connection to any of the workers that listen.
func oldRetired(ctx context.Context, h host.Reader, master int, before []worker) error {
	return poll(ctx, pause, func() (bool, error) {
		return !slices.ContainsFunc(workersOf(h, master), func(w worker) bool { return slices.Contains(before, w) }), nil
	})
}

// served waits until every site of ours serves the certificate that its file names, inARow times in a row. After settled a wrong
// answer is the last word; one that is only late is waited for.
func (r Runtime) served(ctx context.Context, h host.Reader, settled time.Time) error {
	servers, err := r.ourServers(h)
	if err != nil || len(servers) == 0 {
		return err
	}
	times := max(2, min(inARow, handshakes/len(servers)))
	for _, s := range servers {
		want, err := leafOf(h, r.root+s.file)
		if err != nil {
			return err
		}
		for _, address := range r.addresses(s) {
			if err := serves(ctx, settled, s.name, address, want, times); err != nil {
				return err
			}
		}
	}
	return nil
}

// addresses are where the server has to answer.
func (r Runtime) addresses(s ourServer) []string {
	if s.v6 {
		return r.https
	}
	return r.https[:1]
}

func serves(ctx context.Context, settled time.Time, name, address, want string, times int) error {
	row, last := 0, error(nil)
	err := poll(ctx, pause, func() (bool, error) {
		for row < times {
			got, err := servedLeaf(ctx, name, address)
			if noIPv6(err) {
				return true, nil
			}
			if err == nil && got != want {
				err = errors.New("it is another certificate")
			}
			if err != nil {
				if row = 0; last == nil || !late(ctx, err) {
					last = err
				}
				if !late(ctx, err) && time.Now().After(settled) {
					return false, err
				}
				return false, nil
			}
			row++
		}
		return true, nil
	})
	if err == nil {
		return nil
	}
	return &steps.Failure{
		Text: fmt.Sprintf("cannot see the certificate of %s at %s after the reload", name, address), Code: "N06",
		Err: cmp.Or(last, err), Fixes: []string{"systemctl status " + Unit},
	}
}

// late reports an error that is about the time, which says less than the one before it. A dial can meet the deadline a
// moment before the context does.
func late(ctx context.Context, err error) bool {
	var timeout net.Error
	return ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout()
}

// noIPv6 reports a host without the address ::1: a socket on [::] can be opened there all the same.
func noIPv6(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot assign requested address")
}

// servedLeaf makes one handshake and returns the SHA-256 of the leaf in hex.
func servedLeaf(ctx context.Context, name, address string) (string, error) {
	sni := concrete(steps.Domain(strings.Trim(name, "[]")))
	d := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: patience},
		Config:    &tls.Config{ServerName: sni, InsecureSkipVerify: true}, // the leaf itself is compared
	}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	sum := sha256.Sum256(c.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:]), nil
}
