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
	argv func(s *stage, url, seconds string) []string
	path string
}

var workloads = []workload{
	{"h1 keep-alive, 1 KiB, 64 connections", 0.80, 1.00, wrk("-c", "64"), "/small"},
	{"h2, 1 KiB, 10 connections of 10 streams", 0.70, 1.00, h2load(5000, "-c", "10", "-m", "10"), "/small"},
	{"full handshake, one request each", 1.05, 1.20, wrk("-c", "16", "-H", "Connection: close"), "/small"},
	{"h1, 1 MiB down, 16 connections", 0.85, 1.05, wrk("-c", "16"), "/large"},
	{"h2, 1 MiB down, 4 connections of 4 streams", 0.65, 1.05, h2load(60, "-c", "4", "-m", "4", "-w", "20", "-W", "22"), "/large"},
	{"h1, 1 MiB up, 16 connections", 1.00, 1.20, upload, "/upload"},
}

func wrk(options ...string) func(*stage, string, string) []string {
	return func(_ *stage, url, seconds string) []string {
		return append(append([]string{"wrk", "-t", "1", "-d", seconds}, options...), url)
	}
}

func upload(s *stage, url, seconds string) []string {
	return []string{"wrk", "-t", "1", "-c", "16", "-d", seconds, "-s", s.path("upload.lua"), url}
}

// h2load is told a number of requests, for about so many seconds: told a time, it may wait for ever for connections to end.
func h2load(perSecond int, options ...string) func(*stage, string, string) []string {
	return func(_ *stage, url, seconds string) []string {
		n, _ := strconv.Atoi(seconds)
		return append(append([]string{"h2load", "-t", "1", "-n", strconv.Itoa(n * perSecond)}, options...), url)
	}
}

var (
	ofWrk    = regexp.MustCompile(`(\d+) requests in `)
	ofH2load = regexp.MustCompile(`(\d+) succeeded`)
	failures = regexp.MustCompile(`Non-2xx|Socket errors: connect [1-9]|, [1-9]\d* 4xx|, [1-9]\d* 5xx|[1-9]\d* failed`)
)

// run runs the load, and returns how many requests were answered.
func (w workload) run(ctx context.Context, s *stage, at string, load time.Duration) (int, error) {
	const script = "wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", 1048576)\n"
	if err := os.WriteFile(s.path("upload.lua"), []byte(script), 0o600); err != nil {
		return 0, err
	}
	_, port, _ := net.SplitHostPort(at)
	seconds := strconv.Itoa(max(1, int(load.Seconds())))
	argv := w.argv(s, "https://"+site+":"+port+w.path, seconds)
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
