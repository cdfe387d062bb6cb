// Package failures is the register of the catalogue: each way in which setting up HTTPS on somebody's server goes wrong, the
// tests that produce it for real, and what sslwizard said when they did. Tests call Seen (or Printed, Error, Finding), which
// refuses a failure without a code, a cause, a next step or an exit status; with SSLWIZARD_FAILURES=write it also writes down
// what was said, in seen.jsonl. docs/failures.md is made of both by a test of this package.
package failures
