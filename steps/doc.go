// Package steps is the language of sslwizard: what was said (Answers), what is valid (Site), what the host is (Facts),
// what follows from both (Plan), and what came of it (Effect, Event, Report).
//
// Everything here is pure: no files, processes, network, clock or terminal. The wizard speaks this language to a
// person, system speaks it to a machine, and only main knows both.
package steps
