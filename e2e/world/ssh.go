package world

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// sshKey is the client's key for every server of a world; it is made when the first account is.
func (w *World) sshKey() (private, public string) {
	w.t.Helper()
	file := w.file("ssh-key")
	if _, err := os.Stat(file); err != nil {
		must(w.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
	}
	data, err := os.ReadFile(file + ".pub")
	if err != nil {
		w.t.Fatalf("world: %v", err)
	}
	return file, string(data)
}

// Account makes an account as cloud images have it: in by key, and to root by sudo without a password. The program
// under test lies in its home.
func (s *Server) Account(name string) {
	s.w.t.Helper()
	_, public := s.w.sshKey()
	s.Must("useradd", "--create-home", "--shell", "/bin/bash", name)
	home := filepath.Join("/home", name)
	s.Write(home+"/.ssh/authorized_keys", public, 0o644)
	s.Write("/etc/sudoers.d/"+name, name+" ALL=(ALL) NOPASSWD: ALL\n", 0o440)
	s.Put(home+"/sslwizard", Program("sslwizard"), 0o755)
	s.Must("chown", "-R", name+":", home)
}

// SSH is the command with which the client logs in to an account, with a terminal, and runs a line there as it would be
// typed; it is not started yet.
func (c *Client) SSH(s *Server, name, line string) *exec.Cmd {
	c.w.t.Helper()
	argv := c.ssh("-tt", "-o", "SendEnv=LANG LC_*", name+"@"+s.Addr4().String(), line)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=")
	return cmd
}

// Login logs in anew to an account at an address and a port, and is to say so.
func (c *Client) Login(name, address string, port int) Result {
	c.w.t.Helper()
	argv := c.ssh("-o", "ConnectTimeout=8", "-p", strconv.Itoa(port), name+"@"+address, "echo logged in")
	r, err := run(argv, "", argv...)
	if err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	return r
}

// ssh is ssh with the client's key and these words.
func (c *Client) ssh(words ...string) []string {
	c.w.t.Helper()
	key, _ := c.w.sshKey()
	return c.host.in(append([]string{"ssh", "-q", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null"}, words...)...)
}

// Terminal is the command that runs a program on the server as root, for a terminal of this machine; it is not started
// yet.
func (s *Server) Terminal(argv ...string) *exec.Cmd {
	s.w.t.Helper()
	whole := s.enter(append([]string{"env", "TERM=xterm-256color"}, argv...)...)
	return exec.Command(whole[0], whole[1:]...)
}

// Cut takes the client's own connection down, as when a laptop is closed: nothing gets through, and nobody is told. Mend
// brings it back.
func (c *Client) Cut() { c.w.ip("-n " + c.host.netns + " link set eth0 down") }

// Mend undoes Cut. An interface that was down has lost its IPv6 address.
func (c *Client) Mend() {
	c.w.ip("-n " + c.host.netns + " link set eth0 up")
	c.w.ip("-n " + c.host.netns + " addr replace " + c.host.v6.String() + "/64 dev eth0 nodad")
}
