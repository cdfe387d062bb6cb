// Command app is the application of the scenarios: the echo of system/echo on an address of its own, over plain HTTP,
// or over TLS with a certificate that nobody trusts (--tls), and a page that tries what browsers can do.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/c93d5bcb/sslwizard/system/echo"
)

func main() {
	address := flag.String("listen", "127.0.0.1:3000", "address to serve on")
	secure := flag.Bool("tls", false, "speak TLS")
	plain := flag.Bool("no-websocket", false, "answer a WebSocket handshake as any other request")
	name := flag.String("name", "", "say this in the field X-App of every answer but a WebSocket's")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: named(*name, handler(*plain)), ReadHeaderTimeout: 10 * time.Second}
	if *secure {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate()}}
		log.Fatal(server.ServeTLS(l, "", ""))
	}
	log.Fatal(server.Serve(l))
}

func handler(plain bool) http.Handler {
	app := browsed(echo.Handler())
	if !plain {
		return app
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Upgrade")
		app.ServeHTTP(w, r)
	})
}

func named(name string, app http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name != "" {
			w.Header().Set("X-App", name)
		}
		app.ServeHTTP(w, r)
	})
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
