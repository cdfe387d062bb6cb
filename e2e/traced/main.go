//go:build linux && amd64

// Traced runs a program and writes down each system call of it, and of all that it starts, that can change a file:
//
//	traced FILE PROGRAM [ARGUMENT…]
//
// It ends with the status of the program.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: traced FILE PROGRAM [ARGUMENT…]")
		os.Exit(64)
	}
	r, err := trace.Run(context.Background(), trace.Order{Argv: os.Args[2:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err == nil {
		var lines strings.Builder
		for _, c := range r.Calls {
			fmt.Fprintln(&lines, c)
		}
		err = os.WriteFile(os.Args[1], []byte(lines.String()), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "traced:", err)
		os.Exit(70)
	}
	os.Exit(r.Status)
}
