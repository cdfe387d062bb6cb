package dns01

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// The bounds of one conversation with a provider.
const (
	maxTries  = 4
	maxReply  = 4 << 20
	maxWait   = 30 * time.Second // that a provider may ask for
	perReply  = 30 * time.Second
	userAgent = "sslwizard (+https://github.com/c93d5bcb/sslwizard)"
)

// api is how a provider is spoken to: JSON over HTTPS, with a signature on every request.
type api struct {
	who     string
	base    string
	sign    func(*http.Request)
	secrets []string // never in an error
	pause   time.Duration
	client  *http.Client
}

// newAPI speaks to the provider at its own address; sign may be nil.
func newAPI(who, base string, m Means, sign func(*http.Request), secrets ...string) *api {
	if m.Endpoint != "" {
		base = m.Endpoint
	}
	return &api{
		who: who, base: strings.TrimSuffix(base, "/"), sign: sign, secrets: secrets, pause: m.Pause,
		client: &http.Client{
			Timeout: perReply,
			Transport: &http.Transport{
				Proxy: nil, DialContext: m.Dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
				TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			},
			// What signs a request is for this host alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// bearer signs as most do.
func bearer(scheme, token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", scheme+" "+token) }
}

// apiError is an answer that is no good.
type apiError struct {
	who    string
	status int
	said   string
}

func (e *apiError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%s answers %d %s", e.who, e.status, http.StatusText(e.status)))
	if e.said != "" {
		text += " (" + e.said + ")"
	}
	return text
}

// Is tells the credentials' fault from others.
func (e *apiError) Is(target error) bool {
	return target == ErrDenied && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden)
}

func isStatus(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.status == status
}

// call sends one question until it is answered: again after 429, 5xx and a connection that broke, a few times. in and out
// are JSON, and may be nil.
func (a *api) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	reply, err := a.ask(ctx, method, path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(reply, out); err != nil {
		return fmt.Errorf("%s does not answer as it should: what came is no JSON of the kind", a.who)
	}
	return nil
}

// ask is call without JSON.
func (a *api) ask(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	pause := a.pause
	for try := 1; ; try++ {
		reply, after, err := a.once(ctx, method, path, kind, body)
		if err == nil || try == maxTries || !again(err) || ctx.Err() != nil {
			return reply, err
		}
		select {
		case <-time.After(max(pause, after)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		pause *= 2
	}
}

// again reports whether the same question may be answered later.
func again(err error) bool {
	var e *apiError
	return !errors.As(err, &e) || e.status == http.StatusTooManyRequests || e.status >= http.StatusInternalServerError
}

func (a *api) once(ctx context.Context, method, path, kind string, body []byte) ([]byte, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("%s cannot be asked: %s", a.who, a.clean(err.Error()))
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	if a.sign != nil {
		a.sign(request)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, 0, a.unanswered(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, 0, a.unanswered(ctx, err)
	}
	if response.StatusCode/100 == 2 {
		return text, 0, nil
	}
	after, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return text, min(time.Duration(max(after, 0))*time.Second, maxWait), &apiError{a.who, response.StatusCode, a.clean(saidIn(text))}
}

// unanswered is a request without a reply. Its address is not told: some providers want their token there.
func (a *api) unanswered(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s does not answer: %s", a.who, a.clean(err.Error()))
}

// clean makes a provider's words fit for a line, without what is secret.
func (a *api) clean(text string) string {
	return scrub(text, a.secrets)
}

// scrub cleans before it looks: a secret may become whole only when what cannot be shown is taken out of it.
func scrub(text string, secrets []string) string {
	text = steps.CleanLine(text)
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), steps.CleanLine(s)} {
			if form != "" {
				text = strings.ReplaceAll(text, form, "…")
			}
		}
	}
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}

// saidIn finds what is for people in a reply that is no success: whatever is called a message, a detail or an error.
func saidIn(text []byte) string {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return ""
	}
	var said []string
	collect(value, &said, 0)
	slices.Sort(said)
	said = slices.Compact(said)
	return strings.Join(said[:min(len(said), 3)], "; ")
}

func collect(value any, said *[]string, depth int) {
	if depth > 4 {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			collect(item, said, depth+1)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text, ok := v[key].(string); ok && slices.Contains([]string{"message", "detail", "error", "cause"}, key) && text != "" {
				*said = append(*said, text)
			}
			collect(v[key], said, depth+1)
		}
	}
}
