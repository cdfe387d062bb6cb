package proxy

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxToken bounds a token's name and maxAuthorization its file: both are under 200 bytes with every CA.
const (
	maxToken         = 256
	maxAuthorization = 16 << 10
)

// challenge answers an HTTP-01 request (RFC 8555 section 8.3) from the webroot. It is answered for every name and never
// redirected: a token is no secret, and the name may be about to become ours.
func (x *exchange) challenge(token string) {
	if x.in.Method != http.MethodGet && x.in.Method != http.MethodHead {
		x.Header().Set("Allow", "GET, HEAD")
		x.refuse(http.StatusMethodNotAllowed)
		return
	}
	content, err := readToken(x.table.config.Webroot, token)
	if err != nil {
		x.refuse(http.StatusNotFound)
		return
	}
	h := x.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	x.WriteHeader(http.StatusOK)
	if x.in.Method == http.MethodGet {
		_, _ = x.Write(content)
	}
}

// readToken reads a token's file. The name can have no separator, dot or escape, so nothing else can be named.
func readToken(webroot, token string) ([]byte, error) {
	if !validToken(token) {
		return nil, os.ErrNotExist
	}
	return readAuthorization(webroot, steps.ChallengePath, token)
}

// readAuthorization reads what answers a challenge; a link or anything but a regular file is not there. The name is one
// that cannot lead anywhere else.
func readAuthorization(webroot, folder, name string) ([]byte, error) {
	if webroot == "" {
		return nil, os.ErrNotExist
	}
	f, err := os.OpenFile(filepath.Join(webroot, folder, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxAuthorization {
		return nil, os.ErrNotExist
	}
	return io.ReadAll(io.LimitReader(f, maxAuthorization))
}

// validToken accepts the base64url alphabet, which is all that a token may use (RFC 8555 section 8.3).
func validToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
