package steps

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Questions, answers and schema have the same keys in the same order.
func TestQuestionsFitAnswersAndSchema(t *testing.T) {
	t.Parallel()
	var asked []string
	for _, q := range Questions(Facts{}) {
		asked = append(asked, q.Key)
	}
	if keys := Keys()[2:]; !reflect.DeepEqual(asked, keys) {
		t.Errorf("questions %q\nanswers   %q", asked, keys)
	}
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schemaKeys(schema, ""); !sameSet(got, Keys()) {
		t.Errorf("schema %q\nanswers %q", got, Keys())
	}
}

func schemaKeys(part map[string]any, path string) []string {
	properties, ok := part["properties"].(map[string]any)
	if !ok {
		return []string{path}
	}
	var all []string
	for name, p := range properties {
		all = append(all, schemaKeys(p.(map[string]any), join(path, name))...)
	}
	return all
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestEveryQuestionIsComplete(t *testing.T) {
	t.Parallel()
	kinds := map[reflect.Kind][]Kind{
		reflect.String: {KindText, KindChoice, KindDuration, KindSize},
		reflect.Bool:   {KindBool}, reflect.Int: {KindNumber, KindChoice}, reflect.Slice: {KindList}, reflect.Map: {KindHeaders},
	}
	a := Defaults()
	for _, q := range Questions(Facts{}) {
		if q.Label == "" || q.Help == "" || q.Why == "" || q.Step == "" || !strings.HasPrefix(q.Key, string(q.Step)+".") {
			t.Errorf("%s: label %q, help %q, why %q, step %q", q.Key, q.Label, q.Help, q.Why, q.Step)
		}
		v, _ := a.field(q.Key)
		if !slices.Contains(kinds[v.Kind()], q.Kind) {
			t.Errorf("%s: kind %s does not fit a field of kind %v", q.Key, q.Kind, v.Kind())
		}
		if q.Advanced && (q.Required || q.Consent) {
			t.Errorf("%s cannot be left out, and is hidden from who does not look for it", q.Key)
		}
		if (q.Kind == KindChoice) != (len(q.Options) > 0) {
			t.Errorf("%s: kind %s with %d options", q.Key, q.Kind, len(q.Options))
		}
		if !q.Required && q.Default != a.Text(q.Key) {
			t.Errorf("%s: the question's default without facts is %q, the file's is %q", q.Key, q.Default, a.Text(q.Key))
		}
		if !q.Required {
			if err := q.Check(a, q.Default); err != nil && q.When == nil {
				t.Errorf("%s: the default %q is refused: %v", q.Key, q.Default, err)
			}
		}
		if strings.HasPrefix(q.Key, "trusted.dns.") {
			a.Trusted.Challenge = DNS01
		}
		for _, o := range q.Options {
			if err := q.Check(a, o.Value); err != nil {
				t.Errorf("%s: option %q: %v", q.Key, o.Value, err)
			}
		}
	}
}

// What a person would type instead must not repeat the document's mistakes (field.md section 5).
func TestShellIsCorrected(t *testing.T) {
	t.Parallel()
	for _, q := range Questions(Facts{}) {
		text := strings.Join(q.Shell, "\n")
		for _, mistake := range []string{"433", "$request_uri/", "location/{", "default.d", "localhost:", "dhparam -out", "service nginx", "$proxy_add_x_forwarded_for", `Connection "upgrade"`, "/etc/ssl/private", "cert.pem\nssl"} {
			if strings.Contains(text, mistake) {
				t.Errorf("%s: the shell text has %q", q.Key, mistake)
			}
		}
	}
}

func TestQuestionCheckSpeaksLikeTheFile(t *testing.T) {
	t.Parallel()
	byKey := questionsByKey()
	for _, c := range []struct{ key, text, want string }{
		{"certs.domains", "shop.example.com", ""},
		{"certs.domains", "shop.example.com, sh op_", `"op_" is not a domain name: '_' cannot be in one`},
		{"certs.days", "x", `a whole number, please; not "x"`},
		{"certs.days", "400", "400 is not within 1 and 398; browsers refuse certificates that last longer"},
		{"proxy.upstream", "3000", ""},
		{"proxy.upstream", "80", "port 80 of this server is where the proxy itself listens; give the port of the application"},
		{"proxy.headers", "Host: x", "the proxy sets Host itself"},
		{"trusted.acceptTerms", "no", "missing: true says that you agree to the terms of the certificate authority; nobody can say it for you"},
		{"trusted.acceptTerms", "yes", ""},
	} {
		got := ""
		if err := byKey[c.key].Check(Defaults(), c.text); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.key, c.text, got, c.want)
		}
	}
}

