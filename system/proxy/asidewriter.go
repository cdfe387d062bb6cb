package proxy

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// asideWriter is the http.ResponseWriter of its handler.
type asideWriter struct {
	aside   *aside
	header  http.Header
	head    bool     // it answers HEAD
	status  int      // 0: there is no head yet
	trailer []string // that were announced
}

// serve runs the handler.
func (w *asideWriter) serve(h http.Handler, r *http.Request, plane *loopPlane) {
	defer w.aside.cancel()
	whole := false
	defer func() {
		if reason := recover(); reason != nil && reason != any(http.ErrAbortHandler) {
			plane.panicked(reason, debug.Stack())
		}
		w.finish(whole)
	}()
	h.ServeHTTP(w, r)
	whole = true
}

// Header implements http.ResponseWriter.
func (w *asideWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *asideWriter) WriteHeader(status int) {
	a := w.aside
	if w.status != 0 {
		return
	}
	one := answerHead{status: status, fields: w.fields(status >= 200), closes: hasToken(w.header, "Connection", "close")}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return
	}
	if status < 200 {
		a.interims = append(a.interims, one)
		a.post()
		return
	}
	w.status = status
	for _, list := range w.header["Trailer"] {
		for name := range announced(nil, list) {
			w.trailer = append(w.trailer, name)
		}
	}
	a.first = &one // it is sent with what follows
}

// fields are those of the header, as they are now, and the time.
func (w *asideWriter) fields(dated bool) []h1.Field {
	var out []h1.Field
	for name, values := range w.header {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade":
			continue
		}
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, value := range values {
			out = append(out, h1.Field{Name: []byte(name), Value: []byte(value)})
		}
	}
	if _, has := w.header["Date"]; dated && !has {
		out = append(out, h1.Field{Name: []byte("Date"), Value: []byte(time.Now().UTC().Format(http.TimeFormat))})
	}
	return out
}

// Write implements http.ResponseWriter.
func (w *asideWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	a := w.aside
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.failed == nil && len(a.out) >= asideOut {
		a.change.Wait()
	}
	if a.failed != nil {
		return 0, a.failed
	}
	if !w.head {
		a.out = append(a.out, p...)
		a.post()
	}
	return len(p), nil
}

// FlushError is what http.ResponseController calls.
func (w *asideWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	a := w.aside
	a.mu.Lock()
	defer a.mu.Unlock()
	a.post()
	return a.failed
}

// SetReadDeadline is what http.ResponseController calls.
func (w *asideWriter) SetReadDeadline(t time.Time) error { return w.aside.readBy.set(t) }

// SetWriteDeadline is what http.ResponseController calls: when it passes, the stream is broken off, as on net/http.
func (w *asideWriter) SetWriteDeadline(t time.Time) error { return w.aside.writeBy.set(t) }

// EnableFullDuplex is what http.ResponseController calls. HTTP/2 has nothing else.
func (w *asideWriter) EnableFullDuplex() error { return nil }

// finish ends the answer.
func (w *asideWriter) finish(whole bool) {
	if whole && w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	a := w.aside
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readBy.stop()
	a.writeBy.stop()
	a.used += len(a.in)
	a.in = nil
	if a.failed == nil {
		a.done, a.broken = whole, !whole
		a.trailer = w.trailers()
	}
	a.post()
}

// trailers are those of the answer: the announced ones, and those that the handler has named so.
func (w *asideWriter) trailers() (out []h1.Field) {
	add := func(name string, values []string) {
		for _, value := range values {
			out = append(out, h1.Field{Name: []byte(name), Value: []byte(value)})
		}
	}
	for _, name := range w.trailer {
		add(name, w.header[name])
	}
	for name, values := range w.header {
		if own, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			add(own, values)
		}
	}
	return out
}
