package acme

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// fault answers the first n requests to paths that begin with prefix itself.
func fault(prefix string, n int32, answer func(http.ResponseWriter, *http.Request, http.Handler)) func(http.Handler) http.Handler {
	var left atomic.Int32
	left.Store(n)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, prefix) && left.Add(-1) >= 0 {
				answer(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func problem(status int, kind, detail string, header ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": problemPrefix + kind, "detail": detail, "status": status})
	}
}

func html(status int, header ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "<html>\x1b[2Joh no</html>")
	}
}

// reset cuts the connection before the CA saw the request.
func reset(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// lost lets the CA do it and then loses the reply.
func lost(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// otherNames answers an order with one for another name.
func otherNames(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Location", "https://"+r.Host+"/my-order/x")
	w.Header().Set("Replay-Nonce", "x")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "pending", "identifiers": []map[string]string{{"type": "dns", "value": "evil.example.net"}}})
}

func torn(w http.ResponseWriter, r *http.Request, next http.Handler) {
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, r)
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes()[:recorded.Body.Len()/2])
}

// TestFaultsThatPass are those after which the certificate is there all the same, without the user noticing.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	paths := map[string]string{
		"directory": "/dir", "nonce": "/nonce-plz", "account": "/sign-me-up", "order": "/order-plz", "authorization": "/authZ/",
		"challenge": "/chalZ/", "finalize": "/finalize-order/", "look": "/my-order/", "certificate": "/certZ/",
	}
	for what, path := range paths {
		for name, f := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
			"503": html(503), "500": problem(500, "serverInternal", "oh no"), "reset": reset, "reply lost": lost,
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, pebbletest.Options{Wrap: fault(path, 1, f)})
				chain, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
				if err != nil {
					t.Fatal(err)
				}
				w.trusted(chain, "shop.example.com")
				if n := w.ca.Requests("/finalize-order/"); n > 2 {
					t.Errorf("the request was handed in %d times", n)
				}
			})
		}
	}
}

// TestChallengeIsLookedAtAlready is the lost reply of a CA that looks slowly: told again to look it refuses, while the
// authorization is pending still.
func TestChallengeIsLookedAtAlready(t *testing.T) {
	t.Parallel()
	lookedAt := make(chan struct{})
	var told atomic.Int32
	w := newWorld(t, pebbletest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/chalZ/") && told.Add(1) == 1 {
				lost(w, r, next)
			}
			next.ServeHTTP(w, r)
			if strings.HasPrefix(r.URL.Path, "/authZ/") && told.CompareAndSwap(2, 3) {
				close(lookedAt)
			}
		})
	}})
	w.web.replace(func(rw http.ResponseWriter, r *http.Request) {
		<-lookedAt
		w.web.serveToken(rw, r)
	})
	chain, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	w.trusted(chain, "shop.example.com")
}

func TestTornCertificateIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){"torn": torn, "not there yet": problem(404, "malformed", "not yet")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{Wrap: fault("/certZ/", 1, f)})
			chain, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
			if err != nil {
				t.Fatal(err)
			}
			w.trusted(chain, "shop.example.com")
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Wrap: fault("/order-plz", 1, html(503, "Retry-After", "1"))})
	begin := time.Now()
	if _, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("the CA asked for a second, it got %v", took)
	}
}

func TestBadNonces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{RejectNonces: 30})
	if _, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
}

func TestProcessingIsWaitedFor(t *testing.T) {
	t.Parallel()
	processing := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		body := strings.Replace(recorded.Body.String(), `"status": "valid"`, `"status": "processing"`, 1)
		_, _ = w.Write([]byte(body))
	}
	w := newWorld(t, pebbletest.Options{Wrap: fault("/my-order/", 3, processing)})
	if _, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}

	w = newWorld(t, pebbletest.Options{Wrap: fault("/my-order/", 1<<20, processing)})
	c := w.client()
	c.Pace.Issue = 200 * time.Millisecond
	_, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	expect(t, err, "A19", steps.ExitTryLater)
	if len(w.orders.urls) != 1 {
		t.Error("the order that is under way was not saved")
	}
}

