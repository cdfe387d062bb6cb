package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What proxies and tools of others are taken, when they are not the machine's own.
const (
	caddyModule  = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"
	h2specModule = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
)

// build makes the program that is released, from the tree that this runs in.
func build(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("cannot find the tree: %w", err)
	}
	binary := filepath.Join(dir, "sslwizard")
	return binary, command(ctx, strings.TrimSpace(string(root)), nil, "go", "build", "-trimpath", "-o", binary, ".")
}

// findNginx takes the machine's nginx: that is what people have.
func findNginx(context.Context, string) (string, error) { return exec.LookPath("nginx") }

func findCaddy(ctx context.Context, dir string) (string, error) {
	return goInstall(ctx, dir, "caddy", caddyModule)
}

// goInstall builds a program of another module, which never enters ours.
func goInstall(ctx context.Context, dir, name, module string) (string, error) {
	return filepath.Join(dir, name), command(ctx, dir, []string{"GOBIN=" + dir, "CGO_ENABLED=0"}, "go", "install", "-trimpath", module)
}

// findHAProxy takes the machine's HAProxy, or unpacks the distribution's package and what it needs into the folder:
// nothing is installed, so no service is started.
func findHAProxy(ctx context.Context, dir string) (string, error) {
	if path, err := exec.LookPath("haproxy"); err == nil {
		return path, nil
	}
	archives, root := filepath.Join(dir, "archives"), filepath.Join(dir, "haproxy")
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return "", err
	}
	err := command(ctx, dir, nil, "apt-get", "-y", "-qq", "--download-only", "--no-install-recommends",
		"-o", "Dir::Cache::archives="+archives, "-o", "Debug::NoLocking=1", "install", "haproxy")
	if err != nil {
		return "", err
	}
	packages, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return "", err
	}
	for _, file := range packages {
		if err := command(ctx, dir, nil, "dpkg", "-x", file, root); err != nil {
			return "", err
		}
	}
	libraries, err := filepath.Glob(filepath.Join(root, "usr", "lib", "*-linux-*"))
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "haproxy.sh")
	script := fmt.Sprintf("#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/sbin/haproxy \"$@\"\n", strings.Join(libraries, ":"), root)
	return program, os.WriteFile(program, []byte(script), 0o755)
}

// command runs a program to its end; what it printed is in the error.
func command(ctx context.Context, dir string, env []string, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
