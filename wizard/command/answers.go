package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

func (a *App) answersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "answers",
		Short: "write, check and print answers files",
		Args:  maxArgs(0),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		a.answersLeaf("init", "print an answers file to fill in, every key explained", 0, func([]string) error {
			return a.write(steps.Template())
		}),
		a.answersLeaf("schema", "print the JSON Schema of the answers file", 0, func([]string) error {
			return a.write(steps.Schema())
		}),
		a.answersLeaf("validate FILE", "check an answers file; every error at once", 1, a.validateAnswers),
		a.answersPrint(),
		a.answersExplain(),
	)
	return c
}

// answersExplain tells what can be asked, for who reads a file without an editor that knows its schema.
func (a *App) answersExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY|STEP]",
		Short: "what a key means, and why; what you would type by hand",
		Args:  maxArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := steps.Explain(strings.Join(args, ""))
			if err != nil {
				return err
			}
			return a.write(a.prose(text))
		},
	}
}

// prose wraps the paragraphs of a Markdown text for this screen; what is to be copied is never broken.
func (a *App) prose(text []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		indent := 0
		switch {
		case strings.HasPrefix(line, "    "):
			b.WriteString(line)
			continue
		case strings.HasPrefix(line, "- "):
			indent = len("- ")
		}
		b.WriteString(theme.Wrap(strings.TrimSuffix(line, "\n"), indent, a.Width) + "\n")
	}
	return []byte(b.String())
}

func (a *App) answersLeaf(use, short string, args int, run func([]string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: argCount(args), RunE: func(_ *cobra.Command, args []string) error { return run(args) }}
}

func argCount(n int) cobra.PositionalArgs {
	if n == 0 {
		return maxArgs(0)
	}
	return exactArg("the answers file (- is standard input)", "")
}

func (a *App) validateAnswers(args []string) error {
	sites, err := a.readSites(args[0])
	if err != nil {
		return err
	}
	if p, ok := a.printer().(jsonPrinter); ok {
		p.answers(sites)
		return nil
	}
	_, err = fmt.Fprintf(a.Stdout, "ok: %s\n", siteNames(sites))
	return err
}

// answersPrint prints stored sites, or the sites of a file, with every default written out.
func (a *App) answersPrint() *cobra.Command {
	return &cobra.Command{
		Use:   "print [FILE]",
		Short: "print the stored sites or a file's, every default written out",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			sites, err := a.sitesToPrint(c, args)
			if err != nil {
				return err
			}
			if len(sites) == 0 { // standard output is YAML, and stays empty
				if err := a.unlessBlind(c.Context(), a.machine(), nil); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.Stderr, "No sites are stored on this server: there is nothing to print.")
				return err
			}
			for i, s := range sites {
				if i > 0 {
					if err := a.write([]byte("---\n")); err != nil {
						return err
					}
				}
				if err := a.write(steps.Print(s)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *App) sitesToPrint(c *cobra.Command, args []string) ([]steps.Site, error) {
	if len(args) == 1 {
		return a.readSites(args[0])
	}
	return a.machine().Stored(c.Context())
}

func (a *App) write(b []byte) error {
	_, err := a.Stdout.Write(b)
	return err
}
