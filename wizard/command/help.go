package command

// helpTemplate begins with examples: most people need one of them and nothing else. The root's help stays within 24
// lines.
const helpTemplate = `{{if .HasParent}}{{.Short}}

Usage: {{.UseLine}}{{if .HasAvailableSubCommands}}
{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{if .HasAvailableLocalFlags}}
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{else}}` + rootHelp + `{{end}}`

const rootHelp = `Turn "my app runs on port 3000" into HTTPS and WSS that are proven to work.

  sslwizard demo                                       see it work: no root, nothing installed
  sslwizard answers init > answers.yaml                write an answers file to fill in
  sslwizard --dry-run answers.yaml                     see every change, touch nothing
  sudo sslwizard --non-interactive answers.yaml        do it, prove it, or put everything back
  sslwizard probe https://shop.example.com --ws /ws    check any server, live

Look      status · probe URL · answers validate|print|schema
Change    undo [RUN] · remove SITE · uninstall · renew [SITE]
Daemon    serve

  --non-interactive   never ask; take everything from the answers file
  --answers FILE      the answers file; - is standard input
  --dry-run           print the planned changes   --detailed-exitcode  2 when there are any
  --only STEP         take only these steps from the answers (repeat, or a,b)
  -o, --output FORMAT text, json (one object a line) or diff
  --color WHEN        auto, always, never         --ascii, --plain     simpler output
Exit: 0 done · 2 pending · 3 not verified · 4 failed, undone · 5 undo incomplete · 64 usage ·
      65 answers · 69 CA or mirror away · 75 later · 77 not root · 78 broken before us · 130 stopped
`
