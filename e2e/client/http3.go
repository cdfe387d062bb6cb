package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// overQUIC asks each URL over HTTP/3 and nothing else, and writes what it got. A port of UDP that is closed says nothing,
// so it does not wait for long.
func overQUIC(urls []string, trust *tls.Config) error {
	transport := &http3.Transport{TLSClientConfig: trust, QUICConfig: &quic.Config{HandshakeIdleTimeout: 2 * time.Second}}
	defer transport.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, url := range urls {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		fmt.Printf("%s %d\n%s\n", response.Proto, response.StatusCode, body)
	}
	return nil
}
