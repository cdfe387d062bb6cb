package command

import (
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
)

// A list without entries is [] in JSON and never null: a program that reads it need not tell the two apart.

// list is the same list, and never nil.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func findingLists(all []steps.Finding) []steps.Finding {
	all = slices.Clone(list(all))
	for i := range all {
		all[i].Fix = list(all[i].Fix)
	}
	return all
}

func reportLists(all []steps.Report) []steps.Report {
	all = slices.Clone(list(all))
	for i := range all {
		all[i].Checks = list(all[i].Checks)
	}
	return all
}

func statusLists(s steps.HostStatus) steps.HostStatus {
	s.Sites, s.Units, s.Runs, s.Findings = slices.Clone(list(s.Sites)), list(s.Units), list(s.Runs), findingLists(s.Findings)
	for i := range s.Sites {
		s.Sites[i].Domains, s.Sites[i].Upstreams = list(s.Sites[i].Domains), list(s.Sites[i].Upstreams)
	}
	return s
}
