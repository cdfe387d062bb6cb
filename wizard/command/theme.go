package command

import "github.com/c93d5bcb/sslwizard/wizard/theme"

// theme is how this terminal is drawn to: colour only where it is wanted.
func (a *App) theme() theme.Theme {
	return theme.Theme{Color: a.wantColor(), ASCII: a.flags.ascii || !theme.UTF8(a.Env)}
}

func (a *App) wantColor() bool {
	switch a.flags.color {
	case "always":
		return true
	case "never":
		return false
	}
	return a.Interactive && a.Env("NO_COLOR") == "" && a.Env("CLICOLOR") != "0" && a.Env("TERM") != "dumb"
}
