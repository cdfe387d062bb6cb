//go:build e2e

package hostile

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// file is where the figures of the whole stand.
const file = "../../docs/hostile.md"

// page writes the figures of the whole when it is asked to; the slice has none to write.
func page(t *testing.T, rows []row) {
	t.Helper()
	if *update && *full {
		if err := os.WriteFile(file, []byte(written(rows)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (r row) String() string {
	return fmt.Sprintf("| `%s` | %d | %d | %d | %d |", r.key, r.texts, r.files, r.refused, r.plans)
}

func written(rows []row) string {
	var b strings.Builder
	var sum row
	for _, r := range rows {
		sum.texts, sum.files, sum.refused, sum.plans = sum.texts+r.texts, sum.files+r.files, sum.refused+r.refused, sum.plans+r.plans
	}
	fmt.Fprintf(&b, `# No input becomes code

Made by `+"`go test -tags e2e -timeout 60m ./e2e/hostile -full -update`"+`, out of the run itself: %d hostile texts of %d classes, alone
and around a good value, as the value of every key of the answers file, in quotes and without, for the native proxy and for nginx,
in %d kinds of sites. CI runs one in %d of them.

A file is refused with its line, its column and the reason, which is clean, or it gives a plan that is looked at change
by change. What a reader of our own makes of each file for nginx is the tree that was meant, without a directive or a
variable that no harmless site has. Units and scripts have no line that is not known. The stored site reads back as the site. No file
is written, and no package, user, unit or service touched, that a harmless site has not. It has come to %d files, of which %d were
refused; of the %d plans none had anything in it that is not the user's value in its place.

| key | texts | files | refused | plans |
| --- | --- | --- | --- | --- |
`, len(Corpus()), len(classes), len(grounds()), slice, sum.files, sum.refused, sum.plans)
	for _, r := range rows {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}
