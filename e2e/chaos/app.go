package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/net/websocket"
)

// generationField is what the configuration adds to each request: it tells which configuration passed it.
const generationField = "X-Generation"

// serveApp is the application behind the proxy, a process of its own so that it can be killed.
func serveApp(address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, pageOf(r.Method, r.RequestURI))
	})
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%d %s", n, hex.EncodeToString(sum.Sum(nil)))
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		seed, _ := strconv.ParseUint(r.FormValue("seed"), 10, 64)
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		_, _ = io.CopyN(w, stream(seed), n)
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range events {
			fmt.Fprintf(w, "data: %d\n\n", i)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			time.Sleep(eventEvery)
		}
	})
	mux.Handle("/ws", websocket.Server{Handler: echo}) // websocket.Handler would want an Origin
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Seen", r.Method+" "+r.RequestURI)
		w.Header().Set(generationField, r.Header.Get(generationField))
		mux.ServeHTTP(w, r)
	})}).Serve(l)
}

// echo sends every message back as it is.
func echo(ws *websocket.Conn) {
	for {
		var message []byte
		if websocket.Message.Receive(ws, &message) != nil || websocket.Message.Send(ws, message) != nil {
			return
		}
	}
}

// An event stream has so many events, so far apart.
const (
	events     = 30
	eventEvery = 100 * time.Millisecond
)

// pageOf is what a page says: nobody else's.
func pageOf(method, uri string) string { return fmt.Sprintf("%s %s\n", method, uri) }

// stream is as many bytes as one likes, always the same of one seed.
func stream(seed uint64) io.Reader {
	var key [32]byte
	copy(key[:], strconv.FormatUint(seed, 10))
	return rand.NewChaCha8(key)
}

// app is an application that runs.
type app struct {
	address string
	process *exec.Cmd
}

// startApp starts one on a port that is free.
func startApp() (*app, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	a := &app{address: address}
	return a, a.start()
}

// start returns when it listens.
func (a *app) start() error {
	a.process = exec.Command(os.Args[0], "app", a.address)
	a.process.Stderr = os.Stderr
	if err := a.process.Start(); err != nil {
		return err
	}
	return eventually("the application listens", func() error {
		conn, err := net.Dial("tcp", a.address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// kill ends it as the kernel does when memory is short.
func (a *app) kill() {
	_ = a.process.Process.Kill()
	_ = a.process.Wait()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// eventually asks until there is no error.
func eventually(what string, ask func() error) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("this did not come to be in %s: %s: %w", patience, what, err)
		}
	}
}
