package inspect

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

const tcpHeader = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// tcpLine is a line of /proc/net/tcp or tcp6 as the kernel prints it.
func tcpLine(address, state, inode string) string {
	return fmt.Sprintf("   0: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %s 1 0000000000000000 100 0 0 10 0\n",
		address, state, inode)
}

func TestParseTCP(t *testing.T) {
	t.Parallel()
	text := tcpHeader + tcpLine("0100007F:0050", "0A", "11") + tcpLine("00000000:01BB", "0A", "12") +
		tcpLine("0100007F:1F90", "01", "13") + // established
		tcpLine("00000000000000000000000001000000:0050", "0A", "14") +
		tcpLine("B80D0120000000000000000001000000:0050", "0A", "15") + "nonsense\n" + tcpLine("XX:0050", "0A", "16")
	got := parseTCP(text)
	want := []socket{{netip.MustParseAddr("127.0.0.1"), 80, "11"}, {netip.MustParseAddr("0.0.0.0"), 443, "12"},
		{netip.MustParseAddr("::1"), 80, "14"}, {netip.MustParseAddr("2001:db8::1"), 80, "15"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestUnitOf(t *testing.T) {
	t.Parallel()
	for cgroup, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                                               "nginx.service",
		"12:pids:/x.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n":           "ssh.service",
		"0::/system.slice/docker-0123abcd.scope\n":                                       "docker-0123abcd.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/node.service/worker": "node.service of user 1000",
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope":                    "init.scope of user 1000",
		"0::/user.slice/user-1000.slice/user@1000.service/x; reboot #.service":           "user@1000.service",
		"0::/user.slice/user-1000.slice/session-3.scope":                                 "session-3.scope",
		"0::/machine.slice/machine-web.scope/payload/system.slice/nginx.service":         "machine-web.scope",
		"0::/system.slice/app@1.service/sslwizard-proxy.service":                         "app@1.service",
		`0::/system.slice/my\x2dapp.service`:                                             `my\x2dapp.service`,
		"0::/\n":                                                                         "", "": "", "1:cpu:/a.service\n": "",
	} {
		if got := unitOf(cgroup); got != want {
			t.Errorf("%q is %q, want %q", cgroup, got, want)
		}
	}
}

// A user who calls a unit of theirs as ours is called is not taken for us.
func TestUnitsOfUsersAreNotOurs(t *testing.T) {
	t.Parallel()
	for cgroup, ours := range map[string]bool{
		"0::/system.slice/sslwizard-proxy.service\n":                                           true,
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/sslwizard-proxy.service\n": false,
	} {
		h := systemtest.New(t)
		h.File("/proc/7/cgroup", cgroup)
		h.File("/proc/7/comm", "node\n")
		l := steps.Listener{PID: 7, Port: steps.Port{Number: 3000, Proto: "tcp"}}
		(&inspector{host: h}).describe(&l, nil)
		if l.Ours != ours {
			t.Errorf("%q: %+v", cgroup, l)
		}
	}
}

func TestParseSockets(t *testing.T) {
	t.Parallel()
	got := parseSockets("[::]:22                  ssh.socket                 ssh.service\n" +
		"0.0.0.0:80               sslwizard-proxy.socket     sslwizard-proxy.service\n" +
		"/run/dbus/socket         dbus.socket                dbus.service\nkobject-uevent 1         systemd-udevd.socket      x\n")
	if len(got) != 2 || got[netip.MustParseAddrPort("[::]:22")] != "ssh.socket" ||
		got[netip.MustParseAddrPort("0.0.0.0:80")] != "sslwizard-proxy.socket" {
		t.Errorf("got %v", got)
	}
}

// process puts a process that holds sockets on the machine.
func process(h *systemtest.Host, pid int, comm, exe, unit string, inodes ...string) {
	dir := fmt.Sprintf("/proc/%d", pid)
	h.File(dir+"/comm", comm+"\n")
	h.Link(dir+"/exe", exe)
	h.File(dir+"/cgroup", "0::/system.slice/"+unit+"\n")
	h.Link(dir+"/fd/0", "/dev/null")
	for i, inode := range inodes {
		h.Link(fmt.Sprintf("%s/fd/%d", dir, i+3), "socket:["+inode+"]")
	}
}

func TestListenersAreNamed(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	d := h.Debian()
	d.Installed["apache2-bin"] = systemtest.Package{Files: map[string]string{"/usr/sbin/apache2": ""}}
	h.File("/proc/net/tcp", tcpHeader+tcpLine("00000000:0050", "0A", "80")+tcpLine("00000000:01BB", "0A", "443")+
		tcpLine("0100007F:0BB8", "0A", "3000"))
	h.File("/proc/net/tcp6", tcpHeader+tcpLine("00000000000000000000000000000000:0016", "0A", "22"))
	process(h, 1, "systemd", "/usr/lib/systemd/systemd", "init.scope", "443", "22")
	process(h, 700, "apache2", "/usr/sbin/apache2 (deleted)", "apache2.service", "80")
	process(h, 701, "apache2", "/usr/sbin/apache2", "apache2.service", "80") // a worker
	process(h, 900, "sslwizard", "/usr/local/bin/sslwizard", "sslwizard-proxy.service", "443")
	process(h, 1200, "node\x1b[2J", "/usr/bin/node", "app.service", "3000")
	h.Answer(func(c host.Command) (host.Output, bool) { // ssh is socket-activated and does not run
		return systemtest.Stdout("[::]:22 ssh.socket ssh.service\n0.0.0.0:443 sslwizard-proxy.socket sslwizard-proxy.service\n"),
			len(c.Argv) > 1 && c.Argv[1] == "list-sockets"
	})
	tcp := func(n int) steps.Port { return steps.Port{Number: n, Proto: "tcp"} }
	want := []steps.Listener{
		{Port: tcp(22), Address: netip.IPv6Unspecified(), PID: 1, Process: "systemd", Unit: "ssh.socket"},
		{Port: tcp(80), Address: netip.IPv4Unspecified(), PID: 700, Process: "apache2", Unit: "apache2.service", Package: "apache2-bin"},
		{Port: tcp(443), Address: netip.IPv4Unspecified(), PID: 900, Process: "sslwizard", Unit: "sslwizard-proxy.service", Ours: true},
		{Port: tcp(3000), Address: netip.MustParseAddr("127.0.0.1"), PID: 1200, Process: "node␛[2J", Unit: "app.service"},
	}
	if got := inspectorOf(t, h, true).listeners(); !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// What cannot be seen without root is still a listener, with its unit when systemd owns it.
func TestListenersWithoutRoot(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	h.File("/proc/net/tcp", tcpHeader+tcpLine("00000000:0050", "0A", "80")+tcpLine("00000000:01BB", "0A", "443"))
	h.Tool(systemtest.Stdout("0.0.0.0:80 sslwizard-proxy.socket sslwizard-proxy.service\n"), "systemctl", "list-sockets")
	got := inspectorOf(t, h, false).listeners()
	if len(got) != 2 || got[0].Unit != "sslwizard-proxy.socket" || !got[0].Ours || got[1].Unit != "" || got[1].PID != 0 {
		t.Errorf("got %+v", got)
	}
}

// A real socket of this test is found in the real /proc.
func TestOwnListenerIsFound(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	got := inspectorOf(t, host.New(""), os.Geteuid() == 0).listeners()
	i := slices.IndexFunc(got, func(l steps.Listener) bool { return l.Port.Number == port })
	if i < 0 || got[i].PID != os.Getpid() || got[i].Process == "" || got[i].Address != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("port %d of process %d is not in %+v", port, os.Getpid(), got)
	}
}
