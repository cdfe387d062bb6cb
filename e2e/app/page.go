package main

import (
	_ "embed"
	"io"
	"net/http"
	"sync"
)

//go:embed page.html
var page []byte

// browsed adds a page to the application that tries what browsers can do and hands in what came of it: GET /.page is the
// page, GET /.page/said what the last browser said, 404 before that.
func browsed(app http.Handler) http.Handler {
	var mu sync.Mutex
	var said []byte
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("POST /.page/said", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot read what was said", http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		said = text
	})
	mux.HandleFunc("GET /.page/said", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if said == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(said)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.page" || r.URL.Path == "/.page/said" {
			mux.ServeHTTP(w, r)
			return
		}
		app.ServeHTTP(w, r)
	})
}
