package acme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-jose/go-jose/v4"
)

// What lego has no call for is signed here: a JSON Web Signature as in RFC 8555 section 6.2.

var errKind = errors.New("an account has a key of ECDSA P-256 or P-384, or of RSA with 2048 to 4096 bits")

// algorithm is how a key signs; CAs take no others.
func algorithm(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	switch key := key.Public().(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= 2048 && bits <= 4096 {
			return jose.RS256, nil
		}
	case *ecdsa.PublicKey:
		switch key.Params().BitSize {
		case 256:
			return jose.ES256, nil
		case 384:
			return jose.ES384, nil
		}
	}
	return "", errKind
}

// ticket is a nonce that was fetched before.
type ticket string

// Nonce implements jose.NonceSource.
func (t ticket) Nonce() (string, error) { return string(t), nil }

// sign makes a JWS for a URL: in the name of an account, or with the public key within when kid is empty.
func sign(key crypto.Signer, kid, url string, nonce ticket, payload []byte) (string, error) {
	alg, err := algorithm(key)
	if err != nil {
		return "", err
	}
	options := &jose.SignerOptions{EmbedJWK: kid == "", ExtraHeaders: map[jose.HeaderKey]any{"url": url}}
	if nonce != "" {
		options.NonceSource = nonce
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.FullSerialize(), nil
}

// post sends a payload in the name of the account.
func (s *session) post(url string, payload []byte) error {
	nonce, err := s.nonce()
	if err != nil {
		return err
	}
	body, err := sign(s.account.Key, s.account.URL, url, nonce, payload)
	if err != nil {
		return err
	}
	reply, err := s.send(http.MethodPost, url, body)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode < http.StatusBadRequest {
		return nil
	}
	problem := &acme.ProblemDetails{}
	if err := json.NewDecoder(reply.Body).Decode(problem); err != nil {
		return err
	}
	problem.HTTPStatus = reply.StatusCode
	if problem.Type == acme.BadNonceErr {
		return &acme.NonceError{ProblemDetails: problem}
	}
	return problem
}

func (s *session) nonce() (ticket, error) {
	reply, err := s.send(http.MethodHead, s.core.GetDirectory().NewNonceURL, "")
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	nonce := reply.Header.Get("Replay-Nonce")
	if nonce == "" {
		return "", &serverError{Status: reply.StatusCode, Detail: "it gave no nonce"}
	}
	return ticket(nonce), nil
}

func (s *session) send(method, url, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(s.ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", s.client.UserAgent)
	if body != "" {
		request.Header.Set("Content-Type", "application/jose+json")
	}
	return s.door.RoundTrip(request)
}

// ParseJWK reads an account key in the form in which certbot keeps it (private_key.json, RFC 7517). Its errors say nothing
// of the content.
func ParseJWK(text []byte) (crypto.Signer, error) {
	var key jose.JSONWebKey
	if json.Unmarshal(text, &key) != nil || !key.Valid() {
		return nil, errors.New("it is no key in JSON form (JWK)")
	}
	signer, ok := key.Key.(crypto.Signer)
	if !ok {
		return nil, errors.New("it is no private key")
	}
	return signer, nil
}

// Thumbprint names an account key as a CA and other clients do (RFC 7638); empty for a key of no use.
func Thumbprint(key crypto.Signer) string {
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
