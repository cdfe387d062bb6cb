package command

import "github.com/spf13/cobra"

func (a *App) statusCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "status",
		Short: "what is managed here, and whether it is well",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.machine().Status(c.Context())
			if err != nil {
				return err
			}
			a.printer().status(s, all)
			return blocked(s.Findings)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "list every run, not only the last 20")
	return c
}
