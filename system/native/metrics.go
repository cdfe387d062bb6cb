package native

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// metricsName is the socket in the runtime folder where the service is watched: its numbers and its health over HTTP.
const metricsName = "metrics.sock"

// healthTime is how long the service may take to answer itself before it is called ill.
const healthTime = 5 * time.Second

// listenMetrics serves /metrics and /health at a path, or at an address of loopback. Nothing secret is there, but what
// a site is asked for is nobody's business who cannot enter this host.
func (d *daemon) listenMetrics(address string, l listeners) (io.Closer, error) {
	listener, err := openMetrics(address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", d.serveMetrics)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { d.serveHealth(w, r, l) })
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 2 * healthTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: nil,
	}
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return server, nil
}

func openMetrics(address string) (net.Listener, error) {
	if strings.HasPrefix(address, "/") {
		return listenPrivate(address)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, &steps.Failure{Text: "cannot offer metrics on " + steps.CleanLine(address) + ": it is no path and no address of loopback",
			Status: steps.ExitUsage, Fixes: []string{"--metrics 127.0.0.1:9145", "--metrics " + runtimeDir + metricsName}}
	}
	all, err := listenAll([]string{address})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// serveHealth asks each of the live sockets as a client would, as the watchdog does.
func (d *daemon) serveHealth(w http.ResponseWriter, r *http.Request, l listeners) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTime)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := d.askSelf(ctx, l, healthTime); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, "cannot reach myself:", oneLine(err))
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// serveMetrics writes the text format of Prometheus, version 0.0.4.
func (d *daemon) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var out exposition
	s := d.status()
	out.family("connections", "gauge", "Open connections, without WebSockets.", sample{value: float64(s.Connections)})
	out.family("websockets", "gauge", "Open WebSockets.", sample{value: float64(s.WebSockets)})
	out.family("connections_refused_total", "counter", "Connections that were closed at once because there were too many.", sample{value: float64(s.Refused)})
	out.family("cut_total", "counter", "What was ended because of what its client did.", reasons(s.Cut)...)
	out.family("start_time_seconds", "gauge", "When the service began, in Unix time.", sample{value: unixTime(s.Started)})
	out.family("goroutines", "gauge", "Goroutines of the service: they come and go with connections.", sample{value: float64(runtime.NumGoroutine())})
	out.family("config_generation", "gauge", "Configurations that were taken since then.", sample{value: float64(s.Generation)})
	out.family("config_loads_total", "counter", "Configurations that were read, taken or not.", sample{value: float64(s.Loads)})
	out.family("config_last_load_taken", "gauge", "1 when the configuration that was read last is the one that is served.", sample{value: truth(s.Error == "")})
	out.family("certificate_not_after_seconds", "gauge", "When the served certificate ends, in Unix time.", ends(s.Expires)...)
	out.family("access_log_lost_lines_total", "counter", "Lines for which the access log was too slow, or which could not be written.", sample{value: float64(d.access.lost.Load())})
	out.upstreams(s.Upstreams)
	d.traffic.write(&out)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func reasons(all map[string]uint64) []sample {
	var samples []sample
	for _, reason := range slices.Sorted(maps.Keys(all)) {
		samples = append(samples, sample{labels: label("reason", reason), value: float64(all[reason])})
	}
	return samples
}

func ends(all map[string]time.Time) []sample {
	var samples []sample
	for _, site := range slices.Sorted(maps.Keys(all)) {
		samples = append(samples, sample{labels: label("site", site), value: unixTime(all[site])})
	}
	return samples
}

// upstreams tells how each of them is.
func (e *exposition) upstreams(all []proxy.UpstreamStatus) {
	var busy, failures, down []sample
	for _, u := range all {
		labels := label("site", u.Site) + "," + label("upstream", u.Upstream)
		busy = append(busy, sample{labels: labels, value: float64(u.Busy)})
		failures = append(failures, sample{labels: labels, value: float64(u.Failures)})
		down = append(down, sample{labels: labels, value: truth(u.Down)})
	}
	e.family("upstream_in_progress", "gauge", "Requests and WebSockets that are at the upstream.", busy...)
	e.family("upstream_failures_total", "counter", "Requests that the upstream gave no answer to, or none that could be understood.", failures...)
	e.family("upstream_down", "gauge", "1 when the upstream could not be reached when it was last tried.", down...)
}

// write tells what was counted.
func (t *traffic) write(out *exposition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var requests, sent, durations []sample
	for _, name := range slices.Sorted(maps.Keys(t.sites)) {
		s, site := t.sites[name], label("site", name)
		byStatus := func(a, b answer) int { return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(a.scheme, b.scheme)) }
		for _, a := range slices.SortedFunc(maps.Keys(s.answers), byStatus) {
			labels := site + "," + label("scheme", a.scheme) + "," + label("code", strconv.Itoa(a.status))
			requests = append(requests, sample{labels: labels, value: float64(s.answers[a])})
		}
		sent = append(sent, sample{labels: site, value: float64(s.bytes)})
		durations = append(durations, s.histogram(site)...)
	}
	out.family("requests_total", "counter", "Requests that have ended; a code of 0 is a client that left before its answer.", requests...)
	out.family("sent_bytes_total", "counter", "Bytes of bodies and of WebSockets towards clients.", sent...)
	out.family("request_duration_seconds", "histogram", "Time until the last byte, without WebSockets.", durations...)
}

func (s *siteTraffic) histogram(site string) []sample {
	var samples []sample
	var sum uint64
	for n, in := range s.within {
		sum += in
		end := "+Inf"
		if n < len(bounds) {
			end = strconv.FormatFloat(bounds[n].Seconds(), 'g', -1, 64)
		}
		samples = append(samples, sample{"_bucket", site + "," + label("le", end), float64(sum)})
	}
	return append(samples, sample{"_sum", site, s.duration.Seconds()}, sample{"_count", site, float64(sum)})
}

// exposition is a page of metrics.
type exposition struct{ bytes.Buffer }

// sample is one line; suffix is what a histogram adds to its name.
type sample struct {
	suffix, labels string
	value          float64
}

func (e *exposition) family(name, kind, help string, samples ...sample) {
	fmt.Fprintf(e, "# HELP sslwizard_%s %s\n# TYPE sslwizard_%s %s\n", name, help, name, kind)
	for _, s := range samples {
		labels := s.labels
		if labels != "" {
			labels = "{" + labels + "}"
		}
		fmt.Fprintf(e, "sslwizard_%s%s%s %s\n", name, s.suffix, labels, strconv.FormatFloat(s.value, 'g', -1, 64))
	}
}

// label is one, quoted; the values are names of sites and numbers, in which nothing but quotes could matter.
func label(name, value string) string { return name + "=" + strconv.Quote(value) }

func unixTime(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
