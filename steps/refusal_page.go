package steps

import (
	"fmt"
	"strings"
)

// RefusalPage is docs/ca-answers.md: every answer of a CA that is known, as Markdown.
func RefusalPage() []byte {
	var b strings.Builder
	b.WriteString(`# What a certificate authority says, and what it means

Made of steps/refusal_proof.go and steps/refusal_request.go by ` + "`go test ./steps -run RefusalPage -update`" + `. The first row that fits counts;
"…" stands for anything. A time that the words name ("retry after 2026-11-24 14:20:00 UTC"), or the Retry-After of the
reply, is kept: no later run asks before it.
`)
	b.WriteString("\n## It could not prove a name\n\n")
	refusalTable(&b, refusalsOfProof)
	b.WriteString("\n## It refuses an account, an order or a certificate\n\n")
	refusalTable(&b, refusalsOfRequest)
	return []byte(b.String())
}

func refusalTable(b *strings.Builder, table []Refusal) {
	b.WriteString("| type | its words | code | what it means | evidence in the words | what to do | asking again helps |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range table {
		fix := r.Fix
		if len(fix) == 0 {
			fix = []string{"wait until then; the site keeps the certificate that it has"}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", firstOf(r.Kind, "any"), r.words(), r.Code, cell(r.Says), cell(Evidence(r.Words)), cell(strings.Join(fix, "; ")), r.Again)
	}
}

// words are an example of the CA's, and whose they are.
func (r Refusal) words() string {
	if r.Words == "" {
		return "(" + r.From + ")"
	}
	return "`" + strings.ReplaceAll(cell(r.Words), "`", "'") + "` (" + r.From + ")"
}

// cell is text that may stand between the bars of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
