package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// workload is a kind of load.
type workload struct {
	name string
	goal float64 // issue 7: the ratio to nginx
	hold float64 // and the one beyond which it is no good
	// load has a contender at an address be busy for so long, and returns how many requests were answered.
	load func(ctx context.Context, s *stage, at string, load time.Duration) (int, error)
}

var workloads = []workload{
	{"h1 keep-alive, 1 KiB, 64 connections", 0.80, 1.00, wrk("/small", "-c", "64")},
	{"h2, 1 KiB, 10 connections of 10 streams", 0.70, 1.00, h2load(5000, "/small", "-c", "10", "-m", "10")},
	{"full handshake, one request each", 1.05, 1.20, wrk("/small", "-c", "16", "-H", "Connection: close")},
	{"resumed handshake, one request each", 0.95, 1.10, resumptions},
	{"h1, 1 MiB down, 16 connections", 0.85, 1.05, wrk("/large", "-c", "16")},
	{"h2, 1 MiB down, 4 connections of 4 streams", 0.65, 1.05, h2load(60, "/large", "-c", "4", "-m", "4", "-w", "20", "-W", "22")},
	{"h1, 1 MiB up, 16 connections", 1.00, 1.20, uploads},
	{"h2, 1 MiB up, 4 connections of 4 streams", 1.00, 1.20, h2uploads},
	{"WebSocket, 64 bytes there and back, 32 connections", 0.85, 1.10, echoes},
}

func wrk(path string, options ...string) func(context.Context, *stage, string, time.Duration) (int, error) {
	return func(ctx context.Context, _ *stage, at string, load time.Duration) (int, error) {
		argv := append([]string{"wrk", "-t", "1", "-d", strconv.Itoa(seconds(load))}, options...)
		return tool(ctx, append(argv, urlOf(at, path))...)
	}
}

func uploads(ctx context.Context, s *stage, at string, load time.Duration) (int, error) {
	const script = "wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", 1048576)\n"
	if err := os.WriteFile(s.path("upload.lua"), []byte(script), 0o600); err != nil {
		return 0, err
	}
	return wrk("/upload", "-c", "16", "-s", s.path("upload.lua"))(ctx, s, at, load)
}

// h2load is told a number of requests, for about so many seconds: told a time, it may wait for ever for connections to end.
func h2load(perSecond int, path string, options ...string) func(context.Context, *stage, string, time.Duration) (int, error) {
	return func(ctx context.Context, _ *stage, at string, load time.Duration) (int, error) {
		argv := append([]string{"h2load", "-t", "1", "-n", strconv.Itoa(seconds(load) * perSecond)}, options...)
		return tool(ctx, append(argv, urlOf(at, path))...)
	}
}

func h2uploads(ctx context.Context, s *stage, at string, load time.Duration) (int, error) {
	if err := os.WriteFile(s.path("upload"), make([]byte, 1<<20), 0o600); err != nil {
		return 0, err
	}
	return h2load(100, "/upload", "-c", "4", "-m", "4", "-d", s.path("upload"))(ctx, s, at, load)
}

func seconds(load time.Duration) int { return max(1, int(load.Seconds())) }

func urlOf(at, path string) string {
	_, port, _ := net.SplitHostPort(at)
	return "https://" + net.JoinHostPort(site, port) + path
}

var (
	ofWrk    = regexp.MustCompile(`(\d+) requests in `)
	ofH2load = regexp.MustCompile(`(\d+) succeeded`)
	failures = regexp.MustCompile(`Non-2xx|Socket errors: connect [1-9]|, [1-9]\d* 4xx|, [1-9]\d* 5xx|[1-9]\d* failed`)
)

// tool runs a load tool, and returns how many requests were answered.
func tool(ctx context.Context, argv ...string) (int, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", argv, err, out)
	}
	found := ofWrk.FindSubmatch(out)
	if found == nil {
		found = ofH2load.FindSubmatch(out)
	}
	if found == nil || failures.Match(out) {
		return 0, fmt.Errorf("%v: %w:\n%s", argv, errors.New("not every request was answered"), out)
	}
	return strconv.Atoi(string(found[1]))
}
