// Package echo is a small application that answers with what it was asked: HTTP requests as JSON and WebSocket
// messages as they came. Rehearsals, the demo and tests put it behind a proxy to see what the proxy passed on.
//
// It never reads a file, opens a connection of its own or keeps anything between requests, and it believes no header.
package echo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxBody is how much of a request body is read and hashed.
const maxBody = 64 << 20

// Answer is the JSON document that answers a request.
type Answer struct {
	App     string      `json:"app"` // always "sslwizard echo"
	Method  string      `json:"method"`
	URI     string      `json:"uri"` // the request target, byte for byte
	Proto   string      `json:"proto"`
	Host    string      `json:"host"`
	Remote  string      `json:"remote"` // who connected to the application
	Headers http.Header `json:"headers"`
	Body    Body        `json:"body"`
}

// Body describes a request body without repeating it.
type Body struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Name is Answer.App.
const Name = "sslwizard echo"

// Handler returns the application. Besides echoing every path it knows:
//
//   - /.echo/events: five server-sent events, 100 ms apart (?n= and ?every= change that), to see who buffers;
//   - /.echo/status/NNN: answers with that status;
//   - /.echo/bytes/N: N bytes of body;
//   - /.echo/wait/DURATION: answers after that time.
//
// A WebSocket handshake is accepted on every path; see webSocket for what it does.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.echo/events", events)
	mux.HandleFunc("/.echo/status/{code}", status)
	mux.HandleFunc("GET /.echo/bytes/{n}", bytesOf)
	mux.HandleFunc("/.echo/wait/{time}", wait)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			webSocket(w, r)
			return
		}
		if _, pattern := mux.Handler(r); pattern != "" && clean(r) {
			mux.ServeHTTP(w, r)
			return
		}
		describe(w, r)
	})
}

// Server returns a server of the application that speaks HTTP/1.1, and HTTP/2 to whoever begins with it, both without TLS.
func Server() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: Handler(), Protocols: protocols, ReadHeaderTimeout: 10 * time.Second}
}

// clean reports whether ServeMux would serve the path as it is, not redirect it to a tidier one.
func clean(r *http.Request) bool {
	return len(r.URL.Path) > 7 && r.URL.Path[:7] == "/.echo/" && r.URL.RawPath == ""
}

func describe(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, "cannot read the request body", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(Answer{
		App: Name, Method: r.Method, URI: r.RequestURI, Proto: r.Proto, Host: r.Host, Remote: r.RemoteAddr,
		Headers: r.Header, Body: Body{Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))},
	})
}

func events(w http.ResponseWriter, r *http.Request) {
	n := number(r.URL.Query().Get("n"), 5, 1000)
	every, err := time.ParseDuration(r.URL.Query().Get("every"))
	if err != nil || every < 0 {
		every = 100 * time.Millisecond
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	for i := range n {
		if i > 0 && !pause(r, every) {
			return
		}
		if _, err := io.WriteString(w, "data: "+strconv.Itoa(i)+"\n\n"); err != nil || flush() != nil {
			return
		}
	}
}

func status(w http.ResponseWriter, r *http.Request) {
	code := number(r.PathValue("code"), 0, 599)
	if code < 200 {
		http.Error(w, "the status has to be between 200 and 599", http.StatusBadRequest)
		return
	}
	w.WriteHeader(code)
}

func bytesOf(w http.ResponseWriter, r *http.Request) {
	n := number(r.PathValue("n"), 0, maxBody)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	chunk := make([]byte, 32<<10)
	for i := range chunk {
		chunk[i] = byte('a' + i%26)
	}
	for n > 0 {
		k := min(n, len(chunk))
		if _, err := w.Write(chunk[:k]); err != nil {
			return
		}
		n -= k
	}
}

func wait(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.PathValue("time"))
	if err != nil {
		http.Error(w, "the time has to look like 1.5s", http.StatusBadRequest)
		return
	}
	if pause(r, d) {
		describe(w, r)
	}
}

// pause waits, and reports false when the client went away meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func number(s string, fallback, limit int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fallback
	}
	return min(n, limit)
}
