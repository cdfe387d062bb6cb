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
	home, err := os.MkdirTemp("", "sslwizard-browser-")
	if err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	c.w.t.Cleanup(func() { _ = os.RemoveAll(home) })
	store := "sql:" + filepath.Join(home, ".pki/nssdb")
	if err := os.MkdirAll(filepath.Join(home, ".pki/nssdb"), 0o700); err != nil {
		c.w.t.Fatalf("client: %v", err)
	}
	must(c.w.t, "certutil", "-d", store, "-N", "--empty-password")
	must(c.w.t, "certutil", "-d", store, "-A", "-t", "C,,", "-n", "the CA of this world", "-i", c.w.CA.Root())

	// As root Chromium runs without its sandbox only; without the other flags it asks its maker's hosts all the time.
	argv := c.host.in("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+home, url)
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
