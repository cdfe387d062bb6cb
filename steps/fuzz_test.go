package steps

import (
	"reflect"
	"strings"
	"testing"
)

// breaking are the characters with which a value could become something else in a file of nginx or systemd, or on a
// line of a log.
const breaking = "\"';{}$\\`\x00\r\n\t\x1b\x7f"

// harmless fails if a text of a site could break out of where it is written. Only header values may have spaces and
// percent signs: they stand in quotes, in nginx files only.
func harmless(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		bad := breaking + " %#"
		if strings.HasSuffix(path, ".Value") {
			bad = breaking
		}
		if strings.ContainsAny(v.String(), bad) {
			t.Errorf("%s has a breaking character: %q", path, v)
		}
		for _, r := range v.String() {
			if r > '~' {
				t.Errorf("%s is not ASCII: %q", path, v)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			harmless(t, path, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			harmless(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	}
}

// FuzzSites: whatever the file, it is either refused with clean text or gives sites that are harmless and print back.
func FuzzSites(f *testing.F) {
	for _, seed := range []string{minimal, designed, everything, "a: &a [*a]", "certs: {domains: [\"a\\u202eb.example\"]}", "---\n---\n", "? a", "\t", "{", "certs:\n - a\n-b", "%YAML 9", "--- |\n x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sites, err := Sites("fuzz.yaml", data)
		if err != nil {
			if text := err.Error(); Clean(text) != text {
				t.Errorf("the message is not clean: %q", text)
			}
			return
		}
		for _, s := range sites {
			harmless(t, "site", reflect.ValueOf(s))
			again, err := Sites("again.yaml", Print(s))
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], s) {
				t.Errorf("%+v\nis printed\n%s\nand read %+v, %v", s, Print(s), again, err)
			}
		}
	})
}

// FuzzValues: each parser accepts only what is harmless, and reads back what it prints.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"shop.example.com", "*.bücher.example", "unix:/run/a.sock", "wss://[::1]:3000", "1d12h", "20M", "/ws", "ops@example.com", "a.test; x", "https://ca.internal:1/dir", "256.1.1.1", "xn--a-.b", "٣٠٠٠"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDomain(text); err == nil {
			harmless(t, "domain", reflect.ValueOf(string(d)))
			harmless(t, "site name", reflect.ValueOf(siteName(d)))
			if again, err := ParseDomain(string(d)); err != nil || again != d {
				t.Errorf("domain %q → %q → %q, %v", text, d, again, err)
			}
			if strings.ContainsAny(siteName(d), "/:") || siteName(d)[0] == '.' {
				t.Errorf("site name %q", siteName(d))
			}
		}
		if u, err := ParseUpstream(text); err == nil {
			harmless(t, "upstream", reflect.ValueOf(u))
			if again, err := ParseUpstream(u.String()); err != nil || again != u {
				t.Errorf("upstream %q → %+v → %+v, %v", text, u, again, err)
			}
		}
		if d, err := ParseDuration(text); err == nil {
			if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d || d < 0 {
				t.Errorf("duration %q → %v → %v, %v", text, d, again, err)
			}
		}
		if n, err := ParseSize(text); err == nil {
			if again, err := ParseSize(FormatSize(n)); err != nil || again != n || n < 0 {
				t.Errorf("size %q → %d → %d, %v", text, n, again, err)
			}
		}
		if u, err := parseDirectory(text); err == nil {
			harmless(t, "directory", reflect.ValueOf(u))
			if again, err := parseDirectory(u); err != nil || again != u {
				t.Errorf("directory %q → %q → %q, %v", text, u, again, err)
			}
		}
		for what, check := range map[string]func(string) error{"prefix": checkPrefix, "path": checkFilePath, "e-mail": checkEmail} {
			if check(text) == nil {
				harmless(t, what, reflect.ValueOf(text))
			}
		}
		if h, err := parseHeader("X-Fuzz", text); err == nil {
			harmless(t, "header", reflect.ValueOf(h))
		}
	})
}
