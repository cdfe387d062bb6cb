//go:build e2e

package scenario

import (
	"regexp"
	"strings"
	"testing"
)

// TestBehindACDN is a site that learns who its visitors are from what stands before it, and from nobody else.
func TestBehindACDN(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		own := st.visitor()
		if own == "198.51.100.9" {
			t.Fatal("a site that trusts nobody believes somebody")
		}
		before := st.s.Manifest()

		trust := func(peers string) {
			st.answer(executor, `:3000"}`, `:3000", trusted: [`+peers+`], clientAddress: CF-Connecting-IP}`)
		}
		trust("0.0.0.0/0")
		st.refuses(65, "proxy.trusted[0]", "0.0.0.0/0 is everybody")
		trust("192.0.2.0/24")
		st.ends(st.apply(), 0, "has to connect over HTTPS", "are live")
		if got := st.visitor(); got != own {
			t.Errorf("somebody else is believed: %s", got)
		}
		trust("192.0.2.0/24, " + own)
		st.ends(st.apply(), 0, "are live")
		if got := st.visitor(); got != "198.51.100.9" {
			t.Errorf("the visitor is %s", got)
		}
		st.live()
		st.again()
		for range 2 {
			st.must(st.sslwizard("undo"))
		}
		if got := st.visitor(); got != own {
			t.Errorf("after the undo the visitor is %s", got)
		}
		st.same("not as it was before", before.Restored(st.s.Manifest(), kept, answers))
	})
}

// visitor is whom the application takes the client for, in all that it is told.
func (st *story) visitor() string {
	st.Helper()
	body := st.c.Gets(200, "--ipv4", "https://"+shop+"/a?b=1", "--header", "CF-Connecting-IP: 198.51.100.9",
		"--header", "X-Forwarded-For: 6.6.6.6", "--header", "X-Real-IP: 6.6.6.6")
	told := regexp.MustCompile(`"X-(?:Real-Ip|Forwarded-For)":\["([^"]+)"\]`).FindAllStringSubmatch(body, -1)
	if len(told) != 2 || told[0][1] != told[1][1] || strings.Contains(body, "6.6.6.6") {
		st.Fatalf("the application is told\n%s", body)
	}
	return told[0][1]
}
