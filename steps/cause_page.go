package steps

import (
	"fmt"
	"strings"
)

// CausePage is docs/doctor.md: every cause that the doctor tells apart, as Markdown.
func CausePage() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# What the doctor looks for

Made of steps/cause.go by `+"`go test ./steps -run CausePage -update`"+`. There are %d causes.

    sslwizard doctor                      the sites that are stored here, and this server
    sslwizard doctor shop.example.com     a name that is not set up yet
    sslwizard doctor -o json              the same, one object a line
    sslwizard doctor --directory https://ca.internal/dir --ca ca.pem web1.internal

The same is looked at while a name is typed in the wizard, and before every order. Nothing of it counts at a CA: its
directory is fetched at most. Exit status: 0 nothing stands in the way, 3 something does. What cannot be known is said to be
"not checked", and why. As root more is seen. [doctor-seen.md](doctor-seen.md) has what it said when each of them was really
there, on a booted server.

| code | cause | at worst | what is looked at | what to do | the test that produces it |
| --- | --- | --- | --- | --- | --- |
`, len(causes))
	for _, c := range causes {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | `%s` |\n", c.Code, cell(c.Name), c.Worst, cell(c.Looks), cell(c.Do), c.Test)
	}
	return []byte(b.String())
}
