package renew

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// The page in docs is what the program knows; `go test ./system/renew -run TestCAsPage -update` writes it.
func TestCAsPage(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, l := range []struct {
		what string
		limit
	}{
		{"certificates for exactly the same names", perSet},
		{"certificates for names of one registered domain", perDomain},
		{"failed proofs of one name", perName},
		{"orders of one account", perAccount},
		{"new accounts from one address", perAddress},
	} {
		within := fmt.Sprintf("%d hours", int(l.window/time.Hour))
		if l.window == week {
			within = "7 days"
		} else if l.window == time.Hour {
			within = "an hour"
		}
		rows = append(rows, fmt.Sprintf("| %s | %d | %d | %s |", l.what, l.theirs, l.ours, within))
	}
	const page = "../../docs/cas.md"
	want := string(steps.CAsPage(rows))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != want {
		t.Errorf("%s is not what the program knows (%v)", page, err)
	}
	for _, name := range []string{steps.AliasLetsEncrypt, steps.AliasZeroSSL, steps.AliasGoogle} {
		directory, err := steps.ParseDirectory(name)
		if err != nil || !acme.IsPublic(directory) || steps.CAAIdentity(acme.HostOf(directory)) == "" || !strings.Contains(want, directory) {
			t.Errorf("%s: %s, %v", name, directory, err)
		}
	}
}
