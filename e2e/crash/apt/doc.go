//go:build linux && amd64

// Package apt kills the real apt, with the dpkg that it runs, while it installs packages for a run of sslwizard, and sees
// that the run takes back all of it: apt and dpkg work in a folder of their own, on packages that are made for it.
package apt
