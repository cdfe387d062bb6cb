package steps

import (
	"strings"
	"testing"
)

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"/": true, "/ws": true, "/socket.io/": true, "/a/b-c_d~1": true, "/@vite": true,
		"": false, "ws": false, "//": false, "/a//b": false, "/..": false, "/a/../b": false, "/a/./b": false, "/a b": false, "/a;b": false, "/a{": false, "/$a": false,
		"/a\"": false, "/a'": false, "/a\\b": false, "/a\nb": false, "/ü": false, "/a?b": false, "/a#b": false, "/%2e": false,
		"/.well-known/acme-challenge/": false, "/.well-known/acme-challenge": false, "/" + strings.Repeat("a", 256): false,
	} {
		if err := checkPrefix(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFilePaths(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"/etc/ssl/ca.pem": true, "/srv/a_b-c@1=2+3": true,
		"": false, "/": false, "ca.pem": false, "/etc/../ca": false, "/etc//ca": false, "/etc/": false, "/a b": false, "/a%i": false, "/a\nb": false, "/a$b": false, "/" + strings.Repeat("a", 1024): false,
	} {
		if err := checkFilePath(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"ops@example.com": true, "a.b+c_d-e@mail.example.com": true,
		"": false, "ops": false, "@example.com": false, "ops@": false, "ops@localhost": false, "a@b@example.com": false, ".a@example.com": false, "a.@example.com": false,
		"a..b@example.com": false, "Ops <ops@example.com>": false, "ops@example.com\n": false, "ops@example.com\r\nBcc: x": false, "mailto:ops@example.com": false, "ops@exa_mple.com": false,
		strings.Repeat("a", 65) + "@example.com": false, "o$ps@example.com": false,
	} {
		if err := checkEmail(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		want        string // canonical name; "" is refused
	}{
		{"x-api-zone", "blue, green=1", "X-Api-Zone"}, {"X-URL", "https://a.example/b?c=d&e", "X-Url"}, {"Authorization", "Bearer abc.def-ghi_jkl==", "Authorization"},
		{"Host", "x", ""}, {"connection", "close", ""}, {"UPGRADE", "x", ""}, {"X-Forwarded-For", "x", ""}, {"x-forwarded-anything", "x", ""}, {"X-Real-IP", "x", ""},
		{"Sec-WebSocket-Key", "x", ""}, {"Transfer-Encoding", "chunked", ""}, {"content-length", "0", ""}, {"TE", "x", ""}, {"Forwarded", "x", ""},
		{"", "x", ""}, {"X Bad", "x", ""}, {"X:Bad", "x", ""}, {"X\nBad", "x", ""}, {"X-Ümlaut", "x", ""}, {strings.Repeat("x", 65), "x", ""},
		{"X-A", "", ""}, {"X-A", " x", ""}, {"X-A", "a\r\nb", ""}, {"X-A", "a;b", ""}, {"X-A", "a\"b", ""}, {"X-A", "a'b", ""}, {"X-A", "${x}", ""}, {"X-A", "$host", ""},
		{"X-A", "a\\b", ""}, {"X-A", "a`b", ""}, {"X-A", "ü", ""}, {"X-A", strings.Repeat("x", 1025), ""},
	} {
		h, err := parseHeader(c.name, c.value)
		if (err == nil) != (c.want != "") || err == nil && (h.Name != c.want || h.Value != c.value) {
			t.Errorf("%q: %q gives %+v, %v", c.name, c.value, h, err)
		}
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"letsencrypt":                            "https://acme-v02.api.letsencrypt.org/directory",
		"letsencrypt-staging":                    "https://acme-staging-v02.api.letsencrypt.org/directory",
		"zerossl":                                "https://acme.zerossl.com/v2/DV90",
		"google":                                 "https://dv.acme-v02.api.pki.goog/directory",
		"https://CA.Example.com/dir":             "https://ca.example.com/dir",
		"https://localhost:14000/dir":            "https://localhost:14000/dir",
		"https://[::1]:014000/dir":               "https://[::1]:14000/dir",
		"https://ca.internal":                    "https://ca.internal",
		"buypass":                                "",
		"https://api.buypass.com/acme/directory": "",
		"":                                       "",
		"http://ca.internal/dir":                 "",
		"ca.internal/dir":                        "",
		"https:///dir":                           "",
		"https://user@ca.internal/dir":           "",
		"https://ca.internal/dir?x=y":            "",
		"https://ca.internal/dir#x":              "",
		"https://ca.internal/a b":                "",
		"https://ca.internal/%0a":                "",
		"https://ca_internal/dir":                "",
		"https://ca.internal:0/dir":              "",
		"https://ca.internal:99999/dir":          "",
		"https://*.internal/dir":                 "",
		"https://ca.internal/dir;x":              "",
		"file:///etc/passwd":                     "",
		"https://ca.internal\n/dir":              "",
		"javascript:alert(1)":                    "",
		"https://ca.internal/dir\\x":             "",
		"https://[fe80::1%25eth0]/dir":           "",
		"https://ca.internal:14000:1/dir":        "",
	} {
		got, err := parseDirectory(text)
		if got != want && err == nil || (err == nil) != (want != "") {
			t.Errorf("parseDirectory(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}
