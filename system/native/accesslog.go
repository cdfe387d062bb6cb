package native

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// accessLog writes each request where its site wants it. It never holds up a request: what cannot be written in time is
// counted instead.
type accessLog struct {
	journal *logWriter
	log     *slog.Logger
	dir     string
	lost    atomic.Uint64
	routes  atomic.Pointer[map[string]route] // by site; "" is what nobody serves

	mu    sync.Mutex
	files map[string]*logWriter // by path
}

// route is where the requests of a site go.
type route struct {
	to   *logWriter                         // nil: nowhere
	form func([]byte, *proxy.Access) []byte // appends the line
}

func newAccessLog(journal io.Writer, dir string, log *slog.Logger) *accessLog {
	l := &accessLog{log: log, dir: dir, files: map[string]*logWriter{}}
	l.journal = l.writer("the journal", standing{journal})
	return l
}

func (l *accessLog) writer(name string, to sink) *logWriter {
	return newLogWriter(to, &l.lost, gatherTime, func(err error) {
		l.log.Error("cannot write the access log: lines are lost", "to", name, "lost so far", l.lost.Load(), "error", oneLine(err))
	})
}

// follow has every request from now on go where its site wants it. What no site answers goes to the journal as long as
// a site does, or there is none.
func (l *accessLog) follow(sites []proxy.Site) {
	l.mu.Lock()
	defer l.mu.Unlock()
	routes, used := map[string]route{}, map[string]*logWriter{}
	for _, s := range sites {
		one := route{l.journal, jsonLine}
		switch path := s.LogFile(l.dir); {
		case path != "":
			used[path] = cmp.Or(l.files[path], used[path])
			if used[path] == nil {
				used[path] = l.writer(path, &logFile{path: path})
			}
			one.to = used[path]
			if s.Proxy.AccessLog == steps.LogCombined {
				one.form = combinedLine
			}
		case s.Proxy.AccessLog == steps.LogOff:
			one.to = nil
		}
		routes[s.Name] = one
		if one.to == l.journal {
			routes[""] = one
		}
	}
	if len(sites) == 0 {
		routes[""] = route{l.journal, jsonLine}
	}
	l.routes.Store(&routes)
	for path, old := range l.files {
		if used[path] == nil {
			go old.end() // a reload does not wait for a disk
		}
	}
	l.files = used
}

// write is called at the end of every request.
func (l *accessLog) write(a proxy.Access) {
	one, known := route{}, false
	if routes := l.routes.Load(); routes != nil {
		one, known = (*routes)[a.Site]
	}
	if !known && a.Site != "" { // it is served since a moment ago
		one = route{l.journal, jsonLine}
	}
	if one.to != nil {
		one.add(a)
	}
}

// add is apart so that a request that nobody logs costs no memory: a, which a line is made of later, is on the heap.
func (r route) add(a proxy.Access) { r.to.add(func(b []byte) []byte { return r.form(b, &a) }) }

// end writes what waits, as far as that goes in time.
func (l *accessLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all sync.WaitGroup
	all.Go(l.journal.end)
	for _, f := range l.files {
		all.Go(f.end)
	}
	all.Wait()
}

// jsonLine is the form for programs.
func jsonLine(b []byte, a *proxy.Access) []byte {
	b = a.Time.UTC().AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = append(b, '"')
	text := func(name, value string) {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = appendJSON(b, value)
	}
	if a.Site != "" {
		text("site", a.Site)
	}
	text("remote", a.Remote)
	if a.Peer != "" { // who told of that address
		text("peer", a.Peer)
	}
	text("method", a.Method)
	text("scheme", scheme(*a))
	text("host", a.Host)
	text("path", a.Path)
	text("proto", a.Proto)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(a.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), a.Bytes, 10)
	b = strconv.AppendFloat(append(b, `,"ms":`...), float64(a.Elapsed.Microseconds())/1000, 'f', -1, 64)
	return append(b, "}\n"...)
}

// appendJSON appends a text in quotes.
func appendJSON(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // a text can always be
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// clientLeft is what nginx writes for a client that left before its answer; the combined form wants a number.
const clientLeft = 499

// combinedLine is the combined form of Apache and nginx, which whatever reads logs can read. The name of a user is never
// in it.
func combinedLine(b []byte, a *proxy.Access) []byte {
	return fmt.Appendf(b, "%s - - [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n", cmp.Or(a.Remote, "-"), a.Time.Format("02/Jan/2006:15:04:05 -0700"),
		quoted(a.Method), quoted(a.Path), quoted(a.Proto), cmp.Or(a.Status, clientLeft), max(a.Bytes, 0), quoted(cmp.Or(a.Referer, "-")), quoted(cmp.Or(a.Agent, "-")))
}

// quoted escapes as nginx does what could end a field or is no printable ASCII.
func quoted(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
