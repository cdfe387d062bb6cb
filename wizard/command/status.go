package command

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "what is managed here, and whether it is well",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.machine().Status(c.Context())
			if err != nil {
				return err
			}
			a.printer().status(s)
			return blocked(s.Findings)
		},
	}
}

func (p textPrinter) status(s steps.HostStatus) {
	if len(s.Sites) == 0 {
		p.line("No sites are managed here.")
	}
	for _, site := range s.Sites {
		p.line("%s", p.style.paint(cyan, site.Name))
		p.line("  served by    %s", site.Executor)
		p.line("  names        %s", joinDomains(site.Domains))
		p.line("  upstream     %s", steps.CleanLine(site.Upstream))
		p.line("  certificate  %s", certificateLine(site))
	}
	for _, u := range s.Units {
		p.line("%s  %s: %s, %s at boot", p.style.mark(unitVerdict(u)), u.Name, word(u.Active, "runs", "does not run"), word(u.Enabled, "starts", "does not start"))
	}
	if s.Unended != "" {
		p.line("%s  run %s never ended: sudo sslwizard undo", p.style.mark(steps.Warn), s.Unended)
	}
	p.findings(s.Findings)
	p.runs(s.Runs)
}

func (p textPrinter) runs(all []steps.RunRecord) {
	if len(all) == 0 {
		return
	}
	p.line("\nRuns, the newest first:")
	for _, r := range all {
		undone := ""
		if r.Undone {
			undone = ", undone"
		}
		p.line("  %s  %s  %s%s", r.ID, steps.CleanLine(r.What), r.Outcome, undone)
	}
}

func certificateLine(s steps.SiteStatus) string {
	switch s.Source {
	case "":
		return "none"
	case "local":
		return "from the local CA of this server, until " + day(s.NotAfter)
	case steps.SourceFiles:
		return "your own, until " + day(s.NotAfter)
	}
	if s.Test {
		return "for tests, trusted by nobody, until " + day(s.NotAfter)
	}
	return "trusted, until " + day(s.NotAfter) + ", renewed from " + day(s.RenewAfter)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func unitVerdict(u steps.UnitStatus) steps.Verdict {
	if u.Active && u.Enabled {
		return steps.OK
	}
	return steps.Fail
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func joinDomains(all []steps.Domain) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}
