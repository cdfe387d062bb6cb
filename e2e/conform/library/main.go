// Command library ADDRESS is an application that stands on the WebSocket library that most of Go's applications have: it sends
// every message back. It is a module of its own, so that the library is none of sslwizard's.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

func main() {
	fmt.Fprintln(os.Stderr, "library:", http.ListenAndServe(os.Args[1], http.HandlerFunc(serve)))
	os.Exit(1)
}

var upgrader = websocket.Upgrader{
	Subprotocols: []string{"superchat", "chat"}, EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true },
}

func serve(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil) // answers itself when it fails
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage() // answers pings and close frames
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}
