// Sslwizard turns "my app runs on port 3000" into HTTPS and WSS that are proven to work.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system"
	"github.com/c93d5bcb/sslwizard/system/caller"
	"github.com/c93d5bcb/sslwizard/wizard"
	"github.com/c93d5bcb/sslwizard/wizard/command"
)

// version is set by the release build.
var version = ""

// untilSignal is a context until somebody interrupts us, or tells us to end.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if <-signals == syscall.SIGTERM {
			cancel(wizard.ErrTerminated)
		}
		cancel(nil)
	}()
	return ctx
}

func main() {
	syscall.Umask(0o077) // nothing that we make is ever readable by accident; modes are set where they are wanted
	cleanEnvironment()
	signal.Ignore(syscall.SIGHUP) // a lost terminal does not stop a run half-way
	ctx := untilSignal()
	app := &command.App{
		Version: buildVersion(),
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Machine: func(o command.MachineOptions) command.Machine {
			return system.New(system.Options{Root: o.Root, Replace: o.Replace, Booting: o.Booting, Version: buildVersion()})
		},
		Screens: func(ctx context.Context, m wizard.Machine, o wizard.Options) int {
			return wizard.Run(ctx, os.Stdin, os.Stdout, m, o)
		},
		Lines: func(ctx context.Context, m wizard.Machine, o wizard.Options) int {
			return wizard.Plain(ctx, os.Stdin, os.Stdout, m, o)
		},
		ReadFile:    readFile,
		Fault:       keepFault,
		Interactive: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())),
		Called:      called(),
		Root:        os.Geteuid() == 0,
		Width:       columns(),
		Env:         caller.Env(os.Getenv),
	}
	os.Exit(app.Run(ctx, os.Args[1:]))
}

// keepFault stores the record of a fault of our own where nobody else can read it or has put a link.
func keepFault(record string) string {
	f, err := os.CreateTemp("", "sslwizard-fault-*.txt")
	if err != nil {
		return ""
	}
	defer f.Close()
	if _, err := f.WriteString(record); err != nil {
		return ""
	}
	return f.Name()
}

// readFile reads as much of a file as can be of any use: answers are short, and what somebody else's link leads to may have
// no end.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, steps.MaxAnswers+1))
}

func called() command.Called {
	file, err := os.Executable()
	if err != nil {
		return command.Called{}
	}
	return command.HowCalled(os.Args[0], file, os.Getenv("PATH"))
}

// columns is the width of the terminal, 0 when standard output is none: what a program reads is never wrapped.
func columns() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// cleanEnvironment drops what could redirect a root process: proxies, other trust stores, the settings of the ACME
// library, the runtime's debug switches. Each of them that we support is a flag or an answer.
func cleanEnvironment() {
	if os.Geteuid() != 0 {
		return
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if dangerous(strings.ToUpper(name)) {
			_ = os.Unsetenv(name)
		}
	}
}

func dangerous(name string) bool {
	switch name {
	case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "TMPDIR", "GODEBUG", "GOTRACEBACK", "SSL_CERT_FILE", "SSL_CERT_DIR", "RES_OPTIONS", "LOCALDOMAIN":
		return true
	}
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "LEGO_")
}

// buildVersion is the release's, or what the Go tool knows of the commit.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
