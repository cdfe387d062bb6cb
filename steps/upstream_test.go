package steps

import (
	"strings"
	"testing"
)

func TestParseUpstream(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"3000":                              "http://127.0.0.1:3000",
		"127.0.0.1:3000":                    "http://127.0.0.1:3000",
		"localhost:3000":                    "http://127.0.0.1:3000",
		"http://LOCALHOST.:3000/":           "http://127.0.0.1:3000",
		"http://127.0.0.1:3000":             "http://127.0.0.1:3000",
		"ws://127.0.0.1:3000":               "http://127.0.0.1:3000",
		"WSS://app.example.com":             "https://app.example.com:443",
		"http://app.example.com":            "http://app.example.com:80",
		"https://10.0.0.5:8443/":            "https://10.0.0.5:8443",
		"app:8080":                          "http://app:8080",
		"[::1]:3000":                        "http://[::1]:3000",
		"http://[2001:DB8::1]":              "http://[2001:db8::1]:80",
		"http://[::ffff:10.0.0.1]:1":        "http://10.0.0.1:1",
		"unix:/run/app.sock":                "unix:/run/app.sock",
		"unix:///run/app.sock":              "unix:/run/app.sock",
		"h2c://127.0.0.1:50051":             "h2c://127.0.0.1:50051",
		"grpc://LOCALHOST:50051/":           "h2c://127.0.0.1:50051",
		"GRPC://app.example.com":            "h2c://app.example.com:80",
		"h2://app.example.com":              "h2://app.example.com:443",
		"grpcs://10.0.0.5:8443":             "h2://10.0.0.5:8443",
		"h2c+unix:/run/app.sock":            "h2c+unix:/run/app.sock",
		"h2c+unix:///run/app.sock":          "h2c+unix:/run/app.sock",
		"h2c://127.0.0.1:443":               "",
		"h2c://unix:/run/app.sock":          "",
		"h2+unix:/run/app.sock":             "",
		"h2c://10.0.0.5:8080/pkg.Service":   "",
		"http://bücher.example:81":          "http://xn--bcher-kva.example:81",
		"":                                  "",
		"0":                                 "",
		"65536":                             "",
		"80":                                "",
		"localhost:443":                     "",
		"https://127.0.0.2":                 "",
		"http://[::1]":                      "",
		"localhost":                         "",
		"127.0.0.1:":                        "",
		"127.0.0.1:+3000":                   "",
		"127.0.0.1:abc":                     "",
		"127.0.0.1:3000:1":                  "",
		"::1:3000":                          "",
		"[::1:3000":                         "",
		"[::1]x:3000":                       "",
		"[127.0.0.1]:3000":                  "",
		"[fe80::1%eth0]:3000":               "",
		"0.0.0.0:3000":                      "",
		"[::]:3000":                         "",
		"169.254.169.254:80":                "",
		"http://169.254.1.1:3000":           "",
		"[::ffff:169.254.169.254]:80":       "",
		"[fd00:ec2::254]:80":                "",
		"[fe80::1]:3000":                    "",
		"255.255.255.255:1":                 "",
		"224.0.0.1:1":                       "",
		"127.1:3000":                        "",
		"0x7f000001:3000":                   "",
		"2130706433:3000":                   "",
		"http://user:pw@10.0.0.1:3000":      "",
		"http://10.0.0.1:3000/path":         "",
		"http://10.0.0.1:3000?x":            "",
		"http://10.0.0.1:3000#x":            "",
		"http://":                           "",
		"ftp://10.0.0.1":                    "",
		"file:///etc/passwd":                "",
		"unix:run/app.sock":                 "",
		"unix:/run/../app.sock":             "",
		"unix:/run/a b.sock":                "",
		"unix:/run/a;b":                     "",
		"unix:/run/a:b":                     "",
		"unix:/" + strings.Repeat("a", 107): "",
		"http://a b:3000":                   "",
		"http://a;b:3000":                   "",
		"http://$host:3000":                 "",
		"http://under_score:3000":           "",
		"3000\n":                            "",
	} {
		u, err := ParseUpstream(text)
		got := ""
		if err == nil {
			got = u.String()
			if again, err := ParseUpstream(got); err != nil || again != u {
				t.Errorf("%q is printed as %q and read as %+v, %v", text, got, again, err)
			}
			if twin := u.Twin(); twin.HTTP2() == u.HTTP2() || twin.TLS() != u.TLS() || twin.Address() != u.Address() || twin.Twin() != u {
				t.Errorf("the twin of %q is %q, and its twin %q", got, twin, twin.Twin())
			}
		}
		if got != want {
			t.Errorf("ParseUpstream(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestUpstreamVerify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"https://127.0.0.1:8443": false, "https://[::1]:8443": false, "https://10.0.0.5": true, "h2://10.0.0.5": true, "h2://127.0.0.1:8443": false, "h2c://10.0.0.5": false, "https://app.example.com": true, "http://10.0.0.5": false} {
		if u, err := ParseUpstream(text); err != nil || u.Verify != want {
			t.Errorf("%s: verify %t, %v; want %t", text, u.Verify, err, want)
		}
	}
}
