package proxy

import (
	"net/http"
	"strconv"
	"strings"
)

// grpc reports whether the request is a call of gRPC: its client understands no page, and reads a status in a trailer.
func (x *exchange) grpc() bool {
	kind, _, _ := strings.Cut(x.in.Header.Get("Content-Type"), ";")
	return x.in.ProtoMajor >= 2 && (kind == grpcType || strings.HasPrefix(kind, grpcType+"+"))
}

const grpcType = "application/grpc"

// Codes of gRPC.
const (
	grpcUnknown           = 2
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
)

// refusals are what a status means to a client of gRPC: where its documents say what it makes of an answer that is none of
// gRPC, the same. A time-out is no invitation to call again, for the first call may have had its effect.
var refusals = map[int]struct {
	code    int
	message string
}{
	http.StatusBadRequest:                  {grpcInternal, "the request is malformed"},
	http.StatusForbidden:                   {grpcPermissionDenied, "this is not allowed"},
	http.StatusNotFound:                    {grpcUnimplemented, "there is nothing here"},
	http.StatusMethodNotAllowed:            {grpcUnimplemented, "this method is not accepted"},
	http.StatusRequestTimeout:              {grpcDeadlineExceeded, "the client was silent for too long"},
	http.StatusRequestEntityTooLarge:       {grpcResourceExhausted, "the request is larger than the proxy accepts"},
	http.StatusRequestHeaderFieldsTooLarge: {grpcResourceExhausted, "there are too many fields"},
	http.StatusMisdirectedRequest:          {grpcUnavailable, "the connection is for another name"},
	http.StatusBadGateway:                  {grpcUnavailable, "the application does not answer"},
	http.StatusServiceUnavailable:          {grpcUnavailable, "there are too many requests"},
	http.StatusGatewayTimeout:              {grpcDeadlineExceeded, "the application was silent for too long"},
}

// refuseCall answers a call of gRPC with its status alone. The access log has what it stands for.
func (x *exchange) refuseCall(status int) {
	refusal, known := refusals[status]
	if !known {
		refusal.code, refusal.message = grpcUnknown, http.StatusText(status)
	}
	h := x.Header()
	h.Set("Content-Type", grpcType)
	h.Set("Grpc-Status", strconv.Itoa(refusal.code))
	h.Set("Grpc-Message", refusal.message)
	x.status = status
	x.w.WriteHeader(http.StatusOK)
}
