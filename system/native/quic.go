package native

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
)

// quicChanges are what the socket of HTTP/3 needs around the units of every host.
type quicChanges struct {
	before, after []steps.Change
	on            []string // keys of units that systemd has to read again
}

// http3Changes brings the socket when the first site asks for HTTP/3, and takes it away when the last one does no longer. A
// service that runs gets it, or gets rid of it, by a restart: systemd passes sockets when a service starts. The restart
// starts the socket too, between the end of the old process and the start of the new one, for a socket cannot be started
// while its service runs; the other sockets keep what comes meanwhile.
func http3Changes(sites []steps.Site, f steps.Facts) quicChanges {
	install, socket := steps.For(steps.IDInstall), socket3(f)
	switch {
	case steps.HTTP3(sites):
		return quicChanges{
			before: []steps.Change{socket.write()},
			after:  []steps.Change{steps.EnableUnit{For: install, Unit: socket.name, Start: true}},
			on:     []string{socket.key()},
		}
	case there(socket, f):
		return quicChanges{
			before: []steps.Change{
				steps.DisableUnit{For: install, Unit: socket.name},
				steps.RemoveFile{For: install, Path: socket.path()},
			},
			on: []string{socket.key()},
		}
	}
	return quicChanges{}
}

// withoutHTTP3 closes the socket when the sites that go were the last ones that have it.
func withoutHTTP3(gone []steps.Site, f steps.Facts) []steps.Change {
	rest := slices.DeleteFunc(slices.Clone(f.Managed.Sites), func(s steps.Site) bool {
		return slices.ContainsFunc(gone, func(g steps.Site) bool { return g.Name == s.Name })
	})
	if steps.HTTP3(rest) || !there(socket3(f), f) {
		return nil
	}
	unit, install := service(f, rest), steps.For(steps.IDInstall)
	quic := http3Changes(rest, f)
	return append(append(quic.before, unit.write()),
		steps.ReloadUnits{For: install, On: append(quic.on, unit.key())},
		steps.Restart{For: install, Unit: assets.ProxyService, On: []string{unit.key()}})
}

// there reports whether an earlier run wrote the unit.
func there(u unitFile, f steps.Facts) bool {
	_, ours := f.Managed.Files[u.path()]
	return ours
}

// serveHTTP3 serves HTTP/3 on the sockets. When it cannot, the rest goes on.
func (d *daemon) serveHTTP3(sockets []net.PacketConn) {
	if len(sockets) == 0 {
		return
	}
	_ = os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // it is told here
	if size := leastBuffer(sockets); size < quicBuffer {
		d.log.Warn("the kernel gives HTTP/3 small buffers, so fast uploads lose packets", "bytes", size,
			"fix", fmt.Sprintf("sysctl -w net.core.rmem_max=%d net.core.wmem_max=%[1]d", quicBuffer))
	}
	if err := d.server.ServeHTTP3(sockets); err != nil {
		d.log.Error("cannot serve HTTP/3; the rest goes on", "error", oneLine(err))
	}
}

// quicBuffer is what the socket unit asks for, too.
const quicBuffer = 8 << 20

// leastBuffer asks for large receive buffers and returns the least that a socket got.
func leastBuffer(sockets []net.PacketConn) int {
	least := quicBuffer
	for _, s := range sockets {
		conn, ok := s.(*net.UDPConn)
		if !ok {
			continue
		}
		size := 0
		raw, err := conn.SyscallConn()
		if err == nil {
			_ = raw.Control(func(fd uintptr) { size = grownBuffer(int(fd)) })
		}
		least = min(least, size)
	}
	return least
}

func grownBuffer(fd int) int {
	const overhead = 2 // of what the kernel says half is for itself, socket(7)
	size, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if size/overhead < quicBuffer {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, quicBuffer)
		size, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	}
	return size / overhead
}

// quicKeyName is a file in the runtime folder of the service.
const quicKeyName = "quic.key"

// quicKey is what a program that follows, or that starts after a crash, has in common with the one before: with it, clients
// of the other are told at once that their connections are gone. Without a runtime folder, or when the file cannot be
// had, it is another one each time.
func quicKey(getenv func(string) string) (key [32]byte) {
	dir := getenv("RUNTIME_DIRECTORY")
	if dir == "" || !slices.Contains(strings.Split(getenv("LISTEN_FDNAMES"), ":"), "http3") {
		return key
	}
	file := filepath.Join(dir, quicKeyName)
	if stored, err := os.ReadFile(file); err == nil && len(stored) == len(key) {
		return [32]byte(stored)
	}
	_, _ = rand.Read(key[:])
	if err := os.WriteFile(file+".new", key[:], 0o600); err != nil || os.Rename(file+".new", file) != nil {
		return [32]byte{}
	}
	return key
}
