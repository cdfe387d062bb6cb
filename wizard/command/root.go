// Package command is sslwizard's command line: the tree of commands, their flags and the printers for people (text),
// programs (json, one object a line) and patches (diff). It speaks only the language of package steps; the machine
// behind it is an interface.
package command

import (
	"context"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard"
)

// App is one invocation of sslwizard: its streams, its environment and the machine.
type App struct {
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Machine opens the host. It must be cheap: nothing is read yet.
	Machine func(MachineOptions) Machine
	// Screens shows the wizard on this process's terminal, Lines asks the same in lines; both return the exit status.
	Screens func(context.Context, wizard.Machine, wizard.Options) int
	Lines   func(context.Context, wizard.Machine, wizard.Options) int
	// ReadFile reads a file that the user named.
	ReadFile func(path string) ([]byte, error)
	// Interactive says whether stdin and stdout are terminals.
	Interactive bool
	// Called is how the program has to be typed in what is said to the user; the zero value is its bare name.
	Called Called
	// Root says whether this process may change the server.
	Root bool
	// Width is the number of columns of the terminal, 0 when there is none.
	Width int
	// Fault keeps the record of a fault of our own, and returns the file; empty: it could not.
	Fault func(trace string) string
	// Env looks up a presentation variable (NO_COLOR, LANG).
	Env func(string) string

	flags globals
	args  []string
	out   printer // made when the first line is printed
}

// globals are the flags that every command has.
type globals struct {
	output  string
	root    string
	replace []string
	booting bool
	color   string
	ascii   bool
	plain   bool
}

// Run parses args, does what they say, prints the outcome and returns the exit status (steps/exit.go).
func (a *App) Run(ctx context.Context, args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			status = a.finish(a.fault(r, debug.Stack()))
		}
	}()
	a.args = args
	root := a.tree()
	root.SetArgs(args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	err := root.ExecuteContext(ctx)
	return a.finish(err)
}

func (a *App) tree() *cobra.Command {
	root := a.rootCommand()
	root.Version = a.Version
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetVersionTemplate("sslwizard {{.Version}}\n")
	root.SetFlagErrorFunc(wrongFlag)
	root.CompletionOptions.HiddenDefaultCmd = true

	f := root.PersistentFlags()
	f.StringVarP(&a.flags.output, "output", "o", "text", "print text, json (one object a line) or diff")
	f.StringVar(&a.flags.root, "root-dir", "", "treat this folder as / (tests)")
	f.StringArrayVar(&a.flags.replace, "replace", nil, "overwrite this file although somebody edited it (may be repeated)")
	f.StringVar(&a.flags.color, "color", "auto", "auto, always or never")
	f.BoolVar(&a.flags.ascii, "ascii", false, "draw with ASCII only")
	f.BoolVar(&a.flags.plain, "plain", false, "plain lines, no screens")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return a.checkGlobals() }

	root.AddCommand(a.probeCommand(), a.doctorCommand(), a.statusCommand(), a.undoCommand(), a.removeCommand(), a.uninstallCommand(),
		a.renewCommand(), a.attachCommand(), a.caCommand(), a.notifyCommand(), a.accountCommand(), a.revokeCommand(), a.answersCommand(), a.demoCommand(), a.serveCommand())
	for _, c := range root.Commands() {
		c.SuggestFor = otherNames[c.Name()]
	}
	root.SetHelpTemplate(a.help())
	root.SetHelpCommand(a.helpCommand())
	_ = f.MarkHidden("root-dir")
	plainUsage(root)
	return root
}

func (a *App) checkGlobals() error {
	if !oneOf(a.flags.output, "text", "json", "diff") {
		return usageError("--output is \"" + steps.CleanLine(a.flags.output) + "\"; it can be text, json or diff")
	}
	if !oneOf(a.flags.color, "auto", "always", "never") {
		return usageError("--color is \"" + steps.CleanLine(a.flags.color) + "\"; it can be auto, always or never")
	}
	return nil
}

func oneOf(s string, all ...string) bool {
	for _, x := range all {
		if s == x {
			return true
		}
	}
	return false
}

func (a *App) machine() Machine {
	return a.Machine(MachineOptions{Root: a.flags.root, Replace: a.flags.replace, Booting: a.flags.booting})
}
