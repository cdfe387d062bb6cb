package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// hook is what the file of a webhook says.
type hook struct {
	url    *url.URL
	header http.Header
}

// readHook reads the file: a URL, and header fields in the lines below it. Nothing of it goes into what is found against it.
func readHook(r host.Reader, file string) (hook, steps.RootFile) {
	f, seen := rootonly.Secret(r, file)
	if seen != (steps.RootFile{}) {
		return hook{}, seen
	}
	h, err := parseHook(string(f.Data))
	if err != nil {
		return hook{}, steps.RootFile{Fault: err.Error()}
	}
	return h, steps.RootFile{}
}

func parseHook(text string) (hook, error) {
	h := hook{header: http.Header{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case h.url == nil:
			u, err := url.Parse(line)
			if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
				return hook{}, errors.New("its first line is no https URL")
			}
			h.url = u
		default:
			name, value, ok := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			if !ok || !token(name) || steps.CleanLine(value) != value {
				return hook{}, errors.New("a line below the URL is no header field (Name: value)")
			}
			h.header.Set(textproto.CanonicalMIMEHeaderKey(name), value)
		}
	}
	if h.url == nil {
		return hook{}, errors.New("it has no URL")
	}
	return h, nil
}

func token(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// post sends the message as JSON. "text" is where Slack, Mattermost and Teams look, "content" where Discord does.
func (s *Sender) post(ctx context.Context, file string, m Message) error {
	h, seen := readHook(s.Host, file)
	if why := seen.Wrong(); why != "" {
		return fmt.Errorf("cannot use %s: %s", steps.CleanLine(file), why)
	}
	body, err := json.Marshal(struct {
		Message
		Text    string `json:"text"`
		Content string `json:"content"`
	}{m, m.Body(), m.Body()})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot post to %s", steps.CleanLine(h.url.Hostname()))
	}
	request.Header = h.header
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "sslwizard")
	reply, err := s.client().Do(request)
	if err != nil {
		return fmt.Errorf("cannot post to %s: %s", steps.CleanLine(h.url.Hostname()), reason(err))
	}
	defer reply.Body.Close()
	_, _ = io.CopyN(io.Discard, reply.Body, 64<<10) // so that the connection ends well
	if reply.StatusCode/100 != 2 {
		return fmt.Errorf("cannot post to %s: it answers %d", steps.CleanLine(h.url.Hostname()), reply.StatusCode)
	}
	return nil
}

// client follows no redirect: what is posted is for one server, and so are its header fields.
func (s *Sender) client() *http.Client {
	c := http.Client{}
	if s.HTTP != nil {
		c = *s.HTTP
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// reason is the error without the URL, which is a secret.
func reason(err error) string {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return steps.CleanLine(err.Error())
}
