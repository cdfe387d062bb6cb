package doctor

import (
	"context"

	"github.com/c93d5bcb/sslwizard/steps"
)

// second looks whether a second CA could issue when the first one cannot: that it lets itself be asked, and that the DNS
// lets it. What holds for both, such as the addresses of the names, was looked at for the first.
func (d *Doctor) second(ctx context.Context, v Visit) []steps.Check {
	e := d.examination(v, nil)
	directory := e.directory(ctx)
	close(e.ca.known)
	e.say(directory...)
	for _, domain := range v.Domains {
		if _, isIP := domain.IP(); !isIP {
			e.say(e.caa(ctx, domain)...)
		}
	}
	var warnings []steps.Check
	for _, f := range Findings(e.checks) {
		if f.Severity == steps.Blocker {
			f = steps.SecondCA(f)
			warnings = append(warnings, steps.Check{Name: "ca.second", Verdict: steps.Warn, Code: f.Code, Detail: f.Text, Fix: f.Fix})
		}
	}
	if len(warnings) == 0 {
		return []steps.Check{passed("ca.second", "", "the second CA could issue for these names", "")}
	}
	return warnings
}
