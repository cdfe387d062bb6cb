// Package trace runs a program with everything that it starts and sees each of its system calls that can change a file,
// one after the other over all threads and processes. It can end the program before or after any of them, have any of
// them fail, and tell what all of them were, with their data.
//
// How it sees them: the program is the child of ptrace, and gets a seccomp filter before its first instruction, which
// stops it at these calls and at no other. A call that was let go is waited for before the next one is: so there is one
// order, and between two numbers nothing changes. What runs in a container, or before the program, is not seen.
//
// It needs root, Linux 4.8 or later, and amd64.
package trace
