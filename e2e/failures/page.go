package failures

import (
	"fmt"
	"strings"
)

// File is the page, from the root of this tree.
const File = "docs/failures.md"

const head = `# Every failure has a name

The catalogue of what goes wrong where HTTPS is set up on somebody's server: %d rows. %d of them were produced here, on booted
Debian servers, with real programs, sockets and disks, by the tests that are named. Of %d more only the message was seen: their
tests hand over what a program, a disk or a CA would have said ("handed over"). %d are open, with the reason. What was said is as
the tests saw it; what is another one at every run (times, ports, processes) is replaced. Of the %d whose message was seen, %d
said their code, the cause, what to do next and ended with an exit status. A test fails, or writes nothing down, where one of
the four is missing: a row that lacks one has no message here.

Made of e2e/failures/catalogue.go and of what the tests wrote down in e2e/failures/seen.jsonl, by
` + "`go test ./e2e/failures -update`" + `. What a test sees is written down with ` + "`SSLWIZARD_FAILURES=write`" + `, for instance
` + "`SSLWIZARD_FAILURES=write go test ./system/acme`" + `, or for those of e2e/scenario, which need root,
` + "`SSLWIZARD_FAILURES=write go test -tags e2e -run 'TestNotRoot$' ./e2e/scenario`" + `.

The exit statuses are those of sysexits(3) from 64 on; 0 is a warning, 3 a site that works and is not yet as it was asked for,
4 a run that was undone.

| row | what happens | code | what was said | what to do | exit status | produced by |
| --- | --- | --- | --- | --- | --- | --- |
`

// totals counts the rows that were produced, those whose message was seen, and those of them that said everything.
func totals(all []Said) (produced, seen, whole int) {
	for _, r := range Catalogue {
		said := of(r, all)
		if len(said) == 0 {
			continue
		}
		seen++
		if r.real() {
			produced++
		}
		if len(said[0].faults()) == 0 {
			whole++
		}
	}
	return produced, seen, whole
}

// of is what was said of a row, in the order in which the register has its tests.
func of(r Row, all []Said) []Said {
	var some []Said
	for _, test := range r.Tests {
		for _, s := range all {
			if s.Row == r.Code && s.Test == test {
				some = append(some, s)
			}
		}
	}
	return some
}

// page is the page of what was said.
func page(all []Said) string {
	var b strings.Builder
	produced, seen, whole := totals(all)
	fmt.Fprintf(&b, head, len(Catalogue), produced, seen-produced, len(Catalogue)-seen, seen, whole)
	for _, r := range Catalogue {
		said := of(r, all)
		cells := []string{r.Code, r.Situation, "", r.Why, "", "", ""}
		if len(said) > 0 {
			first := said[0]
			cells[2], cells[3], cells[4], cells[5] = first.Code, first.Cause, strings.Join(first.Next, "; "), fmt.Sprint(first.Exit)
			cells[6] = "`" + strings.Join(r.Tests, "`, `") + "`"
			if !r.real() {
				cells[6] = "handed over: " + cells[6]
			}
			if r.Why != "" {
				cells[1] += " (" + r.Why + ")"
			}
		}
		for i := range cells {
			cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cells[i])
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}
