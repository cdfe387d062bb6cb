package command

import (
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// help is the template of every help, for this screen.
func (a *App) help() string {
	text := strings.Replace(helpTemplate, "WIDTH", fmt.Sprint(max(0, a.Width-1)), 1)
	if theme.UTF8(a.Env) {
		return text
	}
	return strings.ReplaceAll(text, "·", "|")
}

// helpTemplate begins with examples: most people need one of them and nothing else. The root's help stays within 24
// lines of 79 columns.
const helpTemplate = `{{if .HasParent}}{{.Short}}

Usage: {{.UseLine}}{{if .HasAvailableSubCommands}} COMMAND
{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{if .HasAvailableLocalFlags}}
{{.LocalFlags.FlagUsagesWrapped WIDTH | trimTrailingWhitespaces}}{{end}}
{{else}}` + rootHelp + `{{end}}`

const rootHelp = `Turn "my app runs on port 3000" into HTTPS and WSS that are proven to work.

  sudo sslwizard                                 ask, show every change, do it
  sslwizard demo                                 see it work: nothing installed
  sslwizard answers init > answers.yaml          write answers, to fill in
  sslwizard --dry-run answers.yaml               see every change, make none
  sudo sslwizard --non-interactive answers.yaml  do it and prove it, or undo
  sslwizard probe https://example.com --ws /ws   check any server, live

Look      status · probe URL · doctor [NAME] · notify test · answers COMMAND
Change    undo [RUN] · remove SITE · uninstall · renew [SITE] · attach [RUN]
More      ca · account [rollover|import] · revoke SITE · serve

  --non-interactive    never ask: all is in the answers file (- is stdin)
  --answers FILE       another way to name the answers file
  --dry-run            only print   --detailed-exitcode  2 if changes pend
  --only STEP,...      take only these steps of the answers, the rest as it is
  --replace FILE       overwrite this file, though somebody edited it (repeat)
  -o, --output FORMAT  text, json (one object a line) or diff
  --color WHEN         auto, always or never   --ascii, --plain  simpler output
Exit: 0 done · 2 pending · 3 not all proven · 4 failed, undone · 64 usage
  5 undo incomplete · 65 answers · 69 CA or mirror away · 70 our own fault
  75 later · 77 not root · 78 broken before us · 130 stopped
`
