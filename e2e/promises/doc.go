// Package promises keeps docs/promises.md: what sslwizard promises, and the figure of each count that shows it. The counts
// write their figures there themselves (Write), with the command that made them; nobody writes one by hand. A test sees that
// each promise has figures and that each figure is what was aimed at, or the promise says why not.
package promises
