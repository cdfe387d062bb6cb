package steps

import (
	"strings"
	"testing"
)

func TestParseDomain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for text, want := range map[string]Domain{
		"shop.example.com":              "shop.example.com",
		"SHOP.Example.COM.":             "shop.example.com",
		"Bücher.example":                "xn--bcher-kva.example",
		"ｓｈｏｐ.example":                  "shop.example",
		"straße.example":                "xn--strae-oqa.example",
		"*.example.com":                 "*.example.com",
		"localhost":                     "localhost",
		"a--b.example":                  "a--b.example",
		"1und1.example":                 "1und1.example",
		long + ".example":               Domain(long + ".example"),
		"203.0.113.7":                   "203.0.113.7",
		"2001:DB8:0:0::7":               "2001:db8::7",
		"[2001:db8::7]":                 "2001:db8::7",
		"::ffff:203.0.113.7":            "203.0.113.7",
		"":                              "",
		".":                             "",
		"a..b":                          "",
		".example.com":                  "",
		"-a.example":                    "",
		"a-.example":                    "",
		"ab--cd.example":                "",
		"under_score.example":           "",
		"a b.example":                   "",
		"a\n.example":                   "",
		long + "a.example":              "",
		strings.Repeat("a.", 127) + "a": "",
		"xn--a.example":                 "",
		"xn--example-.com":              "", // decodes to plain ASCII (CVE-2026-39821)
		"1.2.3":                         "",
		"256.1.1.1":                     "",
		"example.0x7f":                  "",
		"0.0.0.0":                       "",
		"::":                            "",
		"ff02::1":                       "",
		"fe80::1%eth0":                  "",
		"*.com":                         "",
		"*":                             "",
		"*.*.example":                   "",
		"a.*.example":                   "",
		"shop.example:443":              "",
		"https://shop.example":          "",
		"a.test; location /x {":         "",
		"$host":                         "",
		"\"a.test\"":                    "",
	} {
		got, err := ParseDomain(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseDomain(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	if len(strings.Repeat("a.", 127)+"a") <= 253 {
		t.Error("the long name is not long enough")
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d, name Domain
		want    bool
	}{{"a.example", "a.example", true}, {"a.example", "b.example", false}, {"*.example.com", "a.example.com", true},
		{"*.example.com", "example.com", false}, {"*.example.com", "a.b.example.com", false}} {
		if got := c.d.Covers(c.name); got != c.want {
			t.Errorf("%s covers %s: %t", c.d, c.name, got)
		}
	}
}

func TestSiteNames(t *testing.T) {
	t.Parallel()
	seen := map[string]Domain{}
	long := Domain(strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example")
	for d, want := range map[Domain]string{
		"shop.example.com": "shop.example.com", "*.example.com": "_wildcard.example.com", "203.0.113.7": "203.0.113.7",
		"2001:db8::7": "_ip.2001-db8--7", long: "", long[1:]: "", "*." + long[:240]: "",
	} {
		got := siteName(d)
		if want != "" && got != want {
			t.Errorf("siteName(%s) = %q, want %q", d, got, want)
		}
		if len(got) > 200 || strings.Trim(got, lower+"0123456789._-") != "" {
			t.Errorf("siteName(%s) = %q is no file name of ours", d, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have one name", d, other)
		}
		seen[got] = d
	}
}

func TestUnicode(t *testing.T) {
	t.Parallel()
	for d, want := range map[Domain]string{"xn--bcher-kva.example": "bücher.example", "*.xn--bcher-kva.example": "*.bücher.example", "a.example": "a.example", "203.0.113.7": "203.0.113.7"} {
		if got := d.Unicode(); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
