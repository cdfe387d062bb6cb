package dns01

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestStandingRecords reads what may stand in a record that stays, as a CA does.
func TestStandingRecords(t *testing.T) {
	t.Parallel()
	const account = "https://ca.example/acct/1"
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	one, wild := Standing{Issuer: "ca.example", Account: account}, Standing{Issuer: "ca.example", Account: account, Wildcard: true}
	for _, test := range []struct {
		name   string
		want   Standing
		values []string
		says   string // empty: it is right
	}{
		{"as it is told", one, []string{one.String()}, ""},
		{"as it is told, for a wildcard", wild, []string{wild.String()}, ""},
		{"a wildcard's does for the name", one, []string{wild.String()}, ""},
		{"other letters, other order, more space", wild, []string{"ca.example \t;POLICY=WildCard ;  AccountURI=" + account}, ""},
		{"until later", one, []string{one.String() + "; persistUntil=1795694401"}, ""},
		{"a tag that nobody knows", one, []string{one.String() + "; x=y"}, ""},
		{"beside another CA's", one, []string{"other.example; accounturi=https://other.example/1", one.String()}, ""},
		{"beside another account's", one, []string{"ca.example; accounturi=https://ca.example/acct/2", one.String()}, ""},
		{"none", one, nil, "no such record"},
		{"another CA's", one, []string{"other.example; accounturi=" + account}, "no such record"},
		{"nobody's", one, []string{"v=spf1 -all", ""}, "no such record"},
		{"another account's", one, []string{"ca.example; accounturi=https://ca.example/acct/2"}, "acct/2"},
		{"no account", one, []string{"ca.example"}, "for the account"},
		{"no wildcard", wild, []string{one.String()}, "policy=wildcard"},
		{"another policy", wild, []string{one.String() + "; policy=narrow"}, "policy=wildcard"},
		{"run out", one, []string{one.String() + "; persistUntil=1764158399"}, "held until 2025-11-26 11:59:59"},
		{"no time", one, []string{one.String() + "; persistUntil=tomorrow"}, "seconds since 1970"},
		{"a word", one, []string{one.String() + "; forever"}, "tag=value"},
		{"a semicolon too many", one, []string{one.String() + ";"}, "tag=value"},
		{"said twice", one, []string{one.String() + "; accounturi=" + account}, "said twice"},
		{"not printable", one, []string{"ca.example; accounturi=\x1b[2J"}, "for the account"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.want.Among(test.values, now)
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("%v", err)
			}
			if errors.Is(err, ErrNoStanding) != (test.says == "no such record") {
				t.Errorf("%v", err)
			}
		})
	}
}
