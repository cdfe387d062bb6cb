package inspect

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// realNginx is an inspector with the nginx of this machine and a configuration of the test's own.
func realNginx(t *testing.T) (*inspector, nginxBuild, string) {
	t.Helper()
	in := &inspector{ctx: t.Context(), host: host.New(""), opt: Options{Process: ThisProcess("")}}
	if in.first(nginxPlaces) == "" {
		t.Skip("needs nginx: apt-get install nginx")
	}
	build, dir := in.nginxBuild(), t.TempDir()
	build.conf = filepath.Join(dir, "nginx.conf")
	return in, build, dir
}

// wouldWrite is a configuration that makes nginx -t create a pid file, logs and folders. Its port is free or not:
// nothing must bind it.
func wouldWrite(dir, more string) string {
	return fmt.Sprintf(`pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log %[1]s/access.log;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u;
	scgi_temp_path %[1]s/s; proxy_cache_path %[1]s/cache keys_zone=z:1m;
	include site/*.conf;
	server { listen unix:%[1]s/socket; %[2]s }
}
`, dir, more)
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRealNginxJudgesAndChangesNothing(t *testing.T) {
	t.Parallel()
	in, build, dir := realNginx(t)
	must(t, os.Mkdir(filepath.Join(dir, "site"), 0o755))
	cases := []struct{ main, site, want string }{
		{"return 204;", "server { listen 127.0.0.1:1; }", ""},
		{"nonsense;", "", `unknown directive "nonsense" in ` + dir + "/nginx.conf:8"},
		{"", "\n\nserver { listen 127.0.0.1:1 wrong; }", `invalid parameter "wrong" in ` + dir + "/site/a.conf:3"},
		{"listen 127.0.0.1:2 ssl; ssl_certificate none.pem; ssl_certificate_key none.pem;", "",
			`cannot load certificate "` + dir + `/none.pem"`},
		{"listen 127.0.0.1:3 default_server;", "server { listen 127.0.0.1:3 default_server; }",
			"a duplicate default server for 127.0.0.1:3"},
		{"", "upstream u { }", "no servers are inside upstream in " + dir + "/site/a.conf:1"},
	}
	for _, c := range cases {
		must(t, os.WriteFile(build.conf, []byte(wouldWrite(dir, c.main)), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, "site/a.conf"), []byte(c.site), 0o644))
		before := tree(t, dir)
		read, err := readConf(in.host, build.conf)
		if err != nil {
			t.Fatal(err)
		}
		if ok, problem := in.judge(read, build, false); ok != (c.want == "") || !strings.Contains(problem, c.want) {
			t.Errorf("%+v: %t, %q", c, ok, problem)
		}
		if after := tree(t, dir); after != before {
			t.Errorf("judging changed\n%s\nto\n%s", before, after)
		}
	}
}

// What nginx's own reader finds wrong, ours finds at the same line and in the same words.
func TestRealNginxReadsAsWeDo(t *testing.T) {
	t.Parallel()
	in, build, _ := realNginx(t)
	for _, text := range []string{
		"http {\n", "a b", "http { a b", "}\n", "\n;", "{ }", "a { b }", "a\n'b'c;", "a 'b\nc'\n\"d\"\"e\";", "a \\", "a b\\\n;;", "a ${b {;",
	} {
		must(t, os.WriteFile(build.conf, []byte(text), 0o644))
		_, err := readConf(in.host, build.conf)
		stderr, asked := in.parseOnly(build, "events {}\ninclude "+build.conf+";\n")
		said := emergency.FindStringSubmatch(stderr)
		if !asked || said == nil {
			t.Fatalf("%q: nginx says %q", text, stderr)
		}
		if unknown := strings.HasPrefix(said[1], "unknown directive"); err == nil || !unknown && err.Error() != said[1] {
			t.Errorf("%q: %v; nginx says %q", text, err, said[1])
		}
	}
}

// The real "nginx -t" does create what the judge does not: without this the test above would prove nothing.
func TestRealNginxWouldChangeSomething(t *testing.T) {
	t.Parallel()
	in, build, dir := realNginx(t)
	must(t, os.Mkdir(filepath.Join(dir, "site"), 0o755))
	must(t, os.WriteFile(build.conf, []byte(wouldWrite(dir, "")), 0o644))
	before := tree(t, dir)
	if _, err := in.host.Query(in.ctx, host.Command{Argv: []string{"nginx", "-t", "-c", build.conf}}); err != nil {
		t.Fatal(err)
	}
	if tree(t, dir) == before {
		t.Error("nginx -t changed nothing, so the test of the judge cannot fail")
	}
}

func TestRealNginxCaps(t *testing.T) {
	t.Parallel()
	in, build, _ := realNginx(t)
	if got, want := in.caps(build), capsOf(build.version); got != want {
		t.Logf("the distribution's nginx %s differs from upstream's: %+v, %+v", build.version, got, want)
	}
	old := build
	old.version = "1.19.5" // so that everything is asked, not concluded
	want := steps.NginxCaps{HTTP2Directive: atLeast(build.version, 1, 25, 1), RejectHandshake: true, QUIC: atLeast(build.version, 1, 25, 0)}
	if got := in.caps(old); got != want {
		t.Errorf("asked, nginx %s has %+v; want %+v", build.version, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
