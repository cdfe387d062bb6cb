// Command client is a stranger's program on the client host of a scenario. It trusts the roots it is given and nothing
// else, and its WebSocket is golang.org/x/net's, not ours: both sides being wrong in the same way must not pass.
//
//	client wss --ca root.pem [--hold 10s] wss://shop.example.com/chat     echo a few messages; idle; echo again
//	client until --ca root.pem https://shop.example.com/                  ask until there is a good answer
//	client http3 --ca root.pem https://shop.example.com/                 ask over HTTP/3 and nothing else
//	client load --ca root.pem https://… wss://…                          ask until standard input ends, then report
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: client wss|until|http3|load --ca FILE URL…")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	ca := flags.String("ca", "", "PEM file with the roots to trust")
	hold := flags.Duration("hold", 0, "how long the WebSocket stays silent before a last message")
	slow := flags.Duration("pause", pause, "of each worker of a load between two requests")
	end := flags.Duration("for", longest, "when a load ends by itself")
	_ = flags.Parse(os.Args[2:])
	trust, err := roots(*ca)
	if err != nil {
		fail(err)
	}
	switch os.Args[1] {
	case "wss":
		for _, url := range flags.Args() {
			if err := converse(url, trust, *hold); err != nil {
				fail(url, ": ", err)
			}
			fmt.Println("echoed", url)
		}
	case "until":
		await(flags.Arg(0), trust)
	case "http3":
		if err := overQUIC(flags.Args(), trust); err != nil {
			fail(err)
		}
	case "load":
		newLoad(trust, *slow, *end).run(flags.Args())
	default:
		fail("cannot ", os.Args[1])
	}
}

func roots(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func fail(what ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"client:"}, what...)...)
	os.Exit(1)
}

// patience is how long one request or message may take.
const patience = 15 * time.Second
