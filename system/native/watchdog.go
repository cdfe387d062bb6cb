package native

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// watchdogHost is the name that the service asks itself for; nobody serves it (RFC 6761 section 6.4).
const watchdogHost = "watchdog.sslwizard.invalid"

// watchdogPath is what it asks for. Nobody else knows it, so that nobody can keep out of the access log by naming
// watchdogHost.
var watchdogPath = "/" + rand.Text()

// watchdog tells the service manager that all is well, only after a request to each of its own sockets was answered: a
// service that hangs is restarted.
func (d *daemon) watchdog(ctx context.Context, l listeners) {
	if d.notify.watchdog <= 0 {
		return
	}
	ticker := time.NewTicker(d.notify.watchdog / 3)
	defer ticker.Stop()
	for {
		if err := d.askSelf(ctx, l, d.notify.watchdog/3); err == nil {
			d.notify.send("WATCHDOG=1")
		} else if ctx.Err() == nil {
			d.log.Error("cannot reach myself", "error", oneLine(err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// askSelf asks every socket.
func (d *daemon) askSelf(ctx context.Context, l listeners, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, one := range l.http {
		if err := askPlain(ctx, reach(one)); err != nil {
			return err
		}
	}
	name, leaf := askable(d.server.Status().Leaves)
	for _, one := range l.https {
		if name == "" {
			if err := askAnything(ctx, reach(one)); err != nil {
				return err
			}
		} else if err := askSecure(ctx, reach(one), name, leaf); err != nil {
			return err
		}
	}
	return nil
}

// askable picks a site that can be asked for by name; a site that is named by its address cannot, as loopback is not
// its address and SNI has no addresses.
func askable(leaves map[string]string) (site, leaf string) {
	for _, name := range slices.Sorted(maps.Keys(leaves)) {
		if _, isIP := steps.Domain(name).IP(); !isIP {
			return name, leaves[name]
		}
	}
	return "", ""
}

// askAnything wants a handshake, or the alert that refuses one: either shows that the service answers.
func askAnything(ctx context.Context, address string) error {
	_, err := servedLeaf(ctx, address, "")
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" { // crypto/tls: an alert of the peer
		return nil
	}
	return err
}

// askPlain wants the answer for a name that is not served.
func askPlain(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := io.WriteString(conn, "GET "+watchdogPath+" HTTP/1.1\r\nHost: "+watchdogHost+"\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("%s answered %d", address, response.StatusCode)
	}
	return nil
}

// errLeaf is another certificate than the expected one.
var errLeaf = errors.New("it served another certificate")

// askSecure makes a handshake for the site and wants its leaf. The name of a site is its first domain.
func askSecure(ctx context.Context, address, site, leaf string) error {
	name := site
	if parent, ok := strings.CutPrefix(name, "_wildcard."); ok {
		name = "sslwizard." + parent
	}
	served, err := servedLeaf(ctx, address, name)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if served != leaf {
		return fmt.Errorf("%s: %w", address, errLeaf)
	}
	return nil
}

// servedLeaf is the fingerprint of the certificate that is served for the name. Nothing is sent over the connection,
// so it does not matter who is at its other end; the fingerprint is what is compared.
func servedLeaf(ctx context.Context, address, name string) (string, error) {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // see above
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	sum := sha256.Sum256(chain[0].Raw)
	return hex.EncodeToString(sum[:]), nil
}
