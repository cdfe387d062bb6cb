package steps

import (
	"os"
	"strings"
	"testing"
)

// The page in docs is what the program says; `go test ./steps -run Explain -update` writes it.
func TestExplainIsThePage(t *testing.T) {
	t.Parallel()
	const page = "../docs/answers.md"
	text, err := Explain("")
	if err != nil {
		t.Fatal(err)
	}
	got := "# The answers file, key by key\n\nWritten by `sslwizard answers explain`; `sslwizard answers init` prints a file to fill in.\n\n" + string(text)
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(page); err != nil || string(want) != got {
		t.Errorf("%s is not what the program says (%v)", page, err)
	}
	for _, q := range Questions(Facts{}) {
		if !strings.Contains(got, "### "+q.Key+"\n") {
			t.Errorf("%s is missing", q.Key)
		}
	}
}

func TestExplainOne(t *testing.T) {
	t.Parallel()
	one, err := Explain("certs.key")
	if err != nil || strings.Count(string(one), "###") != 1 || !strings.Contains(string(one), "default: `ecdsa-p256`") {
		t.Errorf("%s, %v", one, err)
	}
	if _, err := Explain("cert.key"); ExitStatus("", err) != ExitUsage || !strings.Contains(strings.Join(Fixes(err), "\n"), "explain certs.key") {
		t.Errorf("%v %q", err, Fixes(err))
	}
}
