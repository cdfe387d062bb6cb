package proxy

import (
	"net/http"
	"strconv"

	"github.com/c93d5bcb/sslwizard/assets"
)

// refuse answers with an error page of ours. It says what happened in words for a visitor and nothing of what is
// behind the proxy. The connection is closed where the rest of the request cannot be trusted or is not read.
func (x *exchange) refuse(status int) {
	if x.status != 0 {
		panic(http.ErrAbortHandler) // too late for a page: the client has to see that the answer is broken
	}
	if x.grpc() {
		x.refuseCall(status)
		return
	}
	h := x.Header()
	switch status {
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		h.Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		if h.Get("Allow") == "" {
			h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		}
	}
	if status < http.StatusInternalServerError && x.in.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
	x.page(status)
}

// page writes the page of a status.
func (x *exchange) page(status int) {
	body := assets.Page(status)
	h := x.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	if x.doubtful() {
		h.Set("Connection", "close")
	}
	if status >= http.StatusBadRequest {
		h.Set("Cache-Control", "no-store")
	}
	x.promise(h)
	x.WriteHeader(status)
	if x.in.Method != http.MethodHead {
		_, _ = x.Write(body)
	}
}