func TestFaultsThatStop(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path   string
		answer func(http.ResponseWriter, *http.Request, http.Handler)
		code   string
		status int
		fix    string
	}{
		"rate limit": {"/order-plz", problem(429, "rateLimited", "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-11-24 14:20:00 UTC: see https://letsencrypt.org/docs/rate-limits/"),
			"A14", steps.ExitTryLater, "2026-11-24 14:20 UTC"},
		"rate limit by header": {"/order-plz", problem(429, "rateLimited", "no", "Retry-After", "3600"), "A14", steps.ExitTryLater, "possible again at"},
		"paused": {"/order-plz", problem(429, "rateLimited", "Your account is temporarily prevented from requesting certificates for shop.example.com. To unpause visit: https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc"),
			"A15", steps.ExitTryLater, "https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc"},
		"rejected":        {"/order-plz", problem(400, "rejectedIdentifier", "policy \x1b[2J forbids"), "A28", steps.ExitAnswers, "certs.domains"},
		"maintenance":     {"/dir", html(503, "Retry-After", "7200"), "A16", steps.ExitTryLater, "again after"},
		"always 500":      {"/order-plz", html(500), "A16", steps.ExitUnavailable, "keeps the certificate"},
		"not a directory": {"/dir", html(404), "A16", steps.ExitUnavailable, "trusted.directory"},
		"terms changed":   {"/order-plz", problem(403, "userActionRequired", "terms changed"), "A18", steps.ExitAnswers, "terms"},
		"bad e-mail":      {"/sign-me-up", problem(400, "invalidContact", "no MX"), "A18", steps.ExitAnswers, "trusted.email"},
		"busy front":      {"/dir", html(429, "Retry-After", "60"), "A14", steps.ExitTryLater, "possible again at"},
		"busy nonces":     {"/nonce-plz", html(429), "A14", steps.ExitTryLater, "did not say until when"},
		"caa":             {"/finalize-order/", problem(403, "caa", "CAA record forbids"), "A09", steps.ExitFailed, "CAA"},
		"not JSON":        {"/order-plz", html(201), "A16", steps.ExitUnavailable, "trusted.directory"},
		"names changed":   {"/order-plz", otherNames, "A21", steps.ExitUnavailable, "certs.domains"},
		"unknown problem": {"/order-plz", problem(400, "somethingNew", "hm"), "", steps.ExitFailed, "keeps the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{Wrap: fault(test.path, 1<<20, test.answer)})
			c := w.client()
			c.Pace.Patience = 200 * time.Millisecond
			_, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
			f := expect(t, err, test.code, test.status)
			if !strings.Contains(strings.Join(f.Fixes, "\n"), test.fix) {
				t.Errorf("the fix does not say %q: %v", test.fix, f.Fixes)
			}
		})
	}
}

// TestRefusedRequestIsNotCounted: a certificate is counted when it is asked for, and no more when the CA refuses to make it;
// unless it has made it, and only the reply was lost.
func TestRefusedRequestIsNotCounted(t *testing.T) {
	t.Parallel()
	caa := problem(403, "caa", "CAA record forbids")
	w := newWorld(t, pebbletest.Options{Wrap: fault("/finalize-order/", 1, caa)})
	_, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	expect(t, err, "A09", steps.ExitFailed)
	if !slices.Equal(w.orders.spent, w.orders.urls) || !slices.Equal(w.orders.void, w.orders.urls) {
		t.Errorf("ordered %v, counted %v, taken back %v", w.orders.urls, w.orders.spent, w.orders.void)
	}

	w = newWorld(t, pebbletest.Options{Wrap: fault("/finalize-order/", 1, func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		caa(rw, r, next)
	})})
	chain, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	w.trusted(chain, "shop.example.com")
	if len(w.orders.spent) != 1 || len(w.orders.void) != 0 {
		t.Errorf("counted %v, taken back %v", w.orders.spent, w.orders.void)
	}
}

// TestLimitsHaveAnEnd: a CA that says a time in a lifetime or two keeps nobody from asking after a week.
func TestLimitsHaveAnEnd(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"seconds": problem(429, "rateLimited", "no", "Retry-After", "2147483647"),
		"date":    problem(429, "rateLimited", "no", "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
		"text":    problem(429, "rateLimited", "no, retry after 9999-12-31 23:59:59 UTC: see nowhere"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{Wrap: fault("/order-plz", 1<<20, answer)})
			_, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
			f := expect(t, err, "A14", steps.ExitTryLater)
			var l *Limited
			if !errors.As(err, &l) || l.Until.IsZero() || time.Until(l.Until) > longestWait {
				t.Errorf("until %v: %v", l, err)
			}
			if !strings.Contains(strings.Join(f.Fixes, " "), clock(l.Until)) {
				t.Errorf("the fix says another time: %v", f.Fixes)
			}
		})
	}
}

// TestTheWordsOfTheCAHaveAnEnd: what it says of thousands of names is no text for people.
func TestTheWordsOfTheCAHaveAnEnd(t *testing.T) {
	t.Parallel()
	p := &acme.ProblemDetails{Type: problemPrefix + "malformed", Detail: strings.Repeat("x", 1<<20)}
	for range 5000 {
		p.SubProblems = append(p.SubProblems, acme.SubProblem{Detail: strings.Repeat("y", 1000)})
	}
	if text := (&caError{p}).Error(); len(text) > 10_000 || !strings.Contains(text, "and 4990 more") {
		t.Errorf("%d bytes: %.200s", len(text), text)
	}
}

