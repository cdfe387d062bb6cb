// Package guard keeps Bubble Tea v1 from asking the terminal for its background colour before main begins: every
// command of the program would wait for the answer, five seconds on a terminal that gives none. Go initialises packages
// in the order of their import paths, and this one sorts before github.com/charmbracelet/bubbletea; it must import
// nothing that sorts after it but lipgloss.
package guard

import "github.com/charmbracelet/lipgloss"

func init() {
	// Our colours are the 16 of the terminal's own palette, so the answer would change nothing.
	lipgloss.SetHasDarkBackground(true)
}