// A name that only no CA issues for is no wrong answer where the CA is not chosen yet; where it is, it says why not.
func TestQuestionCheckWaitsForLaterAnswers(t *testing.T) {
	t.Parallel()
	byKey := questionsByKey()
	for name, key := range map[string]string{"intranet": "trusted.source", "*.example.com": "trusted.challenge"} {
		a := Defaults()
		if err := byKey["certs.domains"].Check(a, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := a.Set("certs.domains", name); err != nil {
			t.Fatal(err)
		}
		if err := byKey[key].Check(a, a.Text(key)); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: a CA can be chosen: %v", name, err)
		}
		if err := byKey["trusted.source"].Check(a, SourceNone); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuestionsFollowAnswersAndFacts(t *testing.T) {
	t.Parallel()
	keys := func(a Answers, f Facts) []string {
		var all []string
		for _, s := range All() {
			for _, q := range s.Questions(a, f) {
				all = append(all, q.Key)
			}
		}
		return all
	}
	a := Defaults()
	if got := keys(a, Facts{Firewall: Firewall{Kind: "none"}}); slices.Contains(got, "install.firewall") || slices.Contains(got, "certs.dhGroup") ||
		slices.Contains(got, "trusted.certificate") || !slices.Contains(got, "trusted.email") {
		t.Errorf("asked: %q", got)
	}
	a.Trusted.Source, a.Install.Executor, a.SSL.HSTS.MaxAge = SourceFiles, ExecutorNginx, "1d"
	if got := keys(a, Facts{Firewall: Firewall{Kind: "ufw"}}); !slices.Contains(got, "install.firewall") || !slices.Contains(got, "certs.dhGroup") ||
		!slices.Contains(got, "trusted.certificate") || slices.Contains(got, "trusted.email") || !slices.Contains(got, "ssl.hsts.includeSubDomains") {
		t.Errorf("asked: %q", got)
	}
}

func TestDefaultsFromFacts(t *testing.T) {
	t.Parallel()
	f := Facts{Hostname: "web1.example.net", Nginx: Nginx{Active: true, Servers: []NginxServer{{File: "/etc/nginx/conf.d/a.conf"}}},
		Listeners: []Listener{{Port: Port{22, "tcp"}}, {Port: Port{5432, "tcp"}}, {Port: Port{3000, "tcp"}}}}
	got := map[string]string{}
	for _, q := range Questions(f) {
		got[q.Key] = q.Default
	}
	for key, want := range map[string]string{"install.executor": "nginx", "certs.domains": "web1.example.net", "proxy.upstream": "http://127.0.0.1:3000", "trusted.acceptTerms": "no"} {
		if got[key] != want {
			t.Errorf("%s: default %q, want %q", key, got[key], want)
		}
	}
	f.Nginx.Servers = []NginxServer{{Stock: true}}
	for number, want := range map[int]string{80: ExecutorNginx, 8080: ExecutorNative} {
		f.Listeners = append(f.Listeners[:3:3], Listener{Port: Port{number, "tcp"}, Process: "nginx"})
		if d := defaultExecutor(f); d != want {
			t.Errorf("nginx with nothing but its own page on port %d: %s", number, d)
		}
	}
	f.Listeners = f.Listeners[:3]
	for _, executor := range []string{ExecutorNative, ExecutorNginx} {
		f.Managed.Sites = []Site{{Name: "shop.example.com", Install: SiteInstall{Executor: executor}}}
		if d, why := defaultExecutor(f), whyExecutor(f); d != executor || !strings.Contains(why, "shop.example.com") {
			t.Errorf("beside a site of %s: %s, %q", executor, d, why)
		}
	}
	f.Listeners = append(f.Listeners, Listener{Port: Port{8080, "tcp"}})
	if d := defaultUpstream(f); d != "" {
		t.Errorf("two applications listen, and %s was picked", d)
	}
}

func TestStepsAreTheSeven(t *testing.T) {
	t.Parallel()
	var ids []ID
	for _, s := range All() {
		ids = append(ids, s.ID())
		if s.Title() == "" {
			t.Errorf("%s has no title", s.ID())
		}
	}
	if !reflect.DeepEqual(ids, IDs()) {
		t.Errorf("got %q", ids)
	}
}
