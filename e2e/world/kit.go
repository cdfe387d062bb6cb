package world

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kit is the folder with the programs of a run.
type kit struct{ Dir string }

// programs are built for each run, as static binaries. The first is the one under test, built as a release is.
var programs = map[string]string{
	"sslwizard": ".",
	"app":       "./e2e/app",
	"client":    "./e2e/client",
	"pebble":    "./e2e/pebble/cmd",
	"traced":    "./e2e/traced",
}

// binaryEnv names a finished sslwizard to test instead of one built from the tree: a release, for instance.
const binaryEnv = "SSLWIZARD_BINARY"

// Suites are the Debian releases that scenarios boot.
var Suites = []string{"bookworm", "trixie"}

// pack builds the programs and makes the images that are missing.
func pack() (kit, error) {
	dir, err := os.MkdirTemp("", "sslwizard-e2e-")
	if err != nil {
		return kit{}, err
	}
	k := kit{Dir: dir}
	top, err := topLevel()
	if err == nil {
		err = k.build(top)
	}
	for _, suite := range Suites {
		if err == nil {
			err = k.image(top, suite)
		}
	}
	if err != nil {
		_ = os.RemoveAll(dir)
	}
	return k, err
}

func (k kit) build(top string) error {
	for name, pkg := range programs {
		if ready := os.Getenv(binaryEnv); ready != "" && name == "sslwizard" {
			if err := os.Symlink(ready, k.path(name)); err != nil {
				return err
			}
			continue
		}
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", k.path(name), pkg)
		cmd.Dir = top
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// image has the tree of a fresh server made and remembers where it is.
func (k kit) image(top, suite string) error {
	cmd := exec.Command(filepath.Join(top, "e2e", "image"), suite)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("cannot make the %s image: %w", suite, err)
	}
	return os.Symlink(string(bytes.TrimSpace(out)), k.path("image-"+suite))
}

func (k kit) path(name string) string { return filepath.Join(k.Dir, name) }

// tools is the kit of the sandbox that we are in.
func tools() kit { return kit{Dir: os.Getenv(insideEnv)} }

// Program is the path of a program of the kit on this machine.
func Program(name string) string { return tools().path(name) }

func topLevel() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("cannot find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
