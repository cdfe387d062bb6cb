package world

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Browser is a Chromium that is open on the client.
type Browser struct {
	cmd *exec.Cmd
	out strings.Builder
}

// Browse opens a page in Chromium, as somebody whose browser trusts Pebble's root besides what it has. It stays open
// until the test ends. What the page does is seen by the application, not here.
func (c *Client) Browse(url string) *Browser {
	c.w.t.Helper()
	home := c.home()
	store := filepath.Join(home, ".pki/nssdb")
	if err := os.MkdirAll(store, 0o700); err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	must(c.w.t, "certutil", "-d", "sql:"+store, "-N", "--empty-password")
	must(c.w.t, "certutil", "-d", "sql:"+store, "-A", "-t", "C,,", "-n", "the CA of this world", "-i", c.w.CA.Root())
	return c.chromium(home, nil, url)
}

// BrowseUnder opens a page in Chromium, as somebody whose administrator has these policies in /etc/chromium/policies/managed,
// and who trusts no CA of this world. It stays open until the test ends.
func (c *Client) BrowseUnder(policies, url string) *Browser {
	c.w.t.Helper()
	// The files are laid over those of this machine for this one program only: "ip netns exec" gives it mounts of its own.
	return c.chromium(c.home(), []string{"sh", "-ec", `mount -t tmpfs policies /etc/chromium && mkdir -p /etc/chromium/policies/managed && cp "$0"/*.json /etc/chromium/policies/managed && exec "$@"`, policies}, url)
}

// home is an empty one, until the test ends.
func (c *Client) home() string {
	c.w.t.Helper()
	home, err := os.MkdirTemp("", "sslwizard-browser-")
	if err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	c.w.t.Cleanup(func() { _ = os.RemoveAll(home) })
	return home
}

func (c *Client) chromium(home string, before []string, url string) *Browser {
	c.w.t.Helper()
	// As root Chromium runs without its sandbox only; without the other flags it asks its maker's hosts all the time.
	argv := c.host.in(append(before, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+home, url)...)
	b := &Browser{cmd: exec.Command(argv[0], argv[1:]...)}
	b.cmd.Env = append(os.Environ(), "HOME="+home)
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		c.w.t.Fatalf("client: cannot start Chromium: %v", err)
	}
	c.w.t.Cleanup(func() { b.close(c.w.t) })
	return b
}

// close ends the browser and the processes that it has started.
func (b *Browser) close(t TB) {
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	_ = b.cmd.Wait()
	if t.Failed() {
		t.Logf("Chromium said:\n%s", b.out.String())
	}
}
