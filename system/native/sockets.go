package native

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// listeners are the sockets that are served.
type listeners struct {
	http, https []net.Listener
	http3       []net.PacketConn
}

func (l listeners) all() []net.Listener {
	return append(append([]net.Listener(nil), l.http...), l.https...)
}

func (l listeners) close() {
	for _, one := range l.all() {
		_ = one.Close()
	}
	for _, one := range l.http3 {
		_ = one.Close()
	}
}

// openListeners opens the addresses that were asked for or, when there are none, takes the sockets that systemd has
// passed; a program that follows another takes those of the other.
func openListeners(r steps.ServeRequest, getenv func(string) string) (l listeners, err error) {
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if len(r.HTTP)+len(r.HTTPS) == 0 || getenv(handoverEnv) != "" {
		return passedListeners(getenv)
	}
	if l.http, err = listenAll(r.HTTP); err != nil {
		return l, err
	}
	if l.https, err = listenAll(r.HTTPS); err != nil {
		return l, err
	}
	l.http3, err = listenPackets(r.HTTP3)
	return l, err
}

func listenPackets(addresses []string) ([]net.PacketConn, error) {
	var all []net.PacketConn
	for _, address := range addresses {
		one, err := net.ListenPacket("udp", address)
		if err != nil {
			return all, &steps.Failure{Text: "cannot listen on " + steps.CleanLine(address) + " of UDP", Err: err,
				Fixes: []string{"sudo ss -lunp    shows who holds the port"}}
		}
		all = append(all, one)
	}
	return all, nil
}

func listenAll(addresses []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, address := range addresses {
		one, err := net.Listen("tcp", address)
		if err != nil {
			return all, &steps.Failure{Text: "cannot listen on " + steps.CleanLine(address), Err: err,
				Fixes: []string{"sudo ss -ltnp    shows who holds the port"}}
		}
		all = append(all, one)
	}
	return all, nil
}

// firstPassed is the file descriptor of the first passed socket (sd_listen_fds(3)).
const firstPassed = 3

// passedListeners takes the sockets that the service manager has opened, by the names in their units.
func passedListeners(getenv func(string) string) (listeners, error) {
	var l listeners
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) && getenv(handoverEnv) == "" {
		return l, &steps.Failure{Text: "cannot serve: systemd has passed no sockets, and no addresses were given", Fixes: []string{
			"sudo systemctl start sslwizard-proxy.service    serves the stored sites",
			"sslwizard serve --http 127.0.0.1:8080 --https 127.0.0.1:8443    serves them elsewhere",
		}}
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	for i := range count {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		if err := l.take(firstPassed+i, name); err != nil {
			return l, err
		}
	}
	if len(l.http) == 0 || len(l.https) == 0 {
		return l, errors.New("cannot serve: systemd has passed no socket for http, or none for https")
	}
	return l, nil
}

// take uses a passed socket as its name says.
func (l *listeners) take(fd int, name string) (err error) {
	unix.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), name)
	defer file.Close() // what is made of it has a copy
	switch name {
	case "http":
		l.http, err = appended(l.http, net.FileListener, file)
	case "https":
		l.https, err = appended(l.https, net.FileListener, file)
	case "http3":
		l.http3, err = appended(l.http3, net.FilePacketConn, file)
	default:
		err = errors.New("its name is neither http, https nor http3")
	}
	if err != nil {
		return fmt.Errorf("cannot use the passed socket %q: %w", steps.CleanLine(name), err)
	}
	return nil
}

func appended[T any](all []T, from func(*os.File) (T, error), file *os.File) ([]T, error) {
	one, err := from(file)
	if err != nil {
		return all, err
	}
	return append(all, one), nil
}

// portOf is the port that redirects name when the addresses were given: where nothing was given it is the usual one.
func portOf(addresses []string) int {
	for _, a := range addresses {
		if _, port, err := net.SplitHostPort(a); err == nil {
			n, _ := strconv.Atoi(port)
			return n
		}
	}
	return 0
}

// reach is where this host reaches its own listener.
func reach(l net.Listener) string {
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil || !at.Addr().IsUnspecified() {
		return l.Addr().String()
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if at.Addr().Is6() {
		loopback = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(loopback, at.Port()).String()
}
