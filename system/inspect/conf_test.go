package inspect

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

const tricky = `# comment with { and ;
user www-data;
http {
	include conf.d/*.conf;
	log_format main '$remote_addr "quoted" {brace} ; #not a comment'
		"second\" line";
	map $http_x ${y}_z { default ""; "~a{2}b" 1; }
	server { listen 80; server_name a.example "b.example"; location ~ \.php$ { return 200 "x}"; } }
	content_by_lua_block { local s = "}" -- }
		if s then ngx.say('{') end }
	include missing-*.conf;
}
stream { server { listen 1; } }
`

func TestReadConf(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/etc/nginx/nginx.conf", tricky)
	h.File("/etc/nginx/conf.d/.hidden.conf", "broken {")
	h.File("/etc/nginx/conf.d/b.conf", "server {\n\n\tlisten [::]:443 ssl;\n}")
	h.Link("/etc/nginx/conf.d/a.conf", "../real.conf")
	h.File("/etc/nginx/real.conf", "upstream u { server 127.0.0.1:1; }\n")
	c, err := readConf(h, "/etc/nginx/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	conf.Each(c.top, func(d conf.Directive, in []conf.Directive) {
		var words []string
		for _, block := range in {
			words = append(words, block.Name)
		}
		got = append(got, strings.Join(append(append(words, d.Name), d.Args...), " "))
	})
	want := []string{"user www-data", "http", "http upstream u", "http upstream server 127.0.0.1:1", "http server",
		"http server listen [::]:443 ssl", `http log_format main $remote_addr "quoted" {brace} ; #not a comment second" line`,
		"http map $http_x ${y}_z", "http map default ", "http map ~a{2}b 1", "http server", "http server listen 80",
		"http server server_name a.example b.example", `http server location ~ \.php$`, "http server location return 200 x}",
		"http content_by_lua_block", "stream", "stream server", "stream server listen 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if folder := includeFolder(c); folder != "/etc/nginx/conf.d" {
		t.Errorf("the folder for includes is %q", folder)
	}
}

// The flat text has each directive as it was written, and each of its lines knows where it came from.
func TestFlatten(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/etc/nginx/nginx.conf", tricky+"ssl_certificate certs/a.pem;\nssl_certificate_key \"$key\";\n"+
		"proxy_ssl_crl /abs;\nacme_certificate issuer;\n")
	h.File("/etc/nginx/conf.d/b.conf", "server {\n\n\tlisten [::]:443 ssl;\n}")
	c, err := readConf(h, "/etc/nginx/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	text, origins := flatten(c, "/etc/nginx")
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(all) != len(origins) {
		t.Fatalf("%d lines have %d origins", len(all), len(origins))
	}
	for _, want := range []struct {
		text string
		at   origin
	}{
		{`log_format main '$remote_addr "quoted" {brace} ; #not a comment' "second\" line";`, origin{"/etc/nginx/nginx.conf", 5}},
		{`listen [::]:443 ssl;`, origin{"/etc/nginx/conf.d/b.conf", 3}},
		{`"~a{2}b" 1;`, origin{"/etc/nginx/nginx.conf", 7}},
		{`		if s then ngx.say('{') end }`, origin{"/etc/nginx/nginx.conf", 9}},
		{`ssl_certificate /etc/nginx/certs/a.pem;`, origin{"/etc/nginx/nginx.conf", 14}},
		{`ssl_certificate_key "$key";`, origin{"/etc/nginx/nginx.conf", 15}},
		{`proxy_ssl_crl /abs;`, origin{"/etc/nginx/nginx.conf", 16}},
		{`acme_certificate issuer;`, origin{"/etc/nginx/nginx.conf", 17}},
	} {
		i := slices.Index(all, want.text)
		if i < 0 || origins[i] != want.at {
			t.Errorf("line %q: index %d in\n%s", want.text, i, text)
		}
	}
	if all[len(all)-1] != sentinel+";" {
		t.Error("the sentinel is not the last line")
	}
}

func TestBrokenConfigurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http {\n":             `unexpected end of file, expecting "}" in /etc/nginx/nginx.conf:2`,
		"http {\na":            `unexpected end of file, expecting ";" or "}" in /etc/nginx/nginx.conf:2`,
		"a 'b'c;":              `unexpected "c" in /etc/nginx/nginx.conf:1`,
		"a b":                  `unexpected end of file, expecting ";" or "}" in /etc/nginx/nginx.conf:1`,
		"}\n":                  `unexpected "}" in /etc/nginx/nginx.conf:1`,
		"\n;":                  `unexpected ";" in /etc/nginx/nginx.conf:2`,
		"{ }":                  `unexpected "{" in /etc/nginx/nginx.conf:1`,
		"a 'b;\n":              `unexpected end of file, expecting the end of a quoted text in /etc/nginx/nginx.conf:2`,
		"x_by_lua_block { {":   `unexpected end of file, expecting "}" in /etc/nginx/nginx.conf:1`,
		"a \\":                 `unexpected end of file, expecting ";" or "}" in /etc/nginx/nginx.conf:1`,
		"\ninclude gone.conf;": `open() "/etc/nginx/gone.conf" failed (2: No such file or directory) in /etc/nginx/nginx.conf:2`,
		"include gone.conf; {": `open() "/etc/nginx/gone.conf" failed (2: No such file or directory) in /etc/nginx/nginx.conf:1`,
		"include nginx.conf;":  `too many files include each other, at /etc/nginx/nginx.conf`,
	} {
		h := systemtest.New(t)
		h.File("/etc/nginx/nginx.conf", text)
		if _, err := readConf(h, "/etc/nginx/nginx.conf"); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Of a broken configuration is read what stands before the fault, in included files too.
func TestReadConfKeepsWhatItCouldRead(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/etc/nginx/nginx.conf", "http { include conf.d/*.conf; server { listen 3; } }")
	h.File("/etc/nginx/conf.d/a.conf", "server { listen 1; }\n")
	h.File("/etc/nginx/conf.d/b.conf", "server {\n listen 2;\n}\n}")
	c, err := readConf(h, "/etc/nginx/nginx.conf")
	if want := `unexpected "}" in /etc/nginx/conf.d/b.conf:4`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	servers := inspectorOf(t, h, true).servers(c)
	if len(servers) != 2 || servers[1].File != "/etc/nginx/conf.d/b.conf" || servers[1].Line != 1 || servers[1].Listens[0] != "2" {
		t.Errorf("got %+v", servers)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	origins := []origin{{"/etc/nginx/a.conf", 7}}
	for stderr, want := range map[string]string{
		"2026/11/22 23:24:05 [emerg] 10917#10917: unknown directive \"" + sentinel + "\" in /dev/stdin:1\n": "",
		"nginx: [emerg] unknown directive \"x\" in /dev/stdin:1\nnginx: configuration file failed":          `unknown directive "x" in /etc/nginx/a.conf:7`,
		"nginx: [warn] old [emerg] x\n2026/11/22 23:24:05 [emerg] 1#1: \x1b[31mbad in /dev/stdin:99":        "␛[31mbad in /dev/stdin:99",
	} {
		if ok, got := verdict(stderr, origins); got != want || ok != (want == "") {
			t.Errorf("%q: %t, %q; want %q", stderr, ok, got, want)
		}
	}
	if ok, problem := verdict("", origins); ok || problem != "" {
		t.Errorf("silence is %t, %q", ok, problem)
	}
}

func FuzzReadConf(f *testing.F) {
	for _, seed := range []string{tricky, "a{", "'", `\`, "x_by_lua_block{\"", "0{_by_lua_block{}}", "a_by_lua_block{--}}", "${", "a ${;}", "ssl_crl 'a b';", "ssl_crl \"a\\\"\\x\";", "a{b 'c\n';}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := systemtest.New(t)
		h.File("/n.conf", text)
		c, err := readConf(h, "/n.conf")
		if err != nil {
			return
		}
		flat, origins := flatten(c, "/")
		if n := strings.Count(flat, "\n"); n != len(origins) {
			t.Errorf("%d lines have %d origins", n, len(origins))
		}
		again, err := conf.Parse([]byte(flat))
		if err != nil || !conf.Equal(again[:len(again)-1], absolute(c.top)) {
			t.Errorf("%q is flat %q, %v", text, flat, err)
		}
	})
}

// absolute is the tree with the paths that flatten makes absolute, as in TestFlatten; the folder is "/".
func absolute(tree []conf.Directive) []conf.Directive {
	all := []conf.Directive{}
	for _, d := range tree {
		if text := (&flat{base: "/"}).absolute(d); text != strings.Join(d.Words, " ") {
			d.Args = slices.Clone(d.Args)
			d.Args[0] = path.Join("/", d.Args[0])
		}
		if d.Block != nil {
			d.Block = absolute(d.Block)
		}
		all = append(all, d)
	}
	return all
}
