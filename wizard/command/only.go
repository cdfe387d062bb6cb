package command

import (
	"context"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// onlySteps lays the named steps of the answers over the stored sites; with none named the answers stand as they are.
func onlySteps(ctx context.Context, m Planner, sites []steps.Site, only []string) ([]steps.Site, error) {
	if len(only) == 0 {
		return sites, nil
	}
	stored, err := m.Stored(ctx)
	if err != nil {
		return nil, err
	}
	merged := make([]steps.Site, len(sites))
	for i, s := range sites {
		base, ok := byName(stored, s.Name)
		if !ok {
			return nil, &steps.Failure{Text: "cannot take single steps for " + s.Name + ": no such site is stored on this server", Status: steps.ExitUsage,
				Fixes: []string{"sudo sslwizard --non-interactive ANSWERS    without --only, for the first time"}}
		}
		merged[i] = overlay(base, s, only)
	}
	return merged, nil
}

// checkOnly refuses a word that is no step.
func checkOnly(only []string) error {
	for _, name := range only {
		if !isStep(name) {
			return usageError("--only \""+steps.CleanLine(name)+"\": there is no such step", "one or more of: "+stepList())
		}
	}
	return nil
}

func overlay(base, over steps.Site, only []string) steps.Site {
	for _, step := range only {
		switch steps.ID(step) {
		case steps.IDInstall:
			base.Install = over.Install
		case steps.IDCerts:
			base.Certs = over.Certs
		case steps.IDSSL:
			base.SSL = over.SSL
		case steps.IDRedirect:
			base.Redirect = over.Redirect
		case steps.IDProxy:
			base.Proxy = over.Proxy
		case steps.IDWebSockets:
			base.WebSockets = over.WebSockets
		case steps.IDTrusted:
			base.Trusted = over.Trusted
		}
	}
	return base
}

func byName(sites []steps.Site, name string) (steps.Site, bool) {
	for _, s := range sites {
		if s.Name == name {
			return s, true
		}
	}
	return steps.Site{}, false
}

func isStep(name string) bool {
	for _, id := range steps.IDs() {
		if string(id) == name {
			return true
		}
	}
	return false
}

func stepList() string {
	var names []string
	for _, id := range steps.IDs() {
		names = append(names, string(id))
	}
	return strings.Join(names, ", ")
}
