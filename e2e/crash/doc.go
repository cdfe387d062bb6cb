//go:build linux && amd64

// Crash proves that a change of a server ends in two ways only: exactly as before, or exactly as asked. It kills sslwizard
// at every system call that changes a file, kills its recovery too, has each of these calls fail, and compares the whole
// tree each time: contents, modes, owners, attributes, links, and the times of what nobody touched; packages, units, users
// and firewall rules are files of that tree. Then it breaks the transaction on purpose, in many places, and has to see it.
//
//	sudo go run ./e2e/crash                a slice, as CI runs it
//	sudo go run ./e2e/crash -full          the whole
//	sudo go run ./e2e/crash -full -write   and its figures into docs/crash.md
package main
