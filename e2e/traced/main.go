//go:build linux && amd64

// Traced runs a program and writes down each system call of it, and of all that it starts, that can change a file:
//
//	traced [-kill N] FILE PROGRAM [ARGUMENT…]
//
// It ends with the status of the program; with -kill the program, and all that it started, is killed before the N-th of these
// calls, and the status is 137.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
)

func main() {
	kill := flag.Int("kill", 0, "kill it before this call")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: traced [-kill N] FILE PROGRAM [ARGUMENT…]")
		os.Exit(64)
	}
	r, err := trace.Run(context.Background(), trace.Order{Argv: flag.Args()[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Kill: *kill})
	if err == nil {
		var lines strings.Builder
		for _, c := range r.Calls {
			fmt.Fprintln(&lines, c)
		}
		err = os.WriteFile(flag.Arg(0), []byte(lines.String()), 0o600)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "traced:", err)
		os.Exit(70)
	case r.Killed:
		os.Exit(137)
	}
	os.Exit(r.Status)
}
