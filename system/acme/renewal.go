package acme

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// RenewalInfo is when a CA would like a certificate to be renewed (ARI, RFC 9773).
type RenewalInfo struct {
	Start, End  time.Time
	Explanation string        // https address of a page that says why; may be empty
	Again       time.Duration // how long the CA does not want to be asked again; 0: not said
}

// ErrNoRenewalInfo is a CA that does not say when to renew.
var ErrNoRenewalInfo = errors.New("the CA does not say when to renew")

// Renewals asks one CA when certificates of it should be renewed. It needs no account, and is not lego's: lego v4 takes any
// reply for an answer, and the window in an error is the beginning of time.
type Renewals struct {
	door      *door
	client    *http.Client
	now       func() time.Time
	userAgent string
	directory string
	address   string // of renewalInfo
}

// Renewals reads the directory of a CA. It fails with ErrNoRenewalInfo when that CA has nothing to say.
func (c *Client) Renewals(ctx context.Context, directory string, roots []byte) (*Renewals, error) {
	if err := checkDirectory(directory); err != nil {
		return nil, err
	}
	door, err := newDoor(ctx, roots, c.Dialer, c.Pace.filled().Request)
	if err != nil {
		return nil, err
	}
	r := &Renewals{door: door, client: &http.Client{Transport: door, CheckRedirect: staysPrivate}, now: c.now, userAgent: c.UserAgent, directory: directory}
	var d acme.Directory
	if _, err = r.get(ctx, directory, &d); err == nil && d.RenewalInfo == "" {
		err = ErrNoRenewalInfo
	}
	if err == nil {
		err = checkDirectory(d.RenewalInfo)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	r.address = strings.TrimRight(d.RenewalInfo, "/")
	return r, nil
}

// staysPrivate follows no redirect to where anybody may answer.
func staysPrivate(req *http.Request, via []*http.Request) error {
	const most = 3
	if req.URL.Scheme != "https" || len(via) >= most {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close ends the connection to the CA.
func (r *Renewals) Close() { r.door.transport.CloseIdleConnections() }

// Info asks when this certificate of the CA should be renewed. An answer that is none (a window that is empty, or ends
// before it begins) is an error.
func (r *Renewals) Info(ctx context.Context, leaf *x509.Certificate) (RenewalInfo, error) {
	id, err := CertID(leaf)
	if err != nil {
		return RenewalInfo{}, err
	}
	var got acme.RenewalInfoResponse
	again, err := r.get(ctx, r.address+"/"+id, &got)
	if err != nil {
		return RenewalInfo{}, err
	}
	info := RenewalInfo{Start: got.SuggestedWindow.Start.UTC(), End: got.SuggestedWindow.End.UTC(), Again: again}
	if !info.End.After(info.Start) || info.Start.Unix() <= 0 {
		return RenewalInfo{}, r.failed(again, errors.New("it names no time"))
	}
	if page, err := url.Parse(got.ExplanationURL); err == nil && page.Scheme == "https" && page.Host != "" {
		info.Explanation = short(page.String())
	}
	return info, nil
}

// get reads JSON, and how long the address should not be asked again.
func (r *Renewals) get(ctx context.Context, address string, value any) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", r.userAgent)
	reply, err := r.client.Do(req)
	var refused *serverError
	if errors.As(err, &refused) {
		return 0, r.failed(retryAfter(refused.RetryAfter, r.now()), err)
	}
	if err != nil {
		return 0, r.failed(0, err)
	}
	defer reply.Body.Close()
	again := retryAfter(reply.Header.Get("Retry-After"), r.now())
	if reply.StatusCode != http.StatusOK {
		return 0, r.failed(again, &serverError{Status: reply.StatusCode})
	}
	body, err := io.ReadAll(reply.Body)
	if err == nil {
		err = json.Unmarshal(body, value)
	}
	if err != nil {
		return 0, r.failed(again, err)
	}
	return again, nil
}

func (r *Renewals) failed(again time.Duration, err error) error {
	l := &Later{Failure: &steps.Failure{
		Text: "cannot ask when to renew: " + hostOf(r.directory) + " gives no answer", Code: "R06", Status: steps.ExitUnavailable, Err: plainError{err},
		Fixes: []string{"nothing is to be done: without it a certificate is renewed when a third of its lifetime is left"},
	}}
	if again > 0 {
		l.Until = r.now().Add(again)
	}
	return l
}

// CertID is how ARI names a certificate: the identifier of the key that signed it, and its serial number (RFC 9773 section
// 4.1).
func CertID(leaf *x509.Certificate) (string, error) {
	if len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber == nil {
		return "", fmt.Errorf("cannot name the certificate to its CA: it does not say which key signed it")
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(leaf.AuthorityKeyId) + "." + encode(derOf(leaf.SerialNumber)), nil
}

// derOf is a positive number as DER has it: with a zero in front where it would be negative otherwise.
func derOf(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return b
}
