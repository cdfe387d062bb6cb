package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestOwnCAPage: who asks over plain HTTP gets the page and the file, for a site that shows them, and nothing else of the
// folder; everything else of the site is redirected as ever.
func TestOwnCAPage(t *testing.T) {
	t.Parallel()
	webroot := t.TempDir()
	folder := filepath.Join(webroot, steps.CAPath)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{steps.CAPageFile: "<!doctype html>", steps.CACertFile: "PEM", "other": "no"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := echoServer(t)
	shown, hidden := testSite(app.URL, names("a.test")), testSite(app.URL, names("b.test"))
	shown.Redirect = steps.SiteRedirect{Enabled: true, Status: 301}
	hidden.Redirect = shown.Redirect
	shown.Trusted = steps.SiteTrusted{Source: steps.SourceNone, CAPage: true}
	i := serve(t, Config{Webroot: webroot, Sites: []Site{shown, hidden}})
	client := i.client(t, false)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct {
		url, kind, body string
		status          int
	}{
		{"http://a.test" + steps.CAPath, "text/html; charset=utf-8", "<!doctype html>", 200},
		{"http://a.test" + steps.CAPath + "?x=1", "text/html; charset=utf-8", "<!doctype html>", 200},
		{"http://a.test" + steps.CAPath + "index.html", "text/html; charset=utf-8", "<!doctype html>", 200},
		{"http://a.test" + steps.CAPath + "ca.crt", "application/x-x509-ca-cert", "PEM", 200},
		{"http://a.test" + steps.CAPath + "other", "", "", 404},
		{"http://a.test" + steps.CAPath + "../acme-challenge/x", "", "", 404},
		{"http://a.test/", "", "", 301},
		{"http://b.test" + steps.CAPath, "", "", 301},
	} {
		response, body := get(t, client, c.url)
		if response.StatusCode != c.status || c.kind != "" && (response.Header.Get("Content-Type") != c.kind || !strings.Contains(string(body), c.body)) {
			t.Errorf("%s: %d %s %q", c.url, response.StatusCode, response.Header.Get("Content-Type"), body)
		}
	}
	if response, body := get(t, client, "https://a.test"+steps.CAPath); response.StatusCode != 200 || strings.Contains(string(body), "<!doctype") {
		t.Errorf("over TLS it is not the application that answers: %d %s", response.StatusCode, body)
	}
}
