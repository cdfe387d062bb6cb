//go:build e2e

package scenario

import (
	"encoding/json"
	"path"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestRevoke has a certificate be revoked: another one is served before that, on both executors. Then the account gets another
// key, and the next renewal goes on with it; and another server takes the account over.
func TestRevoke(t *testing.T) {
	withEither(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		first, leaf := st.serial(), st.s.Read(path.Join(st.version(), "fullchain.pem"))
		st.ends(st.sslwizard("revoke", shop), 64, "--yes")
		st.ends(st.sslwizard("revoke", shop, "--yes", "--reason", "keyCompromise"), 0, "is revoked")
		second := st.serial()
		if second == first || st.w.CA.Status(leaf) != "Revoked" || st.w.CA.Status(st.s.Read(path.Join(st.version(), "fullchain.pem"))) != "Valid" {
			t.Errorf("the first one is %s, and %s is served", st.w.CA.Status(leaf), second)
		}
		st.live()
		st.ends(st.apply(), 0, "Nothing to do")
		st.ends(st.sslwizard("undo"), 0)
		st.must(st.apply())
		if now := st.serial(); now == first {
			t.Error("after an undo the revoked certificate is served again")
		}

		before := st.account()
		st.ends(st.sslwizard("account", "rollover"), 0, "has a new key")
		now := st.account()
		if now.URL != before.URL || now.Key == before.Key {
			t.Errorf("%+v became %+v", before, now)
		}
		st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
		if after := st.account(); after.URL != before.URL || after.Key != now.Key {
			t.Errorf("the renewal was another account's: %+v", after)
		}
		st.ends(st.sslwizard("account", "import", now.KeyFile, "--directory", now.Directory), 64, "has one at")
		st.ends(st.sslwizard("account", "import", now.KeyFile, "--directory", now.Directory, "--replace"), 0, "is used from now on")
	})
}

// account is the only one of the server.
func (st *story) account() steps.ACMEAccount {
	st.Helper()
	var said struct {
		Accounts []steps.ACMEAccount `json:"accounts"`
	}
	out := st.must(st.sslwizard("account", "-o", "json")).Stdout
	if err := json.Unmarshal([]byte(lastLine(out)), &said); err != nil || len(said.Accounts) != 1 {
		st.Fatalf("%v in %s", err, out)
	}
	return said.Accounts[0]
}