// TestNonceStorm: nine of ten nonces are refused and the certificate is there all the same; when all are, it ends soon.
func TestNonceStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{RejectNonces: 90})
	c := w.client()
	c.Pace.Patience = time.Minute
	if _, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, pebbletest.Options{RejectNonces: 100})
	c = w.client()
	c.Pace.Patience = 50 * time.Millisecond
	_, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	expect(t, err, "A13", steps.ExitTryLater)
}

func TestHugeReply(t *testing.T) {
	t.Parallel()
	huge := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write(make([]byte, maxReply+2))
	}
	w := newWorld(t, pebbletest.Options{Wrap: fault("/dir", 1<<20, huge)})
	_, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	expect(t, err, "A16", steps.ExitUnavailable)
	if n := w.ca.Requests("/dir"); n != 1 {
		t.Errorf("a reply that is too large was asked for %d times", n)
	}
}

func TestUntrustedDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	r := w.request("shop.example.com")
	r.Roots = w.ca.Roots()
	_, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	f := expect(t, err, "A16", steps.ExitUnavailable)
	if !strings.Contains(strings.Join(f.Fixes, " "), "trusted.caRoots") {
		t.Errorf("the fix is %v", f.Fixes)
	}
}

func TestCAIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	r := w.request("shop.example.com")
	if err := w.ca.Close(); err != nil {
		t.Fatal(err)
	}
	c := w.client()
	c.Pace.Patience = 100 * time.Millisecond
	_, err := c.Obtain(t.Context(), r, w.web, w.orders)
	expect(t, err, "A16", steps.ExitUnavailable)
}

// TestNameOfTheCAIsNotFound names the host that was asked for: what people call the CA is nothing to look up.
func TestNameOfTheCAIsNotFound(t *testing.T) {
	t.Parallel()
	s := &session{Request: Request{Directory: "https://acme-v02.api.letsencrypt.org/directory"}, client: &Client{}}
	err := s.fail("reach the CA", &wayError{"acme-v02.api.letsencrypt.org", &net.DNSError{Err: "server misbehaving", Name: "acme-v02.api.letsencrypt.org", IsTemporary: true}})
	f := expect(t, err, "A16", steps.ExitUnavailable)
	if !strings.HasPrefix(f.Fixes[0], "getent hosts acme-v02.api.letsencrypt.org ") {
		t.Errorf("the fix is %v", f.Fixes)
	}
}

func TestClockIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.client()
	c.Now = func() time.Time { return time.Now().Add(-3*time.Hour - 12*time.Minute) }
	_, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	f := expect(t, err, "H09", steps.ExitFailed)
	if !strings.Contains(f.Text, "3h12m0s behind") {
		t.Errorf("it says %q", f.Text)
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	r := w.request("shop.example.com")
	r.Terms = false
	_, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	expect(t, err, "A18", steps.ExitAnswers)
	w = newWorld(t, pebbletest.Options{EAB: true})
	_, err = w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	expect(t, err, "A18", steps.ExitAnswers)
	if n := w.ca.Requests("/sign-me-up"); n != 0 {
		t.Error("the CA was asked all the same")
	}
}

// TestNothingIsSentWithoutTLS: where a CA says that its services are, and where it redirects to, is https too.
func TestNothingIsSentWithoutTLS(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"directory": fault("/dir", 99, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_ = json.NewEncoder(w).Encode(map[string]string{"newNonce": inside.URL, "newAccount": inside.URL, "newOrder": inside.URL})
		}),
		"redirect": fault("/nonce-plz", 99, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		}),
		"order": fault("/authZ/", 99, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{Wrap: wrap})
			c := w.client()
			c.Pace.Patience = 20 * time.Millisecond
			if _, err := c.Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err == nil {
				t.Error("there is a certificate")
			}
			if n := asked.Load(); n != 0 {
				t.Errorf("%d requests went out without TLS", n)
			}
		})
	}
}

// TestOrderWithoutEnd: a CA that wants thousands of proofs is not followed.
func TestOrderWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Wrap: fault("/order-plz", 99, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Replay-Nonce", "x")
		w.Header().Set("Location", "https://"+r.Host+"/my-order/x")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"status": "pending", "identifiers": []map[string]string{{"type": "dns", "value": "shop.example.com"}},
			"authorizations": slices.Repeat([]string{"https://" + r.Host + "/authZ/x"}, 10_000),
		})
	})})
	_, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders)
	if err == nil || !strings.Contains(err.Error(), "more proofs") || w.ca.Requests("/authZ/") != 0 {
		t.Errorf("asked %d times: %v", w.ca.Requests("/authZ/"), err)
	}
}
